"""The personal assistant and its experts, with a scripted model in the place of a real one."""

import json

import pytest
from replies import MEMORY, READING, asks, expert_plan, perception, routed
from rig import CountingClock, FunctionTool, ScriptedModel, play, stage

from agent.core.databases import Schemas
from agent.core.errors import ToolFailed
from agent.core.events import Decided, MachineCreated
from agent.core.frames import Envelope
from agent.core.messages import Turn
from agent.core.state import apply, at, fresh, put
from agent.engine.context import Scene, World
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import shipped

pytestmark = pytest.mark.anyio

EDITION = Library(shipped(NODES)).edition("v4-eras")
SPEC = EDITION.program.spec
SCHEMA = """TABLE kunden -- 240 rows; customers
  id INTEGER PRIMARY KEY -- customer id
  ort TEXT NOT NULL -- city

TABLE objekte -- 600 rows; properties
  id INTEGER PRIMARY KEY
  kunde_id INTEGER NOT NULL REFERENCES kunden(id)"""
SCHEMAS = Schemas(texts={"eras2_production": SCHEMA})
COLUMNS = [
    ["id", "INTEGER", "NO", "PRIMARY KEY", "", "customer id"],
    ["ort", "TEXT", "NO", "", "", "city: Leipzig or Dresden"],
]
COUNT = "SELECT COUNT(*) AS n FROM kunden"


def database(arguments):
    sql = arguments["query"]
    if sql.startswith("DESCRIBE"):
        return {"columns": [], "rows": COLUMNS, "row_count": 2, "truncated": False}
    if "bad" in sql:
        return ToolFailed("sql_error", "no such column: bad")
    if "stop" in sql:
        return ToolFailed("cancelled", "it was stopped")
    if "many" in sql:
        return {"columns": ["n"], "rows": [[n] for n in range(60)], "row_count": 60}
    return {"columns": ["n"], "rows": [[37]], "row_count": 1, "truncated": False}


async def go(*replies, state=None, message="hello", history=()):
    model, tool = ScriptedModel(*replies), FunctionTool("query_db", database)
    world = World(
        model=model, tools={"query_db": tool}, schemas=SCHEMAS, clock=CountingClock(),
        render=EDITION.render, graph=SPEC,
    )  # fmt: skip
    played = await play(SPEC, NODES, within=world, message=message, state=state)
    return played, model, [call["query"] for call in tool.calls]


def walk(played):
    return " ".join(f"{record.frame}{record.node}" for record in played.going.frames)


def told(model, number):
    return model.asked[number].messages[0]["content"]


async def test_small_talk_never_meets_the_assistant():
    played, *_ = await go(perception("social", "trivial"), "Hi!", MEMORY)
    assert (walk(played), played.going.path) == ("1input 2output", "reflex")


async def test_what_needs_no_expert_takes_three_frames():
    played, model, asked = await go(
        perception(), routed(hint="ask which numbers"), "Which ones?", MEMORY
    )
    assert (walk(played), played.going.path) == ("1input 2pa 3output 3ui", "pa")
    assert played.going.frames[1].condition == "expert_is_none=True"
    assert (played.going.response, asked) == ("Which ones?", [])
    assert "ask which numbers" in told(model, 2)


async def test_an_expert_answers_in_four_frames():
    played, model, asked = await go(
        perception(), routed("eras", "How many customers?", "One moment."),
        expert_plan(asks(COUNT), tables=["kunden"]), expert_plan(asks(COUNT)), "There are 37.", MEMORY,
    )  # fmt: skip
    assert walk(played) == "1input 2pa 3expert_eras 4output 4ui"
    assert (played.going.path, played.going.error) == ("expert", "")
    assert played.going.frames[1].condition == "expert_is_eras=True"
    assert asked == ["DESCRIBE kunden", COUNT]
    assert played.going.frames[3].output.text == "There are 37."
    decided = [event for event in played.emitted if isinstance(event, Decided)]
    assert [event.plan["expert"] for event in decided] == ["eras"]
    assert "37" in told(model, 4)


