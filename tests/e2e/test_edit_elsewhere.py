"""A held run is edited, or let go, by somebody else while the dialog that edits it is open."""

import json

import httpx
import pytest
from e2e.conftest import serving
from playwright.sync_api import expect

QUESTION = "how many customers are in Leipzig?"


@pytest.fixture(scope="module")
def debugged(built, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("edits") / "data") as running:
        yield running


@pytest.fixture
def client(debugged):
    headers = {"authorization": f"Bearer {debugged.token}"}
    with httpx.Client(base_url=debugged.url, headers=headers) as client:
        client.put("/api/debug/breakpoints", json=[{"node": "pa"}]).raise_for_status()
        client.post("/api/clear").raise_for_status()
        yield client


@pytest.fixture
def editing(client, debugged, visit):
    """Open a page with its dialog on a run that is held before node `pa`."""
    page = visit(debugged)
    page.get_by_label("Message").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".debug-held")).to_contain_text("before frame 2 · pa")
    page.get_by_role("button", name="edit", exact=True).click()
    editor = page.get_by_role("textbox", name="Pending")
    expect(editor).to_be_visible()
    return page, page.get_by_role("dialog"), editor


def patch(client, path: str, value) -> None:
    edits = [{"path": path, "value": value}]
    client.patch("/api/debug/pending", json={"edits": edits}).raise_for_status()


def test_where_nothing_is_typed_the_new_value_is_shown(editing, client):
    _, dialog, editor = editing
    patch(client, "/pending/pa/text", "another question")
    expect(dialog.get_by_role("alert")).to_contain_text("/pending/pa/text. The new value is shown")
    assert json.loads(editor.input_value())["pa"]["text"] == "another question"
    expect(dialog).to_contain_text("Nothing is changed")


def test_what_is_typed_is_kept_and_only_that_is_written(editing, client, violations):
    page, dialog, editor = editing
    editor.fill(editor.input_value().replace("Leipzig", "Berlin"))
    patch(client, "/pending/pa/sender", "somebody")
    told = dialog.get_by_role("alert")
    expect(told).to_contain_text(
        "Changed elsewhere: /pending/pa/sender. What you typed is kept; writing leaves"
    )
    assert "Berlin" in editor.input_value()
    assert violations(page) == []
    dialog.get_by_role("button", name="write").click()
    expect(dialog).to_have_count(0)
    goes_on = client.get("/api/debug").json()["pending"]["pa"]
    assert (goes_on["sender"], "Berlin" in goes_on["text"]) == ("somebody", True)


def test_the_new_value_is_taken_by_keyboard(editing, client):
    page, dialog, editor = editing
    editor.fill(editor.input_value().replace("Leipzig", "Berlin"))
    patch(client, "/pending/pa/text", "another question")
    expect(dialog.get_by_role("alert")).to_contain_text("writing replaces that")
    dialog.get_by_role("button", name="take the new value").focus()
    page.keyboard.press("Enter")
    expect(editor).to_be_focused()
    assert json.loads(editor.input_value())["pa"]["text"] == "another question"


def test_what_is_typed_outlives_other_sections_and_the_end_of_the_hold(editing, client):
    page, dialog, editor = editing
    editor.fill(editor.input_value().replace("Leipzig", "Berlin"))
    dialog.get_by_role("tab", name="Memory").click()
    page.get_by_role("textbox", name="Memory").fill('{"topic": "typed"}')
    dialog.get_by_role("tab", name="Pending *").click()
    assert "Berlin" in editor.input_value()
    dialog.get_by_role("button", name="write").click()
    memory = page.get_by_role("textbox", name="Memory")
    expect(memory).to_have_value('{"topic": "typed"}')
    client.post("/api/debug/resume", json={}).raise_for_status()
    expect(dialog).to_contain_text("The run is not held any more")
    expect(dialog).to_contain_text("What you typed was not written")
    left = page.get_by_role("textbox", name="Not written: Memory")
    expect(left).to_have_value('{"topic": "typed"}')


def test_a_run_that_is_held_elsewhere_meanwhile_is_edited_there(editing, client):
    page, dialog, editor = editing
    editor.fill(editor.input_value().replace("Leipzig", "Berlin"))
    client.post("/api/debug/step", json={"unit": "frame"}).raise_for_status()
    expect(dialog).to_contain_text("The run has gone on, and is held elsewhere")
    expect(page.get_by_role("textbox", name="Not written: Pending")).to_be_visible()
    dialog.get_by_role("button", name="edit it there").click()
    expect(editor).to_be_visible()
    assert "expert_eras" in editor.input_value()


def test_what_is_typed_is_not_lost_by_escape_or_a_click_beside(editing, violations):
    page, dialog, editor = editing
    question = dialog.get_by_role("alertdialog", name="Discard your change?")
    text = editor.input_value()
    editor.fill(text.replace("Leipzig", "Berlin"))
    for turn in range(2):
        page.keyboard.press("Escape")
        expect(question).to_be_visible()
        if turn == 0:
            assert violations(page) == []
        page.keyboard.press("Escape")
        expect(question).to_have_count(0)
        expect(editor).to_be_focused()
    page.mouse.click(4, 4)
    expect(question.get_by_role("button", name="keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(editor).to_be_focused()
    assert "Berlin" in editor.input_value()
    dialog.get_by_role("button", name="cancel").click()
    expect(question).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="edit", exact=True).click()
    expect(editor).to_have_value(text)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
