"""The shipped nodes on the shipped graph, with a scripted model in the place of a real one."""

import sys
from pathlib import Path

import pytest
from replies import MEMORY, READING, calls, perception, plan
from rig import CountingClock, FunctionTool, Notes, ScriptedModel, play, stage

from agent.core.databases import Schemas
from agent.core.errors import ToolFailed
from agent.core.events import (
    Controls,
    Decided,
    Interpreted,
    MachineCreated,
    MachineTransition,
    Perceived,
    Streaming,
    Updated,
)
from agent.core.frames import Envelope
from agent.core.messages import ModelReply
from agent.core.state import apply, at, fresh, put
from agent.engine.context import World
from agent.nodes import catalog
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.shared import shared_by
from agent.runtime.workspace import shipped

pytestmark = pytest.mark.anyio

LIBRARY = Library(shipped(NODES))
EDITION = LIBRARY.edition("v3-framed")
ROWS = {
    "database": "eras",
    "sql": "SELECT 1",
    "columns": ["n"],
    "rows": [[37]],
    "row_count": 1,
    "truncated": False,
}


def reach(*replies, result=ROWS):
    tool = FunctionTool("query_db", lambda _: result)
    model = ScriptedModel(*replies)
    return model, tool, World(
        model=model, tools={"query_db": tool}, schemas=Schemas(texts={"t": "TABLE t -- 1 rows\n  n INTEGER"}), clock=CountingClock(),
        render=EDITION.render,
    )  # fmt: skip


async def go(*replies, message="hello", result=ROWS, state=None):
    model, tool, world = reach(*replies, result=result)
    played = await play(EDITION.program.spec, NODES, within=world, message=message, state=state)
    return played, model, tool


def kinds(played, kind):
    return [event for event in played.emitted + played.published if isinstance(event, kind)]


async def test_small_talk_goes_straight_to_the_answer():
    played, model, _ = await go(perception("social", "trivial"), "Hello!", MEMORY)
    assert (played.going.ticks, played.going.path, played.going.response) == (2, "reflex", "Hello!")
    assert len(model.asked) == 3
    assert not kinds(played, Controls)


async def test_a_message_without_data_takes_four_frames():
    played, model, _ = await go(perception(), plan(), "nothing to do", "Sure.", MEMORY)
    assert (played.going.ticks, played.going.path, played.going.error) == (4, "director", "")
    assert [(r.frame, r.node) for r in played.going.frames] == [
        (1, "input"), (2, "director"), (3, "thinker"), (4, "output"), (4, "ui"),
    ]  # fmt: skip
    assert played.going.frames[2].route == "output+ui"
    assert len(model.asked) == 5
    assert "nothing to do" in str(model.asked[3].messages[0])


async def test_rows_are_interpreted_before_they_are_told():
    played, model, tool = await go(
        perception(), plan(("query_db", {"query": "SELECT 1", "database": "eras"})),
        calls(("query_db", {"query": "SELECT 1", "database": "eras"})), READING, "There are 37.", MEMORY,
    )  # fmt: skip
    assert (played.going.ticks, played.going.path) == (5, "director+interpreter")
    assert len(tool.calls) == 1
    assert len(model.asked) == 6
    assert kinds(played, Interpreted)[0].interpretation["confidence"] == "high"
    assert "37" in str(model.asked[4].messages[0])


async def test_the_interpreter_sees_the_first_1500_characters():
    long = {**ROWS, "rows": [["x" * 50]] * 60, "row_count": 60}
    _, model, _ = await go(
        perception(), plan(), calls(("query_db", {"query": "q", "database": "d"})), "done", READING, "ok", MEMORY,
        result=long,
    )  # fmt: skip
    told = model.asked[4].messages[0]["content"]
    assert "cut off" in told
    raw = told.split("\n")[-1]
    assert len(raw) == 1500
    assert raw.startswith('[{"args"')


async def test_no_rows_need_no_interpreter_and_are_told_of():
    played, model, _ = await go(
        perception(), plan(("query_db", {})), calls(("query_db", {})), "None found.", MEMORY,
        result={**ROWS, "rows": [], "row_count": 0},
    )  # fmt: skip
    assert played.going.ticks == 4
    assert '"rows":0' in model.asked[3].messages[0]["content"]


async def test_a_failed_call_goes_back_to_the_model_with_its_error():
    def flaky(arguments):
        return (
            ROWS
            if arguments["query"] == "good"
            else ToolFailed("sql_error", "no such column: ortt")
        )

    model, tool, world = reach(
        perception(), plan(("query_db", {"query": "bad"})), calls(("query_db", {"query": "bad"})),
        calls(("query_db", {"query": "good"})), READING, "There are 37.", MEMORY,
    )  # fmt: skip
    tool.does = flaky
    played = await play(EDITION.program.spec, NODES, within=world, message="how many")
    assert (played.going.ticks, played.going.error) == (5, "")
    second = model.asked[3].messages
    assert second[-2]["tool_calls"][0]["id"] == second[-1]["tool_call_id"] == "c0"
    assert "no such column: ortt" in second[-1]["content"]
    thought = next(r for r in played.going.frames if r.node == "thinker")
    assert thought.output is not None
    assert "errors" not in thought.output.data


async def test_three_rounds_are_all_and_the_errors_reach_the_answer():
    broken = calls(("query_db", None))
    played, model, tool = await go(perception(), plan(), broken, broken, broken, "Sorry.", MEMORY)
    assert (played.going.ticks, played.going.response, len(tool.calls)) == (4, "Sorry.", 0)
    assert "not a JSON object" in model.asked[5].messages[0]["content"]


