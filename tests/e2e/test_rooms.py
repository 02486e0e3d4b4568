"""Every room in both themes and at both sizes; the keyboard; live tests; waiting messages."""

import re

import httpx
import pytest
from e2e.conftest import say
from playwright.sync_api import expect

ROOMS = ["chat", "graph", "frames", "inspector", "runs", "events", "memory", "processes", "tests"]
SIZES = {"phone": {"width": 375, "height": 720}, "desk": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def spoken(server):
    """The server after one answered message."""
    client = httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {server.token}"})
    with client:
        client.post("/api/send", json={"text": "hello rooms", "queue": True}).raise_for_status()
    return server


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_rooms_are_accessible_and_fit(spoken, visit, violations, scheme, size):
    page = visit(spoken, color_scheme=scheme, viewport=SIZES[size])
    found = {}
    for room in ROOMS:
        page.goto(f"/#/{room}?frame=1&node=input")
        expect(page.locator(".connection-live")).to_be_visible()
        expect(page.locator(f".room-{room}")).to_be_visible()
        found[room] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], room
    assert {room: what for room, what in found.items() if what} == {}


@pytest.mark.parametrize("opened", ["?", "Control+k"])
def test_dialogs_are_accessible_and_close(spoken, visit, violations, opened):
    page = visit(spoken)
    expect(page.locator(".connection-live")).to_be_visible()
    page.keyboard.press(opened)
    expect(page.locator("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_the_theme_is_kept_and_differs(spoken, visit):
    page = visit(spoken, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(ground) == light


def test_the_keyboard_is_enough(spoken, visit):
    page = visit(spoken)
    expect(page.locator(".connection-live")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("good morning")
    page.keyboard.press("Enter")
    page.locator(".run-title h2", has_text="good morning").wait_for()
    page.locator(".run-title .status-done").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".inspector-head h2")).to_contain_text("input")
    page.keyboard.press("j")
    expect(page.locator(".inspector-head h2")).to_contain_text("output")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("tab", name="Runs")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("/")
    page.keyboard.type("gt")
    expect(page.get_by_label("Filter runs")).to_have_value("gt")
    assert "q=gt" in page.url


def test_the_palette_sends_and_goes(spoken, visit):
    page = visit(spoken)
    expect(page.locator(".connection-live")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("go to events")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Events")).to_have_attribute("aria-selected", "true")


def test_events_are_filtered_and_the_console_stops_following(spoken, visit):
    page = visit(spoken, "/#/events?ev=event:frame")
    say_from = page.get_by_label("Message")
    for text in ("hello one", "hello two", "hello three", "hello four", "hello five"):
        say_from.fill(text)
        page.keyboard.press("Enter")
        page.locator(".said-assistant .facts").last.wait_for()
    names = page.locator("[aria-label=Events] .event-name")
    expect(names.first).to_be_visible()
    assert {text.split("_")[0] for text in names.all_inner_texts()} == {"frame"}
    console = page.locator(".room-events [role=listbox]")
    console.hover()
    page.mouse.wheel(0, -4000)
    expect(page.locator(".new-events")).to_be_visible()
    say_from.fill("hello six")
    page.keyboard.press("Enter")
    expect(page.locator(".new-events")).to_contain_text("new")
    page.locator(".new-events").click()
    expect(page.locator(".new-events")).to_have_count(0)


def test_a_suite_is_seen_while_it_runs(spoken, visit):
    page = visit(spoken, "/#/tests")
    client = httpx.Client(base_url=spoken.url, headers={"authorization": f"Bearer {spoken.token}"})

    def post(**body):
        client.post("/api/test/status", json=body).raise_for_status()

    with client:
        post(event="suite_start", suite="smoketest", count=3)
        post(
            event="step_result", result={"step": "1. Hi", "check": "contains hi", "status": "PASS"}
        )
        expect(page.locator(".tests-head .status-running")).to_be_visible()
        post(event="step_result", result={"step": "1. Hi", "check": "2 frames", "status": "FAIL"})
        expect(page.locator(".check-bad")).to_contain_text("2 frames")
        expect(page.get_by_role("tab", name="Tests")).to_contain_text("1")
        post(event="suite_end")
        expect(page.locator(".tests-head .status-fail")).to_be_visible()


def test_messages_wait_in_order_and_can_be_cancelled(own_server, visit):
    server = own_server(AGENT_BUILTIN_TOKEN_MS="200")
    page = visit(server)
    expect(page.locator(".connection-live")).to_be_visible()
    box = page.get_by_label("Message")
    for text in ("hello one", "hello two", "hello three"):
        box.fill(text)
        page.keyboard.press("Enter")
    waiting = page.locator(".waits")
    expect(waiting).to_have_count(2)
    expect(waiting.last).to_contain_text("number 2")
    waiting.last.get_by_role("button", name="cancel").click()
    expect(waiting).to_have_count(1)
    page.locator(".doing").get_by_role("button", name="cancel").click()
    expect(waiting).to_have_count(0)


def test_answers_stand_under_their_questions_and_a_cut_run_says_so(own_server, visit):
    page = visit(own_server(AGENT_BUILTIN_TOKEN_MS="200"))
    expect(page.locator(".connection-live")).to_be_visible()
    box = page.get_by_label("Message")
    for text in ("hello one", "how many customers are in Leipzig?", "hello three"):
        box.fill(text)
        page.keyboard.press("Enter")
    page.locator(".run-title h2", has_text="Leipzig").wait_for()
    page.locator(".doing").get_by_role("button", name="cancel").click()
    said = [
        "hello one", re.compile("reflex"), re.compile("Leipzig.*cancelled", re.DOTALL),
        "hello three", re.compile("reflex"),
    ]  # fmt: skip
    expect(page.locator(".said")).to_have_text(said)
    page.reload()
    expect(page.locator(".said")).to_have_text(said)


def test_a_long_conversation_is_read_back_to_its_beginning(own_server, visit):
    server = own_server()
    client = httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {server.token}"})
    with client:
        for number in range(25):
            client.post("/api/send", json={"text": f"hello {number}", "queue": True})
    page = visit(server)
    expect(page.locator(".said-user").last).to_have_text("hello 24")
    expect(page.locator(".said .facts").last).to_be_visible()
    page.reload()
    expect(page.locator(".said")).to_have_count(40)
    page.get_by_role("button", name="earlier messages").click()
    expect(page.locator(".said")).to_have_count(50)
    expect(page.locator(".said").first).to_have_text("hello 0")


def test_two_tabs_show_the_same_conversation(spoken, visit):
    first, second = visit(spoken), visit(spoken)
    expect(second.locator(".connection-live")).to_be_visible()
    say(first, "hello to both tabs")
    expect(second.locator(".said-user").last).to_have_text("hello to both tabs")
    expect(second.locator(".run-title h2")).to_have_text("hello to both tabs")


def test_the_page_says_when_the_server_is_gone_and_comes_back(built, tmp_path, visit):
    from e2e.conftest import serving

    with serving(tmp_path / "data") as server:
        page = visit(server, expect_errors=True)
        expect(page.locator(".connection-live")).to_be_visible()
    expect(page.locator(".connection-offline")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("python3 run.py")


def test_blocked_sockets_are_replaced_by_polling(spoken, visit):
    page = visit(spoken, "about:blank", expect_errors=True)
    page.add_init_script(
        "window.WebSocket = class { static OPEN = 1; constructor() {"
        " queueMicrotask(() => this.onclose?.({ code: 1006 })); } close() {} }"
    )
    page.goto("/")
    expect(page.locator(".connection-polling")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("polls every 500 ms")
    page.get_by_label("Message").fill("hello by polling")
    page.keyboard.press("Enter")
    expect(page.locator(".said-user").last).to_have_text("hello by polling")
    expect(page.locator(".run-title .status-done")).to_be_visible()
