"""What a newcomer does: open the link, say hello, ask for data, look into a frame, replay."""

from e2e.conftest import figure, say
from playwright.sync_api import expect

QUESTION = "how many customers are in Leipzig?"


def rows(page):
    return page.locator("[aria-label^='Frames of run'] [role=option]")


def test_the_printed_link_opens_a_live_page(own_server, visit):
    server = own_server()
    page = visit(server, server.launch, enter=False)
    expect(page.locator(".connection-live")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/")
    expect(page.locator(".top .model")).to_contain_text("rules, not an LLM")
    expect(page.locator(".first")).to_contain_text("AGENT_LLM_BASE_URL")
    for chip in ("say hello", "make a counter", QUESTION):
        expect(page.get_by_role("button", name=chip)).to_be_visible()


def test_without_a_cookie_one_line_says_how_to_get_in(server, visit):
    page = visit(server, enter=False, expect_errors=True)
    expect(page.locator("main")).to_contain_text("open the link printed at start")
    expect(page.locator("main")).to_contain_text("python3 run.py open")


def test_hello_is_a_reflex_of_two_frames(server, visit):
    page = visit(server)
    page.get_by_role("button", name="say hello").click()
    page.locator(".run-title .status-done").wait_for()
    expect(figure(page, "path")).to_have_text("reflex")
    expect(figure(page, "frames")).to_have_text("2")
    numbers = [text for text in rows(page).locator(".frame-number").all_inner_texts() if text]
    assert numbers == ["1", "2", "post"]


def test_a_question_about_data_has_four_frames_and_a_table_of_rows(server, visit):
    page = visit(server)
    say(page, QUESTION)
    expect(figure(page, "path")).to_have_text("expert")
    expect(figure(page, "frames")).to_have_text("4")
    expect(rows(page).locator(".frame-node")).to_have_text(
        ["input", "pa", "expert_eras", "output", "ui", "memorizer"]
    )
    page.locator(".net g.node", has_text="expert_eras").click()
    page.get_by_role("tab", name="Tools").click()
    expect(page.locator(".inspector-body")).to_contain_text("SELECT")
    expect(page.locator(".inspector-body table").last).to_be_visible()
    number = page.locator(".inspector-body tbody td").last.inner_text()
    expect(page.locator(".said-assistant").last).to_contain_text(number)


def test_node_bar_and_inspector_are_one_selection(server, visit):
    page = visit(server)
    say(page, "hello")
    page.locator(".net g.node", has_text="output").click()
    expect(rows(page).and_(page.locator("[aria-selected=true]"))).to_contain_text("output")
    expect(page.locator(".inspector-head h2")).to_contain_text("output")
    rows(page).first.click()
    expect(page.locator(".net g.node.chosen")).to_contain_text("input")
    page.get_by_role("tab", name="Model").click()
    expect(page.locator(".inspector-body")).to_contain_text("Request, as sent")
    expect(page.locator(".part-system")).to_have_count(1)


def test_a_reload_keeps_selection_and_conversation(server, visit):
    page = visit(server)
    say(page, "hello again")
    rows(page).first.click()
    page.get_by_role("tab", name="Output").click()
    page.reload()
    expect(page.locator(".inspector-head h2")).to_contain_text("input")
    expect(page.get_by_role("tab", name="Output")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".said-user").last).to_have_text("hello again")


def test_everything_is_there_after_a_restart(built, tmp_path, visit):
    from e2e.conftest import serving

    with serving(tmp_path / "data") as first:
        page = visit(first)
        say(page, "hello before the restart")
        rows(page).first.click()
        place = page.url.split("#")[1]
        page.context.close()
    with serving(tmp_path / "data") as second:
        page = visit(second, f"/#{place}")
        expect(page.locator(".said-user")).to_have_text(["hello before the restart"])
        expect(page.locator(".inspector-head h2")).to_contain_text("input")
        page.context.close()


def test_a_replay_is_exact(server, visit):
    page = visit(server)
    say(page, QUESTION)
    page.get_by_role("button", name="replay").click()
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("exact")
    matched, total = verdict.locator("strong").inner_text().split("/")
    assert matched == total
    assert int(total) > 4
    expect(page.locator(".run-title h2")).to_have_text(QUESTION)


def test_a_counter_counts_without_a_model(server, visit):
    page = visit(server)
    say(page, "make a counter")
    controls = page.get_by_label("Controls", exact=True)
    shown = controls.locator(".control-label .mono").first
    before = int(shown.inner_text())
    controls.get_by_role("button").first.click()
    expect(shown).not_to_have_text(str(before))
    expect(figure(page, "path")).to_have_text("local")
    expect(figure(page, "frames")).to_have_text("1")
