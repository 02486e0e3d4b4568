"""The page goes by what is true now: asked twice, quick clicks, lists that change under the reader."""

import httpx
import pytest
from e2e.conftest import serving
from playwright.sync_api import expect

CHOSEN = ".room-runs [role=option][aria-selected=true]"
COUNT = ".room-runs .bar-top .mono"
RUNS = 70
TWICE = "button => { button.click(); button.click(); }"


@pytest.fixture(scope="module")
def many(built, tmp_path_factory):
    """A server with more runs than a page of the list has."""
    with serving(tmp_path_factory.mktemp("stale") / "data") as running:
        headers = {"authorization": f"Bearer {running.token}"}
        with httpx.Client(base_url=running.url, headers=headers, timeout=30) as client:
            running.client = client
            for number in range(RUNS):
                told(running, f"hello {number}")
            yield running


def told(server, text: str) -> None:
    server.client.post("/api/send", json={"text": text, "queue": True}).raise_for_status()


@pytest.fixture
def live(many, visit):
    def open_page(path="/"):
        page = visit(many, path)
        expect(page.locator(".connection-live")).to_be_visible()
        return page

    return open_page


def drawn(page) -> None:
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")


def test_older_runs_asked_for_twice_are_listed_once_and_stay_when_a_run_ends(live, many):
    page = live("/#/runs")
    page.get_by_role("button", name="older runs").evaluate(TWICE)
    expect(page.locator(COUNT)).not_to_contain_text("+")
    before = int(page.locator(COUNT).inner_text())
    assert before == len(many.client.get("/api/traces?limit=200").json()["traces"])
    told(many, "hello one more")
    page.locator(".room-runs .run-message", has_text="hello one more").wait_for()
    expect(page.locator(COUNT)).to_have_text(str(before + 1))


def test_the_list_of_runs_stays_where_it_is_read_when_a_run_ends(live, many):
    page = live("/#/runs")
    page.locator(".room-runs [role=option]").nth(1).click()
    expect(page.locator(CHOSEN)).to_have_count(1)
    box = page.locator(".room-runs .virtual")
    box.evaluate("e => { e.scrollTop = 600; }")
    drawn(page)
    read = "e => document.elementFromPoint(e.getBoundingClientRect().x + 90, e.getBoundingClientRect().y + 100).closest('.virtual-row').textContent"
    row = box.evaluate(read)
    with page.expect_response(lambda answer: "/api/traces?" in answer.url):
        told(many, "hello again")
    expect(page.locator(COUNT)).to_have_text("51+")
    drawn(page)
    assert (box.evaluate("e => e.scrollTop"), box.evaluate(read)) == (628, row)


def test_breakpoints_deleted_in_quick_succession_stay_deleted(live, many):
    all_three = [{"node": "input"}, {"node": "output"}, {"node": "thinker"}]
    many.client.put("/api/debug/breakpoints", json=all_three).raise_for_status()
    page = live()
    page.get_by_role("button", name="3 breakpoints").click()
    expect(page.locator("dialog .breakpoint")).to_have_count(3)
    buttons = "[...document.querySelectorAll('dialog .breakpoint button')].slice(0, 2)"
    page.evaluate(f"{buttons}.forEach(button => button.click())")
    expect(page.locator("dialog .breakpoint")).to_have_count(1)
    left = many.client.get("/api/debug/breakpoints").json()
    many.client.put("/api/debug/breakpoints", json=[]).raise_for_status()
    assert [one["node"] for one in left] == ["thinker"]


def test_earlier_messages_asked_for_twice_come_once(live):
    page = live()
    expect(page.locator(".said")).to_have_count(40)
    with page.expect_response("**/api/history?*"), page.expect_response("**/api/history?*"):
        page.get_by_role("button", name="earlier messages").evaluate(TWICE)
    expect(page.get_by_role("button", name="earlier messages")).to_have_count(0)
    drawn(page)
    texts = page.locator(".said-user").all_inner_texts()
    assert len(texts) >= RUNS
    assert len(texts) == len(set(texts))


def test_a_message_that_could_not_be_sent_is_not_lost(built, tmp_path, visit):
    with serving(tmp_path / "data") as server:
        page = visit(server, expect_errors=True)
        expect(page.locator(".connection-live")).to_be_visible()
    expect(page.locator(".connection-live")).to_have_count(0)
    page.get_by_label("Message").fill("a long thought")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("no answer from the server")
    expect(page.get_by_label("Message")).to_have_value("a long thought")
