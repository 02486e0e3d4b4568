"""The tests room: a tree that grows while a suite runs, the latest run after a restart, polling."""

from collections.abc import Callable

import httpx
import pytest
from e2e.conftest import say, serving
from playwright.sync_api import expect

BLOCKED = (
    "window.WebSocket = class { static OPEN = 1; constructor() {"
    " queueMicrotask(() => this.onclose?.({ code: 1006 })); } close() {} }"
)


def runner(server) -> Callable[..., None]:
    """Report as the suite runner does."""

    def post(event: str, **body) -> None:
        headers = {"authorization": f"Bearer {server.token}"}
        url = f"{server.url}/api/test/status"
        httpx.post(url, json={"event": event, **body}, headers=headers).raise_for_status()

    return post


def result(step: str, check: str, status: str = "PASS", **more) -> dict:
    return {"result": {"step": step, "check": check, "status": status, **more}}


@pytest.mark.parametrize("blocked", [False, True])
def test_checks_are_seen_one_by_one(own_server, visit, violations, blocked):
    server = own_server()
    page = visit(server, "about:blank", expect_errors=blocked)
    if blocked:
        page.add_init_script(BLOCKED)
    page.goto("/#/tests")
    post = runner(server)
    room = page.locator(".room-tests")
    post("suite_start", suite="smoketest", count=4)
    expect(room.locator(".tests-head .status-running")).to_be_visible()
    post("step_result", **result("1. Hi", "contains hi", suite="smoketest"))
    expect(room.locator(".figure", has_text="checks").locator("dd")).to_have_text("1/4")
    expect(room.locator(".current-check")).to_have_text("1. Hi · contains hi")
    post("step_result", **result("2. Data", "5 frames", "FAIL", detail="were 4", line=12))
    expect(room.locator(".check-bad")).to_contain_text("were 4")
    expect(room.locator(".check-bad")).to_contain_text("line 12")
    expect(page.get_by_role("tab", name="Tests")).to_contain_text("✕ 1")
    expect(room.locator(".figure", has_text="last red").locator("dd")).to_have_text(
        "2. Data · 5 frames"
    )
    post("suite_end")
    expect(room.locator(".tests-head .status-fail")).to_be_visible()
    assert violations(page) == []


def test_only_what_failed_is_shown_and_the_address_keeps_it(own_server, visit):
    server = own_server()
    post = runner(server)
    post("suite_start", suite="s", count=3)
    post("step_result", **result("1. Good", "a"))
    post("step_result", **result("2. Mixed", "b"))
    post("step_result", **result("2. Mixed", "c", "FAIL"))
    page = visit(server, "/#/tests")
    expect(page.locator(".step")).to_have_count(2)
    page.get_by_role("button", name="failed only").click()
    expect(page.locator(".step")).to_have_count(1)
    expect(page.locator(".check")).to_have_count(1)
    page.reload()
    expect(page.locator(".step")).to_have_count(1)
    expect(page.get_by_role("button", name="failed only")).to_have_attribute("aria-pressed", "true")


def test_a_failing_check_leads_to_its_run(own_server, visit):
    server = own_server()
    page = visit(server)
    say(page, "hello for a check")
    run_id = page.locator(".run-head .figure", has_text="run").first.get_attribute("title")
    post = runner(server)
    post("suite_start", suite="s", count=1)
    post("step_result", **result("1. Hi", "3 frames", "FAIL", run_id=run_id))
    say(page, "something newer")
    page.get_by_role("tab", name="Tests").click()
    page.locator(".check-bad").get_by_role("button", name="3 frames").click()
    expect(page.locator(".run-title h2")).to_have_text("hello for a check")
    assert f"run={run_id}" in page.url


def test_the_latest_run_is_there_after_a_restart(built, tmp_path, visit):
    with serving(tmp_path / "data") as server:
        post = runner(server)
        post("suite_start", suite="s", count=1)
        post("step_result", **result("1. Hi", "a", "FAIL"))
        post("suite_end")
    with serving(tmp_path / "data") as server:
        page = visit(server, "/#/tests")
        expect(page.locator(".tests-head")).to_contain_text("Latest run")
        expect(page.locator(".tests-head")).to_contain_text("ended")
        expect(page.locator(".check-bad")).to_contain_text("a")
        runner(server)("suite_start", suite="s", count=2)
        expect(page.locator(".tests-head .status-running")).to_be_visible()
        expect(page.locator(".check-bad")).to_have_count(0)
        page.context.close()
