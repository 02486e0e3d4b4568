"""Tool calls as processes: listed, followed line by line, stopped."""

import json

import pytest
from e2e.conftest import say
from playwright.sync_api import expect

START = 1_700_000_000_000


def process(number: int, status: str = "done", **more) -> dict:
    working = status == "running"
    return {
        "pid": f"r-1/{number}", "run_id": "r-000000000001-0abc", "channel": "main", "frame": 3,
        "node": "expert_eras", "tool": "query_db", "args": {"query": f"SELECT {number}"},
        "status": status, "lines": [f"line {number}"], "left_out": 0,
        "exit_code": None if working else 0, "started": START + number,
        "ended": None if working else START + number + 250, **more,
    }  # fmt: skip


@pytest.fixture
def listed(own_server, visit):
    """Open the room on a list; returns the page, what it posts, and a way to tell it an event."""

    def open_room(*processes: dict, **options):
        posted: list[dict] = []
        sockets = []
        page = visit(own_server(), "about:blank", **options)

        def cancel(route):
            posted.append(route.request.post_data_json)
            route.fulfill(json=processes[0])

        def between(socket):
            upstream = socket.connect_to_server()
            upstream.on_message(socket.send)
            socket.on_message(upstream.send)
            sockets.append(socket)

        def tell(**event) -> None:
            told = {"seq": 1_000_000, "ts": START, "run_id": "r", "channel": "main", **event}
            sockets[-1].send(json.dumps([told]))

        page.route("**/api/processes?*", lambda r: r.fulfill(json={"processes": [*processes]}))
        page.route("**/api/processes/cancel", cancel)
        page.route_web_socket(lambda url: "/ws/trace" in url, between)
        page.goto("/#/processes")
        expect(page.locator(".connection-live")).to_be_visible()
        return page, posted, tell

    return open_room


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_those_at_work_stand_first_and_all_unfold(listed, violations, scheme, width):
    failed = process(1, "failed", exit_code=1, left_out=7)
    size = {"width": width, "height": 800}
    page, _, _ = listed(failed, process(2, "running"), color_scheme=scheme, viewport=size)
    rows = page.locator(".process")
    expect(rows.first.locator(".status")).to_contain_text("running")
    expect(rows.last).to_contain_text("exit 1")
    expect(rows.last).to_contain_text("250 ms")
    rows.last.get_by_role("button").first.click()
    expect(rows.last).to_contain_text("7 more lines not kept")
    expect(rows.last.get_by_role("log")).to_have_text("line 1")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.reload()
    expect(rows.last.get_by_role("log")).to_have_text("line 1")


def test_lines_arrive_and_the_end_is_told(listed):
    page, _, tell = listed(process(2, "running"))
    row = page.locator(".process")
    row.get_by_role("button").first.click()
    tell(event="process_line", node="expert_eras", pid="r-1/2", line="12,000 rows read")
    expect(row.get_by_role("log")).to_contain_text("12,000 rows read")
    tell(
        seq=1_000_001, event="process_done", node="expert_eras", pid="r-1/2", tool="query_db",
        status="cancelled", lines=["line 2"], left_out=0, exit_code=None, ended=START + 1250,
    )  # fmt: skip
    expect(row.locator(".status")).to_contain_text("cancelled")
    expect(row).to_contain_text("1.25 s")
    expect(page.get_by_role("button", name="cancel query_db")).to_have_count(0)


def test_one_is_stopped_by_its_pid_once(listed):
    page, posted, _ = listed(process(2, "running"))
    button = page.get_by_role("button", name="cancel query_db")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".process .status")).to_contain_text("stopping")
    expect(button).to_be_disabled()
    assert posted == [{"pid": "r-1/2"}]


def test_the_tools_tab_leads_to_the_process(server, visit):
    page = visit(server)
    say(page, "how many customers are in Leipzig?")
    page.locator(".net g.node", has_text="expert_eras").click()
    page.get_by_role("tab", name="Tools").click()
    page.get_by_role("button", name="output lines").last.click()
    expect(page.locator(".process [aria-expanded=true]")).to_contain_text("query_db")


GRAPH = """name = "slow"
description = "calls a tool that waits"

[[node]]
role = "caller"
impl = "caller_v1"
"""
NODE = """from agent.core.errors import ToolFailed


async def caller_v1(ctx, envelope):
    try:
        await ctx.call("wait_for_ever", {})
    except ToolFailed as failure:
        ctx.say(f"The tool ended: {failure.code}")
"""
TOOL = """import asyncio
from collections.abc import Callable

from agent.tools import tool


@tool(effect="read")
async def wait_for_ever(log: Callable[[str], None]) -> str:
    \"\"\"Wait until somebody stops it.\"\"\"
    log("waiting")
    await asyncio.Event().wait()
    return "never"
"""


def test_a_real_tool_is_followed_and_stopped_while_its_run_goes_on(own_server, visit, tmp_path):
    for name, text in {"graphs/s.toml": GRAPH, "nodes/s.py": NODE, "tools/s.py": TOOL}.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).write_text(text)
    settings = {"AGENT_WORKSPACE": str(tmp_path / "own"), "AGENT_GRAPH": "slow"}
    page = visit(own_server(**settings))
    expect(page.locator(".connection-live")).to_be_visible()
    page.get_by_label("Message").fill("go")
    page.keyboard.press("Enter")
    page.locator(".net g.node-running").click()
    page.get_by_role("tab", name="Tools").click()
    live = page.get_by_label("Inspector", exact=True).locator(".process")
    expect(live).to_contain_text("waiting")
    expect(page.get_by_role("tab", name="Memory")).to_contain_text("1")
    page.get_by_role("tab", name="Memory").click()
    page.get_by_role("tab", name="Processes").click()
    page.locator(".room-processes").get_by_role("button", name="cancel wait_for_ever").click()
    expect(page.locator(".room-processes .process .status")).to_contain_text("cancelled")
    expect(page.locator(".said-assistant")).to_contain_text("The tool ended: cancelled")
    expect(page.locator(".said-assistant .facts")).not_to_contain_text("cancelled")
