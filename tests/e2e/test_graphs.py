"""The four graphs on the page: switching, drawing, and what their nodes say meanwhile."""

import httpx
import pytest
from e2e.conftest import figure, say
from playwright.sync_api import expect

NODES = {
    "v1-current": {"input", "thinker", "output", "ui", "director", "memorizer"},
    "v3-framed": {"input", "director", "thinker", "interpreter", "output", "ui", "memorizer"},
    "v4-eras": {
        "input", "pa", "expert_eras", "expert_general", "interpreter", "output", "ui", "memorizer",
    },
}  # fmt: skip


def names(page) -> set[str]:
    return set(page.locator(".net .node-name").all_text_contents())


def switch(page, name: str) -> None:
    page.get_by_label("graph", exact=True).select_option(name)


def slow(page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")
    page.locator(".doing").get_by_role("button", name="cancel").wait_for()


def test_every_graph_is_drawn_whole_and_inside_its_frame(own_server, visit, violations):
    page = visit(own_server())
    for graph, nodes in NODES.items():
        switch(page, graph)
        expect(page.get_by_role("group", name=f"Graph {graph}")).to_be_visible()
        assert names(page) == nodes
        spill = page.locator(".net .node").evaluate_all(
            "all => all.filter(node => [...node.querySelectorAll('text')].some(text =>"
            " text.getBBox().x + text.getBBox().width > node.querySelector('rect').getBBox().width))"
            ".map(node => node.textContent)"
        )
        assert spill == []
        assert violations(page) == []


def test_after_a_switch_the_new_graph_is_drawn_and_a_chosen_run_shows_its_own(own_server, visit):
    page = visit(own_server())
    say(page, "hello")
    expect(page.locator(".net .node-done")).not_to_have_count(0)
    switch(page, "v3-framed")
    expect(page.get_by_role("group", name="Graph v3-framed")).to_be_visible()
    expect(page.locator(".net .node-done")).to_have_count(0)
    page.locator(".said-assistant .facts").click()
    expect(page.get_by_role("group", name="Graph v4-eras")).to_be_visible()
    assert names(page) == {"input", "output", "memorizer"}


@pytest.mark.parametrize(
    ("choice", "outcome"), [("after it", "done"), ("now, and cancel it", "cancelled")]
)
def test_a_switch_during_a_run_asks_first(own_server, visit, violations, choice, outcome):
    page = visit(own_server(AGENT_BUILTIN_TOKEN_MS="400"))
    expect(page.locator(".connection-live")).to_be_visible()
    slow(page, "hello")
    switch(page, "v1-current")
    banner = page.locator(".banner")
    expect(banner).to_contain_text("A run is at work. Switch to v1-current")
    expect(page.get_by_label("graph", exact=True)).to_have_value("v4-eras")
    assert violations(page) == []
    banner.get_by_role("button", name=choice).click()
    expect(page.get_by_label("graph", exact=True)).to_have_value("v1-current")
    expect(banner).to_have_count(0)
    expect(page.locator(f".run-title .status-{outcome}")).to_be_visible()


def test_a_switch_that_is_not_wanted_changes_nothing(own_server, visit):
    server = own_server(AGENT_BUILTIN_TOKEN_MS="400")
    page = visit(server)
    expect(page.locator(".connection-live")).to_be_visible()
    slow(page, "hello")
    switch(page, "v1-current")
    page.get_by_role("button", name="not at all").click()
    expect(page.locator(".banner")).to_have_count(0)
    authorization = {"authorization": f"Bearer {server.token}"}
    told = httpx.get(f"{server.url}/api/graph/active", headers=authorization).json()
    assert told["name"] == "v4-eras"


def test_an_expert_tells_what_it_does_in_the_answer_that_follows(own_server, visit):
    page = visit(own_server())
    say(page, "make a traffic light")
    expect(figure(page, "path")).to_have_text("expert")
    expect(page.locator(".said-assistant")).to_have_count(1)
    expect(page.locator(".said-assistant")).to_contain_text("traffic_light")
    paragraphs = page.locator(".said-assistant .markdown p")
    assert paragraphs.count() >= 3
    states = {
        name: page.locator(".net .node", has_text=name).get_attribute("aria-description")
        for name in ("pa", "expert_general", "expert_eras", "interpreter", "output")
    }
    assert states == {
        "pa": "done", "expert_general": "done", "expert_eras": "idle",
        "interpreter": "idle", "output": "done",
    }  # fmt: skip
    page.reload()
    expect(page.locator(".said-assistant")).to_have_count(1)
    expect(page.locator(".said-assistant .markdown p")).to_have_count(paragraphs.count())


def test_a_german_browser_is_offered_german_examples(server, visit):
    page = visit(server, locale="de-DE")
    expect(page.get_by_role("button", name="mach einen Zähler")).to_be_visible()
