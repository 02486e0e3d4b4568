"""The debugger on the page: holding, stepping, breakpoints, edits."""

import json
import re

import httpx
import pytest
from e2e.conftest import say, serving
from playwright.sync_api import expect

SIZES = {375: 720, 1440: 900}
HELD = ".debug-held"
SEND = """fetch('/api/send', {
    method: 'POST', headers: {'content-type': 'application/json'}, body: '{"text": "hello"}',
})"""
QUESTION = "how many customers are in Leipzig?"
GRAPH = """name = "notes"
description = "keeps a note"

[[node]]
role = "keeper"
impl = "keeper_v1"
"""
NODE = """async def keeper_v1(ctx, envelope):
    ctx.say(f"Kept: {await ctx.call('keep', {'text': 'first'})}")
"""
TOOL = """from agent.tools import tool


@tool(effect="write")
async def keep(text: str) -> str:
    \"\"\"Keep a note.\"\"\"
    return text
"""


def ask(page, text: str = QUESTION) -> None:
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")


def held_at(page, place: str) -> None:
    expect(page.locator(HELD)).to_contain_text(place)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A workspace with one graph, whose node calls a tool that writes."""
    folder = tmp_path_factory.mktemp("debugger") / "own"
    for name, text in {"graphs/n.toml": GRAPH, "nodes/n.py": NODE, "tools/n.py": TOOL}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def debugged(built, own):
    with serving(own.parent / "data", AGENT_WORKSPACE=str(own)) as running:
        yield running


@pytest.fixture
def live(debugged, visit):
    """Open a live page; nothing is held then, and there is no breakpoint."""
    with httpx.Client(
        base_url=debugged.url, headers={"authorization": f"Bearer {debugged.token}"}
    ) as client:
        client.put("/api/debug/breakpoints", json=[]).raise_for_status()
        if client.get("/api/debug").json()["run_id"]:
            client.post("/api/debug/drop")
        client.post("/api/clear").raise_for_status()
        client.post("/api/graph/switch", json={"name": "v4-eras"}).raise_for_status()

    def open_page(expect_errors=False, **options):
        page = visit(debugged, expect_errors=expect_errors, **options)
        expect(page.locator(".connection-live")).to_be_visible()
        return page

    return open_page


def test_a_run_is_held_before_a_node_edited_stepped_and_let_go(live):
    page = live()
    expect(page.locator("section.debug")).to_have_count(0)
    node = page.locator("g.node[data-node=pa]")
    node.focus()
    expect(node).to_be_focused()
    page.keyboard.press("b")
    expect(node.locator(".dot")).to_have_count(1)
    ask(page)
    held_at(page, "before frame 2 · pa")
    expect(page).to_have_title("‖ held before frame 2 · pa — Framescope")
    expect(page.locator(".node-held")).to_have_attribute("data-node", "pa")
    expect(page.locator(".held-next")).to_contain_text("before frame 2 · pa")
    page.reload()
    held_at(page, "breakpoint b1")
    expect(page.locator(".node-held")).to_have_attribute("data-node", "pa")
    page.get_by_role("button", name="edit", exact=True).click()
    editor = page.get_by_role("textbox", name="Pending")
    text = editor.input_value()
    editor.fill(text.replace("Leipzig", "Berlin"))
    expect(page.locator("#edit-told")).to_contain_text("/pending/pa/text")
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_label("Message").focus()
    page.keyboard.press("F10")
    held_at(page, "before frame 3 · expert_eras")
    page.keyboard.press("F8")
    expect(page.locator(".said-assistant").last).to_contain_text("Berlin")
    expect(page.locator(HELD)).to_have_count(0)
    expect(page).to_have_title("Framescope")


def test_a_pause_is_armed_taken_back_and_a_held_run_dropped_by_keyboard(live):
    page = live()
    page.get_by_role("button", name="Debugger", exact=True).focus()
    page.keyboard.press("Enter")
    bar = page.locator("section.debug")
    bar.get_by_role("button", name="pause the next run").click()
    expect(bar).to_contain_text("held before its first frame")
    bar.get_by_role("button", name="take back").click()
    expect(bar).to_contain_text("Nothing is held")
    bar.get_by_role("button", name="pause the next run").click()
    expect(bar).to_contain_text("held before its first frame")
    ask(page, "hello")
    held_at(page, "before frame 1 · input")
    bar.get_by_label("Frame to run to").fill("2")
    page.keyboard.press("Enter")
    held_at(page, "before frame 2")
    bar.get_by_role("button", name="drop").focus()
    page.keyboard.press("Enter")
    expect(page.locator(HELD)).to_have_count(0)
    expect(bar).to_be_focused()
    expect(page.locator(".run-title .status-cancelled")).to_be_visible()


def test_a_bad_condition_is_refused_at_its_place_and_a_model_request_is_edited(live, violations):
    page = live(expect_errors=True)  # a refusal is an error in the console
    page.get_by_role("button", name="Debugger", exact=True).click()
    page.locator("section.debug").get_by_role("button", name="breakpoints").click()
    page.get_by_label("hold on").select_option("model")
    condition = page.get_by_label("when")
    condition.fill("frame > > 3")
    page.keyboard.press("Enter")
    expect(page.locator("dialog .fault")).to_contain_text("column 9")
    assert condition.evaluate("box => [box.selectionStart, box.selectionEnd]") == [8, 9]
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog", name="Discard your change?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(condition).to_be_focused()
    condition.fill('node == "pa"')
    page.keyboard.press("Enter")
    row = page.locator(".breakpoint")
    expect(row).to_contain_text('on model when node == "pa"')
    page.keyboard.press("Escape")
    ask(page)
    held_at(page, "at an effect of frame 2 · pa")
    page.get_by_role("button", name="edit", exact=True).click()
    editor = page.get_by_role("textbox", name="Model request")
    request = json.loads(editor.input_value())
    editor.fill('{"model": ')
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog .fault")).to_contain_text("line 1, column 11: expected a value")
    editor.fill(json.dumps({**request, "model": 7}))
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog .fault")).to_contain_text("/model_request")
    expect(editor).to_be_focused()
    assert editor.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == "7"
    editor.fill(json.dumps({**request, "model": "another"}))
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("button", name="edit", exact=True).click()
    assert json.loads(editor.input_value())["model"] == "another"
    page.keyboard.press("Escape")
    page.locator("section.debug").get_by_role("button", name="1 breakpoint").click()
    row.get_by_role("checkbox").uncheck()
    expect(page.locator(".breakpoint-off")).to_be_visible()
    page.keyboard.press("Escape")
    page.reload()
    page.locator("section.debug").get_by_role("button", name="0 breakpoints").click()
    row.get_by_role("button", name="Delete b1").click()
    expect(row).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("F8")
    expect(page.locator("section.debug")).to_have_count(0)


def test_what_a_tool_is_called_with_is_edited(live, violations):
    page = live(expect_errors=True)  # a refusal is an error in the console
    page.get_by_label("graph", exact=True).select_option("notes")
    expect(page.locator("g.node")).to_have_count(1)
    page.get_by_role("button", name="Debugger", exact=True).click()
    page.locator("section.debug").get_by_role("button", name="breakpoints").click()
    page.get_by_label("hold on").select_option("tool")
    page.get_by_label("when").fill("frame > 0")
    page.keyboard.press("Enter")
    expect(page.locator(".breakpoint")).to_contain_text("on tool")
    page.keyboard.press("Escape")
    ask(page, "go")
    held_at(page, "at an effect of frame 1 · keeper")
    page.get_by_role("button", name="edit", exact=True).click()
    page.get_by_role("tab", name="Tool arguments").click()
    editor = page.get_by_role("textbox", name="Tool arguments")
    call = json.loads(editor.input_value())
    editor.fill(json.dumps({**call, "arguments": {"text": 7}}))
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog .fault")).to_contain_text("/tool/arguments/text: expected string")
    assert editor.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == "7"
    assert violations(page) == []
    editor.fill(json.dumps({**call, "arguments": {"text": "edited"}}))
    page.get_by_role("button", name="write").click()
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("F8")
    expect(page.locator(".said-assistant")).to_contain_text("Kept: edited")


@pytest.mark.parametrize("width", SIZES)
def test_the_bar_and_its_dialogs_are_accessible_and_fit(live, violations, width):
    page = live(color_scheme="light", viewport={"width": width, "height": SIZES[width]})
    page.get_by_role("button", name="Debugger", exact=True).click()
    page.get_by_role("button", name="pause the next run").click()
    expect(page.locator("section.debug")).to_contain_text("held before its first frame")
    page.evaluate(SEND)
    held_at(page, "before frame 1 · input")
    for dark in (False, True):
        if dark:
            page.get_by_role("button", name="Light or dark").click()
        assert violations(page) == []
        for name in ("edit", "breakpoints"):
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.locator("dialog h2")).to_be_visible()
            assert violations(page) == []
            page.keyboard.press("Escape")
            expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_run_becomes_a_test_that_passes_and_can_be_saved(live, violations):
    page = live()
    say(page, QUESTION)
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Make a test")
    expect(dialog.locator("tbody tr").first).to_contain_text("expect_path: expert")
    expect(dialog.locator("tbody tr").first).to_contain_text("route changed")
    assert violations(page) == []
    name = "how-many-customers-are-in-leipzig"
    saved = {}
    for ending in ("md", "cassette.json"):
        with page.expect_download() as download:
            dialog.get_by_role("link", name=f"{name}.{ending}").click()
        saved[ending] = download.value.path().read_text("utf-8")
    assert f"- cassette: {name}.cassette.json" in saved["md"]
    assert json.loads(saved["cassette.json"])
    dialog.get_by_role("button", name="play it").click()
    expect(dialog).to_contain_text("passed, 0 failed")


def test_a_run_is_exported_and_comes_in_again(live):
    page = live()
    say(page, "hello export")
    with page.expect_download() as download:
        page.get_by_role("link", name="zip").click()
    name = download.value.suggested_filename
    assert name.startswith("framescope-r-")
    page.get_by_role("tab", name="Runs").click()
    page.get_by_label("Exported run").set_input_files(
        {"name": name, "mimeType": "", "buffer": download.value.path().read_bytes()}
    )
    expect(page.locator(".notice-news")).to_contain_text("Imported as #")
    expect(page.locator(".run-title h2")).to_have_text("hello export")
    expect(page.locator(".centre .frame-row").nth(1)).to_contain_text("input")


def test_a_fork_tells_its_price_first_and_its_end_can_be_adopted(live, violations):
    page = live(expect_errors=True)
    say(page, QUESTION)
    page.locator("g.node[data-node=expert_eras]").click()
    page.get_by_role("button", name="fork from here").click()
    price = page.locator(".price")
    expect(price).to_contain_text("0 of 5 visits dirty, about 0 model calls")
    page.get_by_role("button", name="change something").click()
    page.get_by_role("combobox", name="change").select_option("model")
    page.get_by_role("button", name="estimate").click()
    expect(page.locator(".change .fault")).to_contain_text("expected a model id")
    page.get_by_role("combobox", name="change").select_option("tool_result")
    page.get_by_role("combobox", name="of").select_option(index=1)
    result = page.get_by_role("textbox", name="New tool result")
    assert "29" in result.input_value()
    result.fill(result.input_value().replace("29", "31"))
    page.get_by_role("button", name="estimate").click()
    expect(price).to_contain_text("frame 3 · expert_eras")
    assert violations(page) == []
    page.get_by_role("button", name="run the fork").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_label("The run")).to_contain_text("There are 31 customers in Leipzig.")
    chat = page.locator(".room-chat")
    expect(chat).to_contain_text("There are 29 customers in Leipzig.")
    page.get_by_role("button", name="adopt").click()
    expect(chat).to_contain_text("There are 31 customers in Leipzig.")
    expect(chat).not_to_contain_text("There are 29 customers")


def test_a_dialog_stays_with_its_run_and_typed_changes_with_their_frame(live):
    page = live()
    say(page, QUESTION)
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    dialog = page.get_by_role("dialog", name="Fork")
    frame = dialog.get_by_role("combobox", name="from frame")
    frame.select_option("3")
    of = dialog.get_by_role("heading").inner_text()
    dialog.get_by_role("button", name="change something").click()
    dialog.get_by_role("combobox", name="change").select_option("tool_result")
    dialog.get_by_role("combobox", name="of").select_option(index=1)
    result = dialog.get_by_role("textbox", name="New tool result")
    result.fill(result.input_value().replace("29", "31"))
    page.evaluate(SEND)
    expect(page.locator(".run-title h2")).to_have_text("hello")
    expect(dialog.get_by_role("heading")).to_have_text(of)
    expect(result).to_have_value(re.compile("31"))
    frame.select_option("4")
    expect(dialog).to_contain_text("1 change is kept but not made")
    expect(result).to_have_count(0)
    frame.select_option("3")
    expect(result).to_have_value(re.compile("31"))
    dialog.get_by_role("button", name="estimate").click()
    expect(dialog.locator(".price")).to_contain_text("frame 3 · expert_eras")


def test_a_saved_node_offers_the_last_message_again_and_asks_before_it_writes(live, own):
    page = live()
    page.get_by_label("graph", exact=True).select_option("notes")
    expect(page.locator("g.node")).to_have_count(1)
    say(page, "go")
    expect(page.locator(".said-assistant")).to_contain_text("Kept: first")
    (own / "nodes" / "n.py").write_text(NODE.replace("first", "second"))
    page.get_by_role("button", name="re-run the last message").click()
    dialog = page.get_by_role("dialog", name="Fork")
    expect(dialog).to_contain_text("1 of 1 visit dirty")
    run = dialog.get_by_role("button", name="run the fork")
    expect(run).to_have_attribute("aria-disabled", "true")
    run.click(force=True)
    expect(dialog).to_be_visible()
    dialog.get_by_role("checkbox", name="let it write: keep (frame 1, keeper)").check()
    run.click()
    expect(page.get_by_label("The run")).to_contain_text("Kept: second")
    expect(page.get_by_role("button", name="re-run the last message")).to_have_count(0)


def test_two_runs_are_compared_and_the_first_divergence_is_opened(live, violations):
    page = live()
    say(page, QUESTION)
    say(page, "how many customers are in Berlin?")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog", name="Difference")
    expect(dialog).to_contain_text("They part at frame 1 · input")
    expect(dialog.locator("del").first).to_have_text("Leipzig")
    expect(dialog.locator("ins").first).to_have_text("Berlin")
    dialog.locator("summary", has_text="frame 3 · expert_eras").click()
    expect(dialog.locator("details[open] .diff-spot").first).to_be_visible()
    assert violations(page) == []
    dialog.locator(".price").get_by_role("button").first.click()
    expect(page.locator(".inspector-head h2")).to_contain_text("input")
    expect(page.locator(".run-title h2")).to_have_text(QUESTION)
