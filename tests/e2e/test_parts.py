"""What the page fetches when: little at first, a part when it is shown, and a line when it cannot."""

import pytest
from e2e.conftest import STATIC, say
from playwright.sync_api import expect

from bench import hud

INITIAL, FIRST_VIEW, IN_USE = 70_000, 80_000, 80_000


def fetched(page) -> set[str]:
    return {name for name in page.evaluate(hud.FETCHED) if name and name.startswith("assets/")}


def parts(page) -> set[str]:
    return {name.split("/")[1].split("-")[0] for name in fetched(page)}


def test_a_first_visit_fetches_what_it_shows(own_server, visit):
    page = visit(own_server())
    expect(page.locator(".first")).to_be_visible()
    expect(page.locator(".net")).to_be_visible()
    assert parts(page) == {"main", "Picture"}
    assert hud.bundle(STATIC / "dist")["initial_gzip_bytes"] <= INITIAL
    assert hud.packed([*fetched(page)]) <= FIRST_VIEW
    say(page, "hello **parts**")
    expect(page.locator(".said-assistant .markdown > :not(.plain)").last).to_be_visible()
    assert parts(page) == {"main", "Markdown", "Picture"}
    assert hud.packed([*fetched(page)]) <= IN_USE


@pytest.mark.parametrize("room", ["memory", "processes", "tests"])
def test_a_room_is_fetched_once_when_it_is_entered(server, visit, room):
    page = visit(server)
    expect(page.locator(".net")).to_be_visible()
    before = fetched(page)
    page.keyboard.press("g")
    page.keyboard.press(room[0])
    expect(page.locator(f".room-{room}")).to_be_visible()
    entered = fetched(page)
    assert {name.split("/")[1].split("-")[0].lower() for name in entered - before} == {room}
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.keyboard.press("g")
    page.keyboard.press(room[0])
    expect(page.locator(f".room-{room}")).to_be_visible()
    assert fetched(page) == entered


def test_a_part_that_cannot_be_fetched_says_so_and_reloads(server, visit, violations):
    page = visit(server, expect_errors=True)
    expect(page.locator(".connection-live")).to_be_visible()
    page.route("**/assets/Tests-*", lambda route: route.abort())
    page.get_by_role("tab", name="Tests").click()
    expect(page.locator("#rooms .fault")).to_contain_text("could not be loaded")
    assert violations(page) == []
    page.unroute("**/assets/Tests-*")
    page.get_by_role("button", name="reload").click()
    expect(page.locator(".room-tests")).to_be_visible()


def test_answers_are_readable_without_the_formatter(server, visit):
    page = visit(server, "about:blank", expect_errors=True)
    page.route("**/assets/Markdown-*", lambda route: route.abort())
    page.goto("/")
    say(page, "hello without the formatter")
    expect(page.locator(".said-assistant .plain").last).not_to_be_empty()
    expect(page.locator(".said-assistant .fault").last).to_contain_text("formatter")
