"""What the page says about the user's own files, and about models that could answer."""

import json

import pytest
from playwright.sync_api import expect

BROKEN = {"file": "graphs/mine.toml", "line": 7, "cause": "there is no node 'thinkr'"}
OFFER = {
    "name": "Ollama", "base_url": "http://127.0.0.1:11434/v1", "models": ["small:1b", "big:70b"],
    "use": "AGENT_LLM_BASE_URL=http://127.0.0.1:11434/v1 AGENT_LLM_MODEL=small:1b python3 run.py",
}  # fmt: skip
ACTIVE = {"label": "built-in model", "base_url": "http://builtin/v1", "model": "b", "builtin": True}


@pytest.fixture
def told(server, visit):
    """Open a page; returns it and a way to tell it that the workspace was read again."""

    def open_page(**options):
        sockets = []
        seq = iter(range(1_000_000, 2_000_000))
        page = visit(server, "about:blank", **options)

        def between(socket):
            upstream = socket.connect_to_server()
            upstream.on_message(socket.send)
            socket.on_message(upstream.send)
            sockets.append(socket)

        def tell(changed: list, errors: list) -> None:
            line = {
                "seq": next(seq), "ts": 1, "run_id": "", "channel": "", "node": "workspace",
                "event": "workspace", "changed": changed, "errors": errors, "graphs": [],
            }  # fmt: skip
            sockets[-1].send(json.dumps([line]))

        page.route_web_socket(lambda url: "/ws/trace" in url, between)
        page.goto("/")
        expect(page.locator(".connection-live")).to_be_visible()
        return page, tell

    return open_page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_a_broken_file_is_told_until_it_is_mended(told, violations, scheme, width):
    page, tell = told(color_scheme=scheme, viewport={"width": width, "height": 800})
    tell(["graphs/mine.toml"], [BROKEN])
    banner = page.locator(".banner")
    expect(banner).to_contain_text("graphs/mine.toml:7 there is no node 'thinkr'")
    expect(banner).to_contain_text("stays active until this file is mended")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    banner.get_by_role("button", name="hide").click()
    expect(banner).to_have_count(0)
    page.get_by_role("button", name="1 broken file").click()
    expect(banner).to_be_visible()
    banner.get_by_role("button", name="hide").click()
    tell(["nodes/other.py"], [BROKEN])
    expect(banner).to_be_visible()
    tell(["graphs/mine.toml"], [])
    expect(banner).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Reloaded")).to_contain_text(
        "graphs/mine.toml"
    )


def test_a_reload_reads_the_graphs_again(told):
    page, tell = told()
    graphs = [{"name": "mine", "description": "", "active": False}]
    page.route("**/api/graph/list", lambda route: route.fulfill(json={"graphs": graphs}))
    tell(["graphs/mine.toml"], [])
    expect(page.get_by_label("graph", exact=True).locator("option")).to_contain_text(
        ["v4-eras", "mine"]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_models_that_were_found_are_offered_with_the_command(
    server, visit, violations, scheme, width
):
    size = {"width": width, "height": 800}
    page = visit(server, "about:blank", color_scheme=scheme, viewport=size)
    models = {"active": ACTIVE, "offers": [OFFER]}
    page.route("**/api/models", lambda route: route.fulfill(json=models))
    page.goto("/#/chat")
    page.get_by_role("button", name="rules, not an LLM").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("AGENT_LLM_BASE_URL, AGENT_LLM_API_KEY and AGENT_LLM_MODEL")
    expect(dialog).to_contain_text("small:1b, big:70b")
    expect(dialog.locator("pre")).to_have_text(OFFER["use"])
    expect(dialog).to_contain_text("None of them is used unless you start it so")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_no_server_on_this_machine_is_said_plainly(server, visit):
    page = visit(server, "about:blank")
    models = {"active": ACTIVE, "offers": []}
    page.route("**/api/models", lambda route: route.fulfill(json=models))
    page.goto("/")
    page.get_by_role("button", name="rules, not an LLM").click()
    expect(page.get_by_role("dialog")).to_contain_text("No model server answers")
