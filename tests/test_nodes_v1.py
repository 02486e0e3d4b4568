"""The thinker that is audited, and the director that follows, with a scripted model."""

import pytest
from replies import GUIDANCE, MEMORY, calls, perception, plan
from rig import CountingClock, FunctionTool, ScriptedModel, stage

from agent.core.errors import ToolFailed
from agent.core.frames import Envelope
from agent.core.state import apply, at, fresh, put
from agent.engine.context import Scene, World
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import shipped

pytestmark = pytest.mark.anyio

LIBRARY = Library(shipped(NODES))
BUTTON = {"type": "button", "label": "More", "action": "m"}


def database(arguments):
    if arguments["query"] == "bad":
        return ToolFailed("sql_error", "no such column")
    return {"columns": ["n"], "rows": [[37]], "row_count": 1}


async def go(*replies, graph="v1-current", state=None, dashboard=None, begin=None):
    edition = LIBRARY.edition(graph)
    spec, model = edition.program.spec, ScriptedModel(*replies)
    world = World(
        model=model, tools={"query_db": FunctionTool("query_db", database)},
        clock=CountingClock(), render=edition.render, graph=spec,
    )  # fmt: skip
    played = stage(spec, NODES, within=world, state=state)
    played.going._scene = Scene(run_id="r", channel="main", message="hello", dashboard=dashboard)
    await played.going.run(begin or {spec.start: Envelope(kind="message", text="hello")})
    await played.going.run_post()
    assert played.going.error == ""
    return played.going, model


def audits(going):
    [thought] = [record for record in going.frames if record.node == "thinker"]
    return thought.output.data.get("audits", [])


async def test_three_frames_and_two_that_follow():
    query = calls(("query_db", {"query": "good", "database": "d"}))
    going, model = await go(perception(), query, "counted", "37.", MEMORY, GUIDANCE)
    assert (going.ticks, going.path, audits(going)) == (3, "thinker", [])
    assert [record.node for record in going.frames] == ["input", "thinker", "output", "ui"]
    assert [record.node for record in going.post_frames] == ["memorizer", "director"]
    assert "37" in model.asked[3].messages[0]["content"]


async def test_code_instead_of_a_call_is_sent_back():
    query = calls(("query_db", {"query": "good", "database": "d"}))
    going, model = await go(
        perception(), "```sql\nSELECT 1\n```", query, "counted", "37.", MEMORY, GUIDANCE
    )
    assert audits(going) == ["code_without_tool"]
    assert "called no tool" in model.asked[2].messages[-1]["content"]
    assert going.frames[1].output.data["calls"][0]["rows"] == 1


async def test_words_instead_of_an_action_are_sent_back():
    going, model = await go(
        perception("action"), "I have done it", calls(("set_state", {"key": "a", "value": 1})),
        "set", "Done.", MEMORY, GUIDANCE,
    )  # fmt: skip
    assert audits(going) == ["text_without_action"]
    assert "you only wrote text" in model.asked[2].messages[-1]["content"]
    assert at(going.state, "ui", "state", "a") == 1


async def test_failed_sql_that_was_given_up_is_sent_back():
    bad = calls(("query_db", {"query": "bad", "database": "d"}))
    good = calls(("query_db", {"query": "good", "database": "d"}))
    going, model = await go(perception(), bad, "it fails", good, "counted", "37.", MEMORY, GUIDANCE)
    assert audits(going) == ["sql_failed"]
    assert "no such column" in model.asked[3].messages[-1]["content"]


async def test_a_browser_that_shows_something_else_is_sent_back():
    state = apply(fresh("ada"), [put("ui", "controls", value=[BUTTON])])
    shown = {"controls": []}
    going, model = await go(
        perception("request"), "fine", calls(("emit_actions", {"actions": [BUTTON]})), "shown",
        "There.", MEMORY, GUIDANCE, state=state, dashboard=shown,
    )  # fmt: skip
    assert audits(going) == ["dashboard_mismatch"]
    assert "'More'" in model.asked[2].messages[-1]["content"]


async def test_a_model_that_does_not_listen_is_told_twice_only():
    going, model = await go(perception("action"), "done", "done", "done", "Hm.", MEMORY, GUIDANCE)
    assert audits(going) == ["text_without_action", "text_without_action"]
    assert len(model.asked) == 7


@pytest.mark.parametrize(
    ("graph", "reader"), [("v1-current", "thinker"), ("v2-director-drives", "director")]
)
async def test_the_next_message_reads_where_the_conversation_is_going(graph, reader):
    answer = ("ok", "Sure.") if reader == "thinker" else (plan(), "ok", "Sure.")
    going, _ = await go(perception(), *answer, MEMORY, GUIDANCE, graph=graph)
    assert at(going.state, "guidance", "keep_in_mind") == ["Only 2023"]
    _, model = await go(perception(), *answer, MEMORY, GUIDANCE, graph=graph, state=going.state)
    assert "Only 2023" in model.asked[1].messages[0]["content"]


async def test_v2_follows_in_a_second_node():
    going, _ = await go(
        perception(), plan(), "ok", "Sure.", MEMORY, GUIDANCE, graph="v2-director-drives"
    )
    assert (going.ticks, going.path) == (4, "director")
    assert [record.node for record in going.post_frames] == ["memorizer", "steering"]
