"""What holds runs, changed in another tab or by curl, and a run that is held where it departs."""

import httpx
import pytest
from e2e.conftest import say
from playwright.sync_api import expect

QUESTION = "how many customers are in Leipzig?"
SIZES = {375: 720, 1440: 900}
GRAPH = """name = "slow"
description = "says something, looks for long, then says the rest"

[[node]]
role = "speaker"
impl = "speaker_v1"

[[node]]
role = "looker"
impl = "looker_v1"

[[edge]]
from = "speaker"
to = ["looker"]
"""
NODES = """async def speaker_v1(ctx, envelope):
    for n in range(WORDS):
        ctx.say(f"word {n} ")
    return envelope


async def looker_v1(ctx, envelope):
    ctx.think("looking for long")
    await ctx.call("look", {})
    ctx.say("and that is all")
"""
TOOL = """import asyncio
import os

from agent.tools import tool


@tool(effect="read")
async def look() -> str:
    \"\"\"Look until a file is there.\"\"\"
    while not os.path.exists(os.environ["LOOKED_FOR"]):
        await asyncio.sleep(0.01)
    return "found"
"""
MORE_THAN_A_PAGE = 50
MANY = 400
"""Words: more pieces than the events a page reads at its start."""


@pytest.fixture
def debugged(server):
    """The shared server with nothing held, no breakpoint and an empty conversation; a client."""
    headers = {"authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        client.put("/api/debug/breakpoints", json=[]).raise_for_status()
        client.post("/api/clear").raise_for_status()
        client.post("/api/graph/switch", json={"name": "v4-eras"}).raise_for_status()
        yield client
        client.put("/api/debug/breakpoints", json=[]).raise_for_status()
        client.post("/api/clear").raise_for_status()


@pytest.fixture
def live(server, debugged, visit):
    def open_page(**options):
        page = visit(server, **options)
        expect(page.locator(".connection-live")).to_be_visible()
        return page

    return open_page


def test_what_another_tab_or_curl_changes_is_there_at_once(live, debugged):
    one, two = live(), live()
    bar = one.locator("section.debug")
    expect(bar).to_have_count(0)
    node = "g.node[data-node=pa]"
    two.locator(node).focus()
    two.keyboard.press("b")
    expect(one.locator(f"{node} .dot")).to_have_count(1)
    expect(bar).to_contain_text("Nothing is held")
    rows = [{"node": "pa"}, {"on": "model", "when": "frame > 7", "enabled": False}]
    debugged.put("/api/debug/breakpoints", json=rows).raise_for_status()
    for page in (one, two):
        page.locator("section.debug").get_by_role("button", name="1 breakpoint").click()
        expect(page.locator(".breakpoint")).to_have_count(2)
        expect(page.locator(".breakpoint-off")).to_contain_text("on model when frame > 7")
    debugged.put("/api/debug/breakpoints", json=[]).raise_for_status()
    expect(one.locator("dialog")).to_contain_text("No breakpoints yet")
    one.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    debugged.post("/api/debug/pause").raise_for_status()
    expect(bar).to_contain_text("held before its first frame")
    debugged.post("/api/debug/resume").raise_for_status()
    expect(bar).to_have_count(0)


def test_a_run_is_held_where_it_departs_from_one_and_finished(live, debugged):
    page = live()
    say(page, QUESTION)
    page.get_by_role("button", name="baseline").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="baseline")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".notice-news")).to_contain_text("where it first departs from #")
    debugged.put(
        "/api/debug/breakpoints",
        json=[*debugged.get("/api/debug/breakpoints").json(), {"node": "output"}],
    ).raise_for_status()
    page.get_by_label("Message").fill("how many customers are in Berlin?")
    page.keyboard.press("Enter")
    held = page.locator(".debug-held")
    expect(held).to_contain_text("divergence")
    expect(held).to_contain_text("frame 1 · input")
    held.get_by_role("button", name="finish").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".said-assistant").last).to_contain_text("Berlin")
    expect(page.locator(".run-title .status-done")).to_be_visible()
    expect(page.locator("section.debug")).to_be_focused()
    expect(
        page.locator("section.debug").get_by_role("button", name="2 breakpoints")
    ).to_be_visible()


