"""Forks and replays at work are seen on the page, wherever they were begun, and stopped there."""

import threading

import httpx
import pytest
from acceptance.test_cancel import GRAPH, NODE, TOOL
from e2e.conftest import say
from playwright.sync_api import expect

SIZES = {375: 720, 1440: 900}
ENDLESS = "import asyncio\n" + NODE.replace(
    "    ctx.say", "    await asyncio.Event().wait()\n    ctx.say"
)


@pytest.fixture
def looking(own_server, tmp_path, visit):
    """Open a page on which a run has looked."""
    desk = tmp_path / "desk"
    for name, text in {"tools/look.py": TOOL, "nodes/n.py": NODE, "graphs/n.toml": GRAPH}.items():
        (desk / name).parent.mkdir(parents=True)
        (desk / name).write_text(text)
    server = own_server(AGENT_WORKSPACE=str(desk), AGENT_GRAPH="looks")
    page = visit(server, expect_errors=True)  # what is cancelled is a refusal in the console
    say(page, "hello")
    return server, page, desk


@pytest.fixture
def looked(looking):
    """From now on its tool hangs."""
    (looking[2] / "tools" / "hang").touch()
    return looking


def never_end(page, desk) -> None:
    """Have the node wait for ever from now on: a replay asks no tool, and runs the code as it is."""
    (desk / "nodes" / "n.py").write_text(ENDLESS)
    expect(page.locator(".notice-news")).to_contain_text("Reloaded: nodes/n.py")


def fork(page):
    """Ask for a fork whose tool hangs; return its dialog."""
    page.get_by_role("button", name="fork", exact=True).click()
    dialog = page.get_by_role("dialog", name="Fork")
    dialog.get_by_role("button", name="change something").click()
    dialog.get_by_role("combobox", name="change").select_option("memory")
    dialog.get_by_role("textbox", name="JSON pointer").fill("/at")
    dialog.get_by_role("textbox", name="New memory").fill('"there"')
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("button", name="keep it")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="estimate").click()
    expect(dialog.locator(".price")).to_contain_text("1 of 1 visit dirty")
    dialog.get_by_role("button", name="run the fork").click()
    return dialog


def test_a_fork_is_cancelled_in_its_dialog_by_keyboard(looked, violations):
    _, page, desk = looked
    dialog = fork(page)
    stop = dialog.get_by_role("button", name="cancel fork #2")
    expect(stop).to_be_visible()
    assert violations(page) == []
    stop.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator(".run-title .status-cancelled")).to_be_visible()
    expect(page.get_by_label("The run")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="adopt")).to_have_count(0)
    assert (desk / "tools" / "stopped").exists()
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator(".room-runs .run-row .status-cancelled")).to_have_count(1)


def test_a_fork_whose_dialog_was_closed_is_cancelled_where_it_is_shown(looked):
    _, page, _ = looked
    dialog = fork(page)
    expect(dialog.get_by_role("button", name="cancel fork #2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    row = page.locator(".run-head").get_by_label("At work")
    row.get_by_role("button", name="fork #2", exact=True).click()
    expect(page.locator(".run-title .status-running")).to_be_visible()
    page.locator(".run-title").get_by_role("button", name="cancel").click()
    expect(page.locator(".run-title .status-cancelled")).to_be_visible()
    expect(page.locator(".notice-news")).to_have_text("Fork #2 has ended: cancelled.")


@pytest.mark.parametrize("width", SIZES)
def test_a_fork_of_somebody_else_is_cancelled_in_the_runs_room(looked, visit, violations, width):
    server, _, _ = looked
    page = visit(server, "/#/runs", viewport={"width": width, "height": SIZES[width]})
    room = page.locator(".room-runs")
    expect(room.locator(".run-row")).to_have_count(2)
    wish = {"frame": 1, "edits": [{"target": "memory", "path": "/at", "value": "there"}]}
    headers = {"authorization": f"Bearer {server.token}"}
    answers = []

    def ask():
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
            [run] = client.get("/api/runs").json()["runs"]
            answers.append(client.post(f"/api/traces/{run['run_id']}/fork", json=wish).json())

    asking = threading.Thread(target=ask)
    asking.start()
    stop = room.get_by_role("button", name="cancel fork #2")
    expect(stop).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    room.get_by_role("button", name="fork #2", exact=True).click()
    page.reload()
    expect(page.locator(".virtual .frame-row")).to_contain_text("running")
    page.goto("/#/runs")
    stop.focus()
    page.keyboard.press("Enter")
    expect(room.get_by_label("At work")).to_have_count(0)
    expect(room.locator(".at-work")).to_be_focused()
    expect(room.locator(".run-row .status-cancelled")).to_have_count(1)
    asking.join(60)
    assert [one["status"] for one in answers] == ["cancelled"]


def test_a_replay_is_cancelled_under_the_name_of_its_run(looking, violations):
    _, page, desk = looking
    never_end(page, desk)
    head = page.locator(".run-head")
    head.get_by_role("button", name="replay", exact=True).click()
    stop = head.get_by_label("At work").get_by_role("button", name="cancel replay #2")
    expect(stop).to_be_visible()
    expect(head.get_by_role("button", name="replaying")).to_be_disabled()
    assert violations(page) == []
    stop.focus()
    page.keyboard.press("Enter")
    expect(head.get_by_label("At work")).to_have_count(0)
    expect(head.locator(".verdict")).to_contain_text("was cancelled before it had a verdict")
    expect(head.get_by_role("button", name="replay", exact=True)).to_be_enabled()
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator(".room-runs .run-row .status-cancelled")).to_have_count(1)


def test_a_case_is_cancelled_in_its_dialog(looking, violations):
    _, page, desk = looking
    page.get_by_role("button", name="make a test").click()
    dialog = page.get_by_role("dialog", name="Make a test")
    play = dialog.get_by_role("button", name="play it")
    expect(play).to_be_visible()
    never_end(page, desk)
    play.click()
    stop = dialog.get_by_label("At work").get_by_role("button", name="cancel test")
    expect(stop).to_be_visible()
    assert violations(page) == []
    stop.focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("At work")).to_have_count(0)
    expect(dialog).to_contain_text("0 passed, 5 failed")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator(".room-runs .run-row .status-cancelled")).to_have_count(1)
