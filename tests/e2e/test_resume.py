"""A run that a crash cut goes on from the page: asked what became of a write, or told why it cannot."""

import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from e2e.conftest import STALL_SECONDS, serving
from playwright.sync_api import expect

WORKSPACE = Path(__file__).resolve().parents[1] / "walks" / "ledger"
IN_THE_SECOND_WRITE = "result.known:2"
SIZES = {375: 720, 1440: 900}


@pytest.fixture
def cut(built, tmp_path):
    """Have a run cut by the death of its server, and start the next one on the same folder."""
    own = tmp_path / "own"
    shutil.copytree(WORKSPACE, own)
    settings = {
        "AGENT_WORKSPACE": str(own), "AGENT_GRAPH": "ledger", "LEDGER": str(tmp_path / "ledger.txt"),
    }  # fmt: skip
    with ExitStack() as stack:

        def start(stage: str = ""):
            how = {"CRASH_AT": stage} if stage else {"AGENT_BUILTIN_TOKEN_MS": "500"}
            with serving(tmp_path / "data", **settings, **how) as one:
                run = say(one, "hello")
                if not stage:
                    begun_on_disk(one, run)
                    one.process.kill()
                assert one.process.wait(STALL_SECONDS) == -signal.SIGKILL
            two = stack.enter_context(serving(tmp_path / "data", **settings))
            two.run, two.own, two.ledger = run, own, tmp_path / "ledger.txt"
            return two

        yield start


def client_of(server) -> httpx.Client:
    headers = {"authorization": f"Bearer {server.token}"}
    return httpx.Client(base_url=server.url, headers=headers)


def say(server, text: str) -> str:
    """Send over HTTP; the id of the run."""
    with client_of(server) as client:
        return client.post("/api/send", json={"text": text}).raise_for_status().json()["run_id"]


def begun_on_disk(server, run: str) -> None:
    """Wait until the run is at work; rows go to the disk in order, so it is there with another."""
    with client_of(server) as client:
        while client.get(f"/api/runs/{run}").json()["status"] == "queued":
            pass
        client.put("/api/debug/breakpoints", json=[{"frame": 99}]).raise_for_status()
        client.put("/api/debug/breakpoints", json=[]).raise_for_status()


def opened(visit, server, **options):
    """Open the cut run; a refusal is an error in the console."""
    page = visit(server, f"/#/frames?run={server.run}", expect_errors=True, **options)
    expect(page.locator(".connection-live")).to_be_visible()
    expect(page.locator(".run-title .status-interrupted")).to_be_visible()
    return page


def resume(page):
    return page.get_by_role("group", name="What to make of this run").get_by_role(
        "button", name="resume"
    )


def test_a_cut_run_goes_on_and_stands_in_the_place_of_the_old_one(cut, visit):
    server = cut()
    page = opened(visit, server)
    questions = page.locator(".said-user")
    expect(questions).to_contain_text("interrupted")
    resume(page).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".run-title .status-done")).to_be_visible()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".said-assistant")).to_contain_text("1")
    expect(questions).to_have_count(1)
    expect(questions).not_to_contain_text("interrupted")
    expect(resume(page)).to_have_count(0)
    page.get_by_role("term").filter(has_text="goes on with").locator("..").get_by_role(
        "button"
    ).click()
    expect(page.locator(".run-title .status-interrupted")).to_be_visible()
    resume(page).click()
    dialog = page.get_by_role("dialog", name="Resume")
    expect(dialog.get_by_role("alert")).to_contain_text("went on as")
    dialog.get_by_role("button", name="open #2").click()
    expect(page.locator(".run-title .status-done")).to_be_visible()
    assert len(server.ledger.read_text().splitlines()) == 2


@pytest.mark.parametrize("width", SIZES)
def test_what_became_of_a_write_is_asked(cut, visit, violations, width):
    server = cut(IN_THE_SECOND_WRITE)
    page = opened(
        visit, server, color_scheme="light", viewport={"width": width, "height": SIZES[width]}
    )
    if width < 860:
        page.get_by_role("tab", name="Inspect").click()
    page.get_by_role("region", name="Inspector").get_by_role("button", name="resume").click()
    dialog = page.get_by_role("dialog", name="Resume")
    expect(dialog.get_by_label("What was cut off")).to_contain_text(f"{server.run} first")
    onward = dialog.get_by_role("button", name="go on")
    expect(onward).to_have_attribute("aria-disabled", "true")
    assert violations(page) == []
    dialog.get_by_role("radio", name="run again").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name="it was done")).to_be_checked()
    result = dialog.get_by_role("textbox", name="Result")
    result.fill('"seen')
    onward.click()
    expect(dialog.get_by_role("alert")).to_contain_text("line 1, column 1")
    expect(result).to_be_focused()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    result.fill('"seen by me"')
    onward.click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".run-title .status-done")).to_be_visible()
    lines = server.ledger.read_text().splitlines()
    assert lines == [f"{server.run} first", f"{server.run} second"]


def test_a_conversation_that_went_on_can_be_gone_back_to(cut, visit, violations):
    server = cut(IN_THE_SECOND_WRITE)
    say(server, "something else")
    page = opened(visit, server)
    chat = page.locator(".room-chat")
    expect(chat).to_contain_text("something else")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Command").fill("resume the interrupted")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Resume")
    dialog.get_by_role("radio", name="it failed").check()
    dialog.get_by_role("button", name="go on").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The conversation went on after this run")
    assert violations(page) == []
    expect(dialog.get_by_role("button", name="fork it")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="go back there and resume")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator(".run-title .status-done")).to_be_visible()
    expect(chat).not_to_contain_text("something else")
    assert server.ledger.read_text().splitlines().count(f"{server.run} first") == 1


def test_while_another_run_is_at_work_it_can_only_be_tried_again(cut, visit):
    server = cut()
    with client_of(server) as client:
        client.post("/api/debug/pause").raise_for_status()
        say(server, "something else")
        page = opened(visit, server)
        expect(page.locator(".debug-held")).to_be_visible()
        resume(page).click()
        dialog = page.get_by_role("dialog", name="Resume")
        again = dialog.get_by_role("button", name="try again")
        expect(dialog.get_by_role("alert")).to_contain_text("already running")
        expect(again).to_be_focused()
        expect(dialog.get_by_role("button", name="fork it")).to_have_count(0)
        client.post("/api/debug/drop").raise_for_status()
    again.click()
    expect(dialog.get_by_role("alert")).to_contain_text("The conversation went on after this run")


def test_what_has_changed_since_is_told_and_a_fork_offered(cut, visit):
    server = cut()
    node = server.own / "nodes" / "ledger.py"
    page = opened(visit, server)
    node.write_text(node.read_text().replace('"?"', '"-"'))
    expect(page.get_by_role("button", name="re-run the last message")).to_be_visible()
    resume(page).click()
    dialog = page.get_by_role("dialog", name="Resume")
    expect(dialog.get_by_role("alert")).to_contain_text("these have changed since: node:ask_v1")
    dialog.get_by_role("button", name="fork it").click()
    expect(page.get_by_role("dialog", name="Fork")).to_contain_text("What if")