@pytest.mark.parametrize("width", SIZES)
def test_a_baseline_is_chosen_among_the_runs(live, debugged, violations, width):
    for text in ("hello one", "hello two"):
        run = debugged.post("/api/send", json={"text": text, "queue": True}).json()["run_id"]
        while debugged.get(f"/api/runs/{run}").json()["status"] != "done":
            pass
    page = live(color_scheme="light", viewport={"width": width, "height": SIZES[width]})
    page.get_by_role("button", name="Debugger", exact=True).click()
    page.locator("section.debug").get_by_role("button", name="breakpoints").click()
    page.get_by_label("hold on").select_option("divergence")
    page.get_by_role("button", name="add").click()
    expect(page.locator(".breakpoint")).to_have_count(0)  # a run has to be chosen
    choice = page.get_by_role("combobox", name="run", exact=True)
    choice.select_option(run)
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert violations(page) == []
    page.get_by_role("button", name="add").click()
    expect(page.locator(".breakpoint")).to_contain_text("on divergence from #")
    assert debugged.get("/api/debug/breakpoints").json()[0]["baseline"] == run
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_old_run_is_found_to_compare_with_and_as_a_baseline(live, debugged, violations):
    def sent(text: str) -> str:
        return debugged.post("/api/send", json={"text": text, "queue": True}).json()["run_id"]

    old, *_, last = [sent("hello needle"), *(sent(f"hello {n}") for n in range(MORE_THAN_A_PAGE))]
    while debugged.get(f"/api/runs/{last}").json()["status"] != "done":
        pass
    page = live(expect_errors=True)  # a refusal is an error in the console
    expect(page.locator(".run-title .status-done")).to_be_visible()
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog", name="Difference")
    left, find = dialog.get_by_role("combobox", name="left"), dialog.get_by_role("searchbox")
    offered = left.locator("option")
    expect(offered).to_have_count(49)
    dialog.get_by_role("button", name="older runs").click()
    expect(left.locator(f"option[value={old}]")).to_have_count(1)
    for wrong, told in (("nobody:7", "unknown key"), ("no such words", "No run matches")):
        find.fill(wrong)
        expect(dialog.get_by_role("status").filter(has_text=told)).to_be_visible()
    assert violations(page) == []
    find.fill("needle")
    expect(offered).to_have_count(2)  # the chosen one stays
    left.select_option(old)
    expect(dialog).to_contain_text("They part at frame 1 · input")
    expect(dialog.locator("del").first).to_have_text("needle")
    dialog.get_by_role("button", name="close").click()
    page.get_by_role("button", name="Debugger", exact=True).click()
    page.locator("section.debug").get_by_role("button", name="breakpoints").click()
    page.get_by_label("hold on").select_option("divergence")
    choice = page.get_by_role("combobox", name="run", exact=True)
    page.get_by_role("searchbox", name="find a run").fill(f"#{int(old.split('-')[1])}")
    expect(choice.locator("option")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(page.locator(".breakpoint")).to_have_count(0)
    choice.select_option(old)
    page.get_by_role("button", name="add").click()
    expect(page.locator(".breakpoint")).to_contain_text("on divergence from #")
    assert debugged.get("/api/debug/breakpoints").json()[0]["baseline"] == old


@pytest.mark.parametrize("words", [2, MANY])
def test_a_page_that_comes_in_the_middle_shows_what_was_said_before(
    own_server, tmp_path, visit, words
):
    own, found = tmp_path / "own", tmp_path / "found"
    nodes = NODES.replace("WORDS", str(words))
    for name, text in {"graphs/n.toml": GRAPH, "nodes/n.py": nodes, "tools/n.py": TOOL}.items():
        (own / name).parent.mkdir(parents=True)
        (own / name).write_text(text)
    settings = {"AGENT_WORKSPACE": str(own), "AGENT_GRAPH": "slow", "LOOKED_FOR": str(found)}
    page = visit(own_server(**settings))
    page.get_by_label("Message").fill("go")
    page.keyboard.press("Enter")
    answer, doing = page.locator(".said-assistant"), page.locator(".doing")
    expect(answer).to_contain_text(f"word {words - 1}")
    expect(doing).to_contain_text("looking for long")
    page.reload()
    expect(answer).to_contain_text("word 0 word 1")
    expect(doing).to_contain_text("looker")
    expect(page.locator(".run-title h2")).to_have_text("go")
    expect(page.locator(".centre .frame-row").nth(1)).to_contain_text("speaker")
    found.touch()
    expect(answer).to_contain_text("and that is all")
    expect(answer).to_have_count(1)
    expect(page.locator(".run-title .status-done")).to_be_visible()
