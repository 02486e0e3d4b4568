"""Which model answers, and which others on this machine could."""

import pytest
from playwright.sync_api import expect

OFFER = {
    "name": "Ollama", "base_url": "http://127.0.0.1:11434/v1", "models": ["small:1b", "big:70b"],
    "use": "AGENT_LLM_BASE_URL=http://127.0.0.1:11434/v1 AGENT_LLM_MODEL=small:1b python3 run.py",
}  # fmt: skip
ACTIVE = {"label": "built-in model", "base_url": "http://builtin/v1", "model": "b", "builtin": True}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_models_that_were_found_are_offered_with_the_command(
    own_server, visit, violations, scheme, width
):
    size = {"width": width, "height": 800}
    page = visit(own_server(), "about:blank", color_scheme=scheme, viewport=size)
    models = {"active": ACTIVE, "offers": [OFFER]}
    page.route("**/api/models", lambda route: route.fulfill(json=models))
    page.goto("/#/chat")
    expect(page.locator(".first")).to_contain_text("On this machine: Ollama.")
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


def test_what_the_server_itself_found_is_shown(server, visit):
    page = visit(server)
    with page.expect_response("**/api/models") as answered:
        page.get_by_role("button", name="rules, not an LLM").click()
    assert answered.value.json()["active"]["builtin"] is True
    expect(page.get_by_role("dialog")).to_contain_text("On this machine")
    expect(page.get_by_role("dialog")).not_to_contain_text("Looking")
