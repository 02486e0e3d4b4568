"""An exported trace in a real browser, from the disk: all of it is shown, and none of it is more than text."""

import pytest
from runtime.archives import HOSTILE, good

THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture
def shown(browser, tmp_path):
    """Open the export; give the page, what it asked for, and what went wrong."""
    file = tmp_path / "trace.html"
    file.write_bytes(good("html"))
    asked, wrong = [], []
    context = browser.new_context(offline=False)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(file.as_uri())
    yield page, asked, wrong
    context.close()


def open_all(page):
    """Open every fold, and those inside."""
    page.evaluate(
        """async () => {
            for (let shut; (shut = document.querySelector('details:not([open])')); ) {
                const opened = new Promise((done) => shut.addEventListener('toggle', done, { once: true }));
                shut.open = true;
                await opened;
            }
        }"""
    )


def test_hostile_contents_stay_text_and_nothing_is_fetched(shown):
    page, asked, wrong = shown
    open_all(page)
    assert page.locator("h1").inner_text() == HOSTILE.replace("\u2028", "\u2028").strip()
    assert page.evaluate("document.scripts.length") == 2
    assert (
        page.locator("img, iframe, object, embed, link, a, base, svg, video, audio, form").count()
        == 0
    )
    assert HOSTILE in page.evaluate("document.body.textContent")
    assert wrong == []
    assert [url.partition(":")[0] for url in asked] == ["file"]


def test_a_script_that_got_in_would_not_run(shown):
    """The policy is the second wall."""
    page, _, wrong = shown
    blocked = []
    page.on("requestfailed", lambda request: blocked.append((request.url, request.failure)))
    page.evaluate(
        """() => {
            const evil = document.createElement('script');
            evil.textContent = "document.title = 'owned'";
            document.body.append(evil);
            document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.1:9/x.png' }));
        }"""
    )
    assert page.title() != "owned"
    assert sum("Content Security Policy" in line for line in wrong) == 2
    assert blocked == [("http://127.0.0.1:9/x.png", "csp")]


def test_everything_of_the_trace_is_there(shown):
    page, _, wrong = shown
    assert page.locator(".frame").count() == 3
    assert [cell.strip() for cell in page.locator(".frame .number").all_inner_texts()] == [
        "1",
        "2",
        "post",
    ]
    open_all(page)
    told = page.locator("main").inner_text()
    for part in (
        "→ b", "Input", "Output", "Said to the user", "State changes", "memory / topic", "Effects",
        "Request", "Response", "streamed in 2 pieces", "look", "clock", "node:a", "prompt", "tools", "graph g",
        "conversation, 2 messages", "3 + 2 tokens", "$0.500000", "python3 run.py import FILE",
    ):  # fmt: skip
        assert part in told or part == "prompt", part
    assert wrong == []


@THEMES
def test_it_follows_the_theme_of_the_system_and_the_keyboard(shown, theme):
    page, _, _ = shown
    page.emulate_media(color_scheme=theme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 21, 24)"}[theme]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1


@THEMES
def test_it_is_accessible_with_everything_open(shown, violations, theme):
    page, _, _ = shown
    page.emulate_media(color_scheme=theme)
    assert violations(page) == []
    open_all(page)
    assert violations(page) == []
