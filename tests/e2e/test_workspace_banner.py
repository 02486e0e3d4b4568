"""What the page says about the user's own files."""

import pytest
from playwright.sync_api import expect

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
