"""A large run opens as its skeleton and is read where it is looked at."""

import httpx
import pytest
from playwright.sync_api import expect

ROUNDS = 400
NODE = f'''"""Goes round and round."""

from agent.core.frames import Envelope


async def loop(ctx, envelope):
    """Hand on how often it was here."""
    if ctx.visit == {ROUNDS}:
        ctx.say("round and round")
        return None
    return Envelope(kind="round", text=f"round {{ctx.visit}}", data={{"whole": "x" * 300 + str(ctx.visit)}})
'''
GRAPH = f"""
name = "loop"
description = "One node that goes round"
frame_budget = {ROUNDS}

[[node]]
role = "loop"
impl = "loop"

[[edge]]
from = "loop"
to = ["loop"]
"""


@pytest.fixture
def looped(own_server, tmp_path):
    for folder, name, text in (("nodes", "loop.py", NODE), ("graphs", "loop.toml", GRAPH)):
        (tmp_path / "w" / folder).mkdir(parents=True)
        (tmp_path / "w" / folder / name).write_text(text, "utf-8")
    running = own_server(AGENT_WORKSPACE=str(tmp_path / "w"), AGENT_GRAPH="loop")
    with httpx.Client(
        base_url=running.url, headers={"authorization": f"Bearer {running.token}"}
    ) as http:
        run = http.post("/api/send", json={"text": "go"}).raise_for_status().json()["run_id"]
        while http.get(f"/api/runs/{run}").json()["status"] in ("queued", "running"):
            pass
    return running, run


def test_a_large_run_is_read_where_it_is_looked_at(looped, visit):
    server, run = looped
    page = visit(server)
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
    page.goto(f"/#/frames?run={run}&frame=300&node=loop&visit=300")
    inspector = page.locator(".room-inspector")
    expect(inspector.locator("h2")).to_contain_text("frame 300")
    inspector.get_by_role("tab", name="Output").click()
    expect(inspector).to_contain_text("round 300")
    expect(inspector).to_contain_text("x" * 300 + "300")
    assert page.locator(".room-frames .frame-row:not(.ruler)").count() < 150, "rows are windowed"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(inspector).to_contain_text("x" * 300 + "301")
    traces = [*dict.fromkeys(path for path in asked if path.startswith("/api/traces/"))]
    skeleton = f"/api/traces/{run}?skeleton=1"  # perhaps read before anybody listened
    frames = [f"/api/traces/{run}/frames/{n}" for n in (300, 301)]
    assert [path for path in traces if path != skeleton] == frames


def test_a_large_run_is_forked_from_a_frame_that_is_read_for_it(looped, visit):
    server, run = looped
    page = visit(server, f"/#/frames?run={run}&frame=398&node=loop&visit=398")
    page.get_by_role("button", name="fork from here").click()
    page.get_by_role("combobox", name="from frame").select_option("399")
    page.get_by_role("button", name="change something").click()
    page.get_by_role("combobox", name="change").select_option("envelope")
    envelope = page.get_by_role("textbox", name="New envelope")
    envelope.fill(envelope.input_value().replace("round 398", "another round"))
    page.get_by_role("button", name="estimate").click()
    expect(page.locator(".price")).to_contain_text("visits dirty")
    expect(page.locator(".price")).to_contain_text("frame 399 · loop")
