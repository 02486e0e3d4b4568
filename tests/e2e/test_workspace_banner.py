"""What the page says about the user's own files, and about models that could answer."""

import pytest
from playwright.sync_api import expect

OFFER = {
    "name": "Ollama", "base_url": "http://127.0.0.1:11434/v1", "models": ["small:1b", "big:70b"],
    "use": "AGENT_LLM_BASE_URL=http://127.0.0.1:11434/v1 AGENT_LLM_MODEL=small:1b python3 run.py",
}  # fmt: skip
ACTIVE = {"label": "built-in model", "base_url": "http://builtin/v1", "model": "b", "builtin": True}


GRAPH = """name = "mine"
description = "answers what was said"

[[node]]
role = "echo"
impl = "echo_v1"
"""
NODE = """async def echo_v1(ctx, envelope):
    ctx.say(f"You said: {envelope.text}")
"""


@pytest.fixture
def folder(tmp_path):
    """A workspace with one graph of one node."""
    own = tmp_path / "own"
    for name, text in {"graphs/mine.toml": GRAPH, "nodes/echo.py": NODE}.items():
        (own / name).parent.mkdir(parents=True)
        (own / name).write_text(text)
    return own


def test_a_broken_file_is_told_until_it_is_mended(own_server, visit, violations, folder):
    page = visit(own_server(AGENT_WORKSPACE=str(folder)))
    expect(page.locator(".connection-live")).to_be_visible()
    expect(page.locator(".banner")).to_have_count(0)
    (folder / "graphs/mine.toml").write_text(GRAPH.replace("echo_v1", "ecko_v1"))
    banner = page.locator(".banner")
    expect(banner).to_contain_text("graphs/mine.toml:6")
    expect(banner).to_contain_text("ecko_v1")
    expect(banner).to_contain_text("stays active until this file is mended")
    assert violations(page) == []
    banner.get_by_role("button", name="hide").click()
    expect(banner).to_have_count(0)
    page.get_by_role("button", name="1 broken file").click()
    expect(banner).to_be_visible()
    banner.get_by_role("button", name="hide").click()
    (folder / "nodes/echo.py").write_text(NODE + "\n# changed\n")
    expect(banner).to_be_visible()
    page.reload()
    expect(banner).to_contain_text("graphs/mine.toml:6")
    (folder / "graphs/mine.toml").write_text(GRAPH)
    expect(banner).to_have_count(0)
    expect(page.locator(".notice-news")).to_contain_text("Reloaded: graphs/mine.toml")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_the_banner_fits_and_is_accessible(own_server, visit, violations, folder, scheme, width):
    (folder / "nodes/echo.py").write_text("async def echo_v1(ctx, envelope)\n")
    size = {"width": width, "height": 800}
    page = visit(own_server(AGENT_WORKSPACE=str(folder)), color_scheme=scheme, viewport=size)
    expect(page.locator(".banner")).to_contain_text("nodes/echo.py:1")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="hide").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_new_graph_is_in_the_list_and_a_changed_one_is_drawn_anew(own_server, visit, folder):
    page = visit(own_server(AGENT_WORKSPACE=str(folder)))
    choice = page.get_by_label("graph", exact=True)
    choice.select_option("mine")
    expect(page.locator(".net .node-name")).to_have_text(["echo"])
    (folder / "graphs/other.toml").write_text(GRAPH.replace("mine", "other"))
    expect(choice.locator("option", has_text="other")).to_have_count(1)
    (folder / "graphs/mine.toml").write_text(GRAPH.replace('role = "echo"', 'role = "parrot"'))
    expect(page.locator(".net .node-name")).to_have_text(["parrot"])


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