async def test_the_user_hears_thinking_then_a_line_per_tool_then_the_answer():
    played, *_ = await go(
        perception(), routed("eras", "How many?", "One moment."),
        expert_plan(asks(COUNT)), expert_plan(asks(COUNT)), "There are 37.", MEMORY,
    )  # fmt: skip
    assert [line for line in played.going.response.split("\n") if line] == [
        "One moment.",
        "*Looking at the table kunden …*",
        "*Asking the database …*",
        "There are 37.",
    ]
    assert played.going.frames[1].said == "One moment.\n\n"
    assert played.going.frames[3].said == ""


async def test_progress_is_told_in_the_language_of_the_answer():
    played, *_ = await go(
        perception(language="en"), routed("eras", "Wie viele?", "Moment.", language="de"),
        expert_plan(asks(COUNT)), expert_plan(asks(COUNT)), "Es sind 37.", MEMORY,
    )  # fmt: skip
    assert "*Ich frage die Datenbank …*" in played.going.response


async def test_two_model_calls_after_the_first_look_and_on_every_later_job():
    replies = (
        perception(), routed("eras", "How many?"),
        expert_plan(tables=["kunden"]), expert_plan(asks(COUNT)), "There are 37.", MEMORY,
    )  # fmt: skip
    first, model, asked = await go(*replies)
    assert asked[0] == "DESCRIBE kunden"
    assert "columns: id, ort" in told(model, 2)
    assert "city: Leipzig or Dresden" not in told(model, 2)
    assert "ort TEXT NOT NULL -- city: Leipzig or Dresden" in told(model, 3)
    assert len(model.asked) == 6  # input, pa, plan | plan, respond | memorizer
    cached = first.going.state
    assert at(cached, "cache", "eras2_production", "kunden") == COLUMNS
    _, later, asked = await go(*replies[:2], *replies[3:], state=cached)
    assert asked == [COUNT]
    assert len(later.asked) == 5
    assert "city: Leipzig or Dresden" in told(later, 2)


async def test_a_table_is_looked_at_even_when_the_plan_forgot_to_name_it():
    _, _, asked = await go(
        perception(), routed("eras", "How many?"), expert_plan(tables=["kunden"]),
        expert_plan(asks("SELECT COUNT(*) FROM objekte")), "There are 37.", MEMORY,
    )  # fmt: skip
    assert asked == ["DESCRIBE kunden", "DESCRIBE objekte", "SELECT COUNT(*) FROM objekte"]


async def test_an_error_goes_back_to_the_plan():
    seen = apply(fresh("ada"), [put("cache", "eras2_production", "kunden", value=COLUMNS)])
    played, model, asked = await go(
        perception(), routed("eras", "How many?"), expert_plan(asks("SELECT bad FROM kunden")),
        expert_plan(asks(COUNT)), "There are 37.", MEMORY, state=seen,
    )  # fmt: skip
    assert asked == ["SELECT bad FROM kunden", COUNT]
    assert "no such column: bad" in told(model, 3)
    assert "errors" not in played.going.frames[2].output.data


async def test_three_attempts_are_all_and_the_answer_tells_why():
    seen = apply(fresh("ada"), [put("cache", "eras2_production", "kunden", value=COLUMNS)])
    bad = expert_plan(asks("SELECT bad FROM kunden"))
    played, model, asked = await go(
        perception(), routed("eras", "How many?"), bad, bad, bad, "It failed.", MEMORY, state=seen
    )
    assert (len(asked), walk(played)) == (3, "1input 2pa 3expert_eras 4output 4ui")
    assert "no such column: bad" in told(model, 5)
    assert played.going.frames[2].output.data["errors"]


async def test_a_call_that_the_user_stopped_is_not_made_again():
    seen = apply(fresh("ada"), [put("cache", "eras2_production", "kunden", value=COLUMNS)])
    stop = asks("SELECT stop FROM kunden")
    played, model, asked = await go(
        perception(), routed("eras", "How many?"), expert_plan(stop, asks(COUNT)),
        "You stopped it.", MEMORY, state=seen,
    )  # fmt: skip
    assert asked == ["SELECT stop FROM kunden"]
    assert played.going.response.endswith("You stopped it.")
    assert "cancelled: it was stopped" in told(model, 3)


