"""A real Chromium on the real page of a real server, started as a program on a folder of its own.

The page's Content-Security-Policy is left on in every test.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
STALL_SECONDS = 30
TOKEN = re.compile(r"Bearer (\S+?)\"")
AXE = STATIC / "node_modules/axe-core/axe.min.js"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.slow)


def absent(reason: str) -> None:
    """Skip with a reason; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def serving(data_dir: Path, root: Path = ROOT, **settings: str) -> Iterator[SimpleNamespace]:
    """Run ``serve`` until the block ends."""
    command = [sys.executable, "-m", "agent", "serve", "--no-browser", "--port", "0"]
    environment = {**os.environ, **settings}
    log = (data_dir.parent / f"{data_dir.name}.log").open("w+")
    server = subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        cwd=root, env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
    )  # fmt: skip
    try:
        running = announced(server, log)
        running.process = server
        # The link is printed when the port is bound, a moment before it listens.
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"{running.url}/health").raise_for_status()
        yield running
    finally:
        server.terminate()
        server.wait(STALL_SECONDS)
        server.stdout.close()
        log.close()


def announced(server, log) -> SimpleNamespace:
    """Read what the server prints until it has named its link and its token."""
    told = ""
    stalled = threading.Timer(STALL_SECONDS, server.kill)
    stalled.start()
    for line in server.stdout:
        told += line
        if TOKEN.search(told):
            break
    else:
        log.seek(0)
        pytest.fail(f"the server did not start: {told}{log.read()}", pytrace=False)
    stalled.cancel()
    launch = re.search(r"http\S+/auth/launch\?code=\S+", told)[0]
    return SimpleNamespace(
        launch=launch, url=launch.split("/auth/")[0], token=TOKEN.search(told)[1]
    )


@pytest.fixture(scope="session")
def browser(require_program):
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    chosen = os.environ.get("HUD_CHROMIUM")
    path = chosen or require_program(
        "chromium", "chromium-browser", "google-chrome", debian_package="chromium"
    )
    flags = ["--disable-dev-shm-usage", "--force-color-profile=srgb"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    sync_api.expect.set_options(timeout=STALL_SECONDS * 1000)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def built() -> None:
    """The page is built from what is in the checkout now."""
    npm = shutil.which("npm")
    if npm is None or not (STATIC / "node_modules").is_dir():
        absent("the page's packages are not installed: cd static && npm ci")
    done = subprocess.run([npm, "run", "build"], cwd=STATIC, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def server(built, tmp_path_factory) -> Iterator[SimpleNamespace]:
    with serving(tmp_path_factory.mktemp("e2e") / "data") as running:
        yield running


@pytest.fixture
def own_server(built, tmp_path) -> Iterator[Callable[..., SimpleNamespace]]:
    """Start a server of one's own, with settings: ``own_server(AGENT_BUILTIN_TOKEN_MS="20")``."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(tmp_path / "data", **settings))


@pytest.fixture
def visit(browser) -> Iterator[Callable[..., object]]:
    """Open a fresh browser on a server; whatever its console calls an error fails the test."""
    errors: list[str] = []
    contexts = []

    def open_page(server, path: str = "/", *, enter: bool = True, expect_errors=False, **options):
        size = {"width": 1440, "height": 900}
        context = browser.new_context(
            **{"viewport": size, "reduced_motion": "reduce", "base_url": server.url, **options}
        )
        contexts.append(context)
        context.set_default_timeout(STALL_SECONDS * 1000)
        page = context.new_page()
        if not expect_errors:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        if enter:
            answer = context.request.post("/auth/exchange", data={"token": server.token})
            assert answer.ok, answer.text()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def violations() -> Callable[..., list[str]]:
    """Run axe on a page and say what it found."""
    if not AXE.is_file():
        absent("axe-core is not installed: cd static && npm ci")

    def check(page) -> list[str]:
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{v['id']}: {[n['target'] for n in v['nodes'][:3]]}" for v in found["violations"]]

    return check


def say(page, text: str) -> None:
    """Send a message and wait until its run, none that was there before, is done and shown."""
    run = figure(page, "run")
    there = {run.inner_text()}
    for newest in page.request.get(urljoin(page.url, "/api/traces?limit=1")).json()["traces"]:
        there.add(f"#{int(newest['run_id'].split('-')[1])}")
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")
    run.filter(has_not_text=re.compile(f"^({'|'.join(there)})$")).wait_for()
    page.locator(".run-title h2", has_text=text).wait_for()
    page.locator(".run-title .status-done").wait_for()


def figure(page, name: str):
    """The figure called ``name`` in the head of the shown run."""
    return page.locator(".run-head .figure", has=page.locator(f"dt:text-is('{name}')")).locator(
        "dd"
    )