async def test_an_unknown_tool_is_an_error_the_model_reads():
    played, model, _ = await go(
        perception(),
        plan(),
        calls(("paint", {"colour": "red"})),
        "cannot",
        "I cannot paint.",
        MEMORY,
    )
    assert played.going.error == ""
    assert "no tool 'paint'" in model.asked[3].messages[-1]["content"]


async def test_control_tools_change_the_page_and_are_no_data():
    machine = {"id": "nav", "initial": "a", "states": ["a", "b"]}
    played, _, _ = await go(
        perception("request"),
        plan(("create_machine", machine)),
        calls(("create_machine", machine)),
        "Done.",
        MEMORY,
    )
    assert (played.going.ticks, played.going.path) == (4, "director")
    assert kinds(played, MachineCreated)[0].id == "nav"
    assert [c["label"] for c in kinds(played, Controls)[-1].controls] == ["nav", "b"]
    thought = next(r for r in played.going.frames if r.node == "thinker")
    assert thought.output.data["controls_changed"] is True
    assert thought.output.data["tool_output"] == []


def with_counter():
    button = {"type": "button", "label": "+", "action": "inc", "payload": {"op": "inc", "var": "n"}}
    return apply(fresh("ada"), [put("ui", "controls", value=[button])])


async def test_a_bound_click_is_one_frame_without_a_model():
    model, _, world = reach()
    played = stage(EDITION.program.spec, NODES, within=world, state=with_counter())
    await played.going.run(
        {"ui": Envelope(kind="action", text="inc", data={"action": "inc", "data": None})}
    )
    assert (played.going.ticks, played.going.path, model.asked) == (1, "local", [])
    assert at(played.going.state, "ui", "state", "n") == 1
    moved = kinds(played, MachineTransition)[0]
    assert (moved.id, moved.before, moved.after) == ("n", None, 1)


async def test_any_other_click_starts_at_the_director_with_its_label():
    model, _, world = reach(plan(), "nothing", "You clicked.", MEMORY)
    state = apply(
        fresh("ada"),
        [put("ui", "controls", value=[{"type": "button", "label": "More", "action": "m"}])],
    )
    played = stage(EDITION.program.spec, NODES, within=world, state=state)
    start = EDITION.program.spec.action_start
    await played.going.run(
        {start: Envelope(kind="action", text="m", data={"action": "m", "data": 5})}
    )
    assert [r.node for r in played.going.frames] == ["director", "thinker", "output", "ui"]
    assert model.asked[0].messages[-1]["content"] == "(clicked More)"
    assert kinds(played, Decided)


async def test_a_click_is_told_with_the_label_of_the_button_that_was_meant():
    model, _, world = reach(plan(), "nothing", "You clicked.", MEMORY)
    rows = [
        {"type": "button", "label": f"Open {n}", "action": "open", "payload": n} for n in (1, 2)
    ]
    state = apply(fresh("ada"), [put("ui", "controls", value=rows)])
    played = stage(EDITION.program.spec, NODES, within=world, state=state)
    click = Envelope(kind="action", text="open", data={"action": "open", "data": 2})
    await played.going.run({EDITION.program.spec.action_start: click})
    assert model.asked[0].messages[-1]["content"] == "(clicked Open 2)"


async def test_events_tell_what_was_understood_and_remembered():
    played, _, _ = await go(perception("social", "trivial"), "Hi", MEMORY)
    assert kinds(played, Perceived)[0].perception["intent"] == "social"
    memory = kinds(played, Updated)[0].memory
    assert (memory["user_name"], memory["facts"]) == ("Ada", ["Likes tea"])
    assert at(played.going.state, "memory", "facts") == ["Likes tea"]


async def test_an_answer_without_text_is_an_error():
    played, _, _ = await go(perception("social", "trivial"), ModelReply(text="", finish="length"))
    assert "no text" in played.going.error


@pytest.mark.parametrize(("language", "told"), [("en", "The answer ends"), ("de", "Hier bricht")])
async def test_an_answer_cut_at_the_limit_says_so(language, told):
    seen = perception("social", "trivial", language)
    played, _, _ = await go(seen, ModelReply(text="Hel", finish="length"), "Hi", MEMORY)
    assert not played.going.error
    assert kinds(played, Streaming)[0].text.startswith(f"\n\n*({told}")


async def test_prompts_hold_schema_tools_memory_and_history_order():
    _, model, _ = await go(perception(), plan(), "no", "ok", MEMORY)
    director = model.asked[1]
    told = director.messages[0]["content"]
    for part in (
        "query_db",
        "add_state",
        "reset_machine",
        "destroy_machine",
        "TABLE t",
        '"user_name"',
    ):
        assert part in told
    assert director.messages[-1] == {"role": "user", "content": "hello"}
    assert model.asked[2].tools[0]["function"]["name"] == "query_db"


def test_a_node_imports_no_other_node():
    homes = {Path(sys.modules[node.__module__].__file__).stem for node in NODES.values()}
    for home in homes:
        source = (Path(catalog.__file__).parent / f"{home}.py").read_text("utf-8")
        shared = {name.removeprefix("agent.nodes.") for name in shared_by(source)}
        assert not shared & homes, home


async def test_the_same_replies_give_the_same_journal():
    replies = (perception(), plan(("query_db", {})), calls(("query_db", {})), READING, "37", MEMORY)
    journals = []
    for _ in range(2):
        model, _, world = reach(*replies)
        notes = Notes()
        await play(EDITION.program.spec, NODES, within=world, notes=notes)
        journals.append([request.messages for request in model.asked])
    assert journals[0] == journals[1]