async def test_many_rows_are_left_to_the_interpreter():
    played, model, _ = await go(
        perception(), routed("eras", "All of them"), expert_plan(asks("SELECT many FROM kunden")),
        expert_plan(asks("SELECT many FROM kunden")), READING, "Sixty.", MEMORY,
    )  # fmt: skip
    assert walk(played) == "1input 2pa 3expert_eras 4interpreter 5output 5ui"
    assert (played.going.path, played.going.ticks) == ("expert+interpreter", 5)
    assert played.going.frames[2].condition == "has_tool_output=True"
    assert played.going.response.endswith("Sixty.")
    assert len(model.asked) == 7


async def test_an_expert_sees_the_job_and_neither_conversation_nor_memory():
    secret = apply(fresh("ada"), [put("memory", "facts", value=["Likes tea"])])
    played = stage(
        SPEC, NODES, message="and there?", state=secret,
        within=World(
            model=(model := ScriptedModel(
                perception(), routed("eras", "How many in Dresden?"), expert_plan(), "None.", MEMORY
            )),
            tools={"query_db": FunctionTool("query_db", database)}, schemas=SCHEMAS,
            clock=CountingClock(), render=EDITION.render, graph=SPEC,
        ),
    )  # fmt: skip
    turn = Turn(role="user", content="How many in Leipzig?", run_id="r")
    played.going._scene = Scene(run_id="r", channel="main", message="and there?", history=(turn,))
    await played.going.run({"input": Envelope(kind="message", text="and there?")})
    assistant, plan, answer = model.asked[1:4]
    assert "Likes tea" in str(assistant.messages)
    assert "How many in Leipzig?" in str(assistant.messages)
    for request in (plan, answer):
        assert "Likes tea" not in str(request.messages)
        assert "Leipzig?" not in str(request.messages)
        assert request.messages[-1] == {"role": "user", "content": "How many in Dresden?"}


async def test_the_general_expert_works_the_page():
    machine = {"id": "nav", "initial": "a", "states": ["a", "b"]}
    played, model, asked = await go(
        perception("request"), routed("general", "A navigation"),
        expert_plan(("create_machine", machine)), "It is there.", MEMORY,
    )  # fmt: skip
    assert walk(played) == "1input 2pa 3expert_general 4output 4ui"
    assert (asked, len(model.asked)) == ([], 5)
    assert [e.id for e in played.emitted if isinstance(e, MachineCreated)] == ["nav"]
    assert at(played.going.state, "ui", "machines", "nav", "current") == "a"
    assert "create_machine" in told(model, 2)
    assert "query_db" in told(model, 2)


async def test_an_expert_has_no_tools_but_its_own():
    played, model, _ = await go(
        perception(), routed("eras", "A button"), expert_plan(("set_state", {"key": "a", "value": 1})),
        expert_plan(), "I cannot.", MEMORY,
    )  # fmt: skip
    assert "set_state" not in told(model, 2)
    assert "there is no tool 'set_state'; known: query_db" in told(model, 3)
    assert at(played.going.state, "ui", "state") == {}


async def test_the_assistant_is_told_who_is_there_and_may_name_no_other():
    _, model, _ = await go(perception(), routed("nobody"), routed(), "Sure.", MEMORY)
    card = next(line for line in told(model, 1).splitlines() if '"expert":"eras"' in line)
    assert json.loads(card)["knows"] == [
        "kunden -- 240 rows; customers",
        "objekte -- 600 rows; properties",
    ]
    wanted = model.asked[1].response_format["json_schema"]["schema"]["properties"]["expert"]
    assert sorted(wanted["enum"]) == ["eras", "general", "none"]
    assert "$.expert" in model.asked[2].messages[-1]["content"]


async def test_a_click_that_needs_a_model_begins_at_the_assistant():
    button = {"type": "button", "label": "More", "action": "m"}
    state = apply(fresh("ada"), [put("ui", "controls", value=[button])])
    model = ScriptedModel(
        routed("general", "The user clicked More"), expert_plan(), "Done.", MEMORY
    )
    world = World(model=model, tools={}, clock=CountingClock(), render=EDITION.render, graph=SPEC)
    played = stage(SPEC, NODES, within=world, state=state)
    click = Envelope(kind="action", text="m", data={"action": "m", "data": None})
    await played.going.run({SPEC.action_start: click})
    assert walk(played) == "1pa 2expert_general 3output 3ui"
    assert model.asked[0].messages[-1]["content"] == "(clicked More)"
