"""Controls beside the chat: values, machines, tables, progress; what is clicked and what is told."""

import json

from e2e.conftest import figure, say
from playwright.sync_api import expect


def controls(page):
    return page.get_by_label("Controls", exact=True)


def card(page, name: str):
    return page.get_by_role("group", name=f"Machine {name}")


def test_machines_have_cards_that_outlive_answers_reloads_and_graphs(own_server, visit, violations):
    page = visit(own_server())
    say(page, "make a traffic light")
    say(page, "make a navigation with home, news and about")
    say(page, "make a counter")
    expect(card(page, "traffic_light").locator(".machine-state")).to_have_text("red")
    card(page, "nav").get_by_role("button", name="News").click()
    expect(card(page, "nav").locator(".machine-state")).to_have_text("news")
    expect(figure(page, "path")).to_have_text("local")
    page.reload()
    expect(card(page, "nav").locator(".machine-state")).to_have_text("news")
    page.get_by_label("graph", exact=True).select_option("v3-framed")
    expect(page.get_by_label("graph", exact=True)).to_have_value("v3-framed")
    say(page, "hello")
    expect(card(page, "nav").locator(".machine-state")).to_have_text("news")
    expect(card(page, "traffic_light").get_by_role("button")).not_to_have_count(0)
    assert violations(page) == []


def test_the_keyboard_clicks_and_keeps_its_place(own_server, visit):
    page = visit(own_server())
    say(page, "make a counter")
    shown = controls(page).locator(".control-label .mono").first
    before = int(shown.inner_text())
    plus = controls(page).get_by_role("button", name="+", exact=True)
    plus.focus()
    page.keyboard.press("Enter")
    expect(shown).to_have_text(str(before + 1))
    page.keyboard.press("Enter")
    expect(shown).to_have_text(str(before + 2))
    expect(plus).to_be_focused()


def told(visit, server, shown: list):
    """Open a page to which the server seems to have told ``shown``; collect what it sends."""
    sent: list[dict] = []
    page = visit(server, "about:blank")

    def between(socket):
        upstream = socket.connect_to_server()

        def down(message):
            line = json.loads(message)
            if line.get("type") == "snapshot":
                message = json.dumps({**line, "controls": shown})
            socket.send(message)

        def up(message):
            sent.append(json.loads(message))

        upstream.on_message(down)
        socket.on_message(up)

    page.route_web_socket(lambda url: url.split("?")[0].endswith("/ws"), between)
    page.goto("/")
    expect(page.locator(".connection-live")).to_be_visible()
    return page, sent


BUY = {"type": "button", "label": "Buy", "action": "buy"}


def test_long_tables_and_progress_are_readable(server, visit, violations):
    rows = [[number, f"customer {number}"] for number in range(450)]
    table = {"type": "table", "label": "Customers", "columns": ["id", "name"], "rows": rows}
    steps = {"type": "progress", "label": "Imported", "text": "2/5"}
    page, _ = told(visit, server, [table, steps])
    expect(page.get_by_role("progressbar", name="Imported")).to_have_attribute("value", "40")
    box = page.get_by_role("region", name="Customers")
    expect(box.locator("tbody tr")).to_have_count(200)
    assert box.evaluate("box => box.scrollHeight > box.clientHeight && box.clientHeight < 300")
    assert violations(page) == []
    page.get_by_role("button", name="250 more rows").click()
    expect(box.locator("tbody tr")).to_have_count(450)


def test_a_click_shows_that_it_was_sent_and_is_not_sent_twice(server, visit):
    page, sent = told(visit, server, [BUY])
    buy = page.get_by_role("button", name="Buy")
    buy.click()
    expect(buy).to_have_attribute("aria-busy", "true")
    buy.dispatch_event("click")
    page.get_by_label("Message").fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message")).to_have_value("")
    assert [line.get("action", line.get("text")) for line in sent] == ["buy", "hello"]


def test_what_the_browser_shows_goes_with_every_message(server, visit):
    page, sent = told(visit, server, [BUY])
    page.get_by_label("Message").fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message")).to_have_value("")
    assert sent[-1]["dashboard"] == [BUY]
