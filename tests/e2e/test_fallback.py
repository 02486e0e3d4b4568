"""The plain page, when the full one could not be built."""

import shutil

import pytest
from e2e.conftest import ROOT, serving
from playwright.sync_api import expect

REASON = "vite: command not found"


@pytest.fixture
def unbuilt(tmp_path):
    """A copy of the product whose page was never built."""
    copy = tmp_path / "product"
    shutil.copytree(ROOT / "agent", copy / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "static/templates", copy / "static/templates")
    for name in ("fallback.js", "fallback.css"):
        shutil.copy(ROOT / "static" / name, copy / "static" / name)
    (copy / "static/dist").mkdir()
    (copy / "static/dist/.error").write_text(REASON, "utf-8")
    with serving(tmp_path / "data", root=copy) as server:
        yield server


def test_the_plain_page_talks_and_shows_frames(unbuilt, visit, violations):
    page = visit(unbuilt)
    expect(page.locator("#reason")).to_contain_text(REASON)
    expect(page.locator("#connection")).to_have_text("live")
    page.get_by_label("Message").fill("hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#frames")).to_contain_text("reflex, 2 frames")
    expect(page.locator("#messages .user")).to_have_text("hello")
    expect(page.locator("#messages .assistant")).not_to_be_empty()
    expect(page.locator("#events")).to_contain_text("frame_close")
    assert violations(page) == []
