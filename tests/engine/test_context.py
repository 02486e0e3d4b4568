"""A visit's hands: effects with keys, models with budgets, tools with observers."""

import asyncio
import tracemalloc

import msgspec
import pytest
from rig import FunctionTool, ScriptedModel, graph, play, says, world

from agent.core.databases import Schemas
from agent.core.effects import EffectError
from agent.core.errors import ModelFailed, NodeFailed, ToolFailed
from agent.core.events import (
    ContextSent,
    ProcessDone,
    ProcessLine,
    ProcessStarted,
    Streaming,
    Thinking,
    ToolCalled,
    ToolReturned,
)
from agent.core.graph import NodeSpec
from agent.core.journal import Fold, Intent, Settled
from agent.core.messages import ModelReply
from agent.core.state import at, put

pytestmark = pytest.mark.anyio


async def visit(node, *tools, model=None, spec=None, **more):
    """Run ``node`` alone; return what was played and its effects by id."""
    graph_of = graph("a")
    if spec is not None:
        graph_of = msgspec.structs.replace(graph_of, nodes=(spec,))
    played = await play(graph_of, {"a": node}, within=world(model, *tools), **more)
    return played, Fold(played.notes.rows).effects


def of(played, *kinds):
    return [event for event in played.emitted if isinstance(event, kinds)]


# Effects


async def test_effects_are_named_by_place_and_counted_per_branch():
    async def node(ctx, envelope):
        ctx.now()
        await ctx.call("look", {}, branch="left")
        await ctx.call("look", {}, branch="right")
        await ctx.call("look", {}, branch="left")
        ctx.random()

    played, effects = await visit(node, FunctionTool("look", lambda _: 1))
    names = ("1.a.1.0", "1.a.1.left/0", "1.a.1.right/0", "1.a.1.left/1", "1.a.1.1")
    assert played.going.frames[0].effects == names
    assert tuple(effects) == names
    assert [e.kind for e in effects.values()] == ["clock", "tool", "tool", "tool", "random"]


async def test_an_intent_is_noted_before_the_call_and_the_result_after_it():
    seen = []

    async def node(ctx, envelope):
        await ctx.call("look", {"x": 1})

    def look(arguments):
        seen.append(len(rows))
        return {"rows": 2}

    from rig import Notes, stage

    notes = Notes()
    rows = notes.rows
    played = stage(
        graph("a"), {"a": node}, within=world(None, FunctionTool("look", look)), notes=notes
    )
    from agent.core.frames import Envelope

    await played.going.run({"a": Envelope(kind="message")})
    intent, result, _closed = rows
    assert seen == [1]
    assert isinstance(intent, Intent)
    assert (intent.effect.ended, intent.effect.response) == (None, None)
    assert intent.effect.request == {"tool": "look", "arguments": {"x": 1}}
    assert isinstance(result, Settled)
    assert result.response == {"rows": 2}
    assert result.ended >= intent.effect.started


async def test_the_intent_of_a_write_is_secured_and_that_of_a_read_is_not():
    async def node(ctx, envelope):
        await ctx.call("look", {})
        await ctx.call("pay", {})

    tools = FunctionTool("look", lambda _: 1), FunctionTool("pay", lambda _: 1, effect="write")
    played, effects = await visit(node, *tools)
    assert played.notes.secured == ["1.a.1.1"]
    assert [e.write for e in effects.values()] == [False, True]


async def test_clock_chance_and_ids_are_recorded():
    got = []

    async def node(ctx, envelope):
        got.extend([ctx.now(), ctx.random(), ctx.new_id()])

    _, effects = await visit(node)
    assert [e.response for e in effects.values()] == got
    assert [e.kind for e in effects.values()] == ["clock", "random", "id"]
    assert all(e.ended is not None for e in effects.values())


@pytest.mark.parametrize(
    "does",
    [lambda ctx: ctx.random(), lambda ctx: ctx.remember(put("memory", "x", value=1))],
    ids=["effects", "changes"],
)
async def test_one_more_costs_no_copy_of_all_that_came_before(does):
    before, peaks = 5000, []

    async def node(ctx, envelope):
        for _ in range(before):
            does(ctx)
        tracemalloc.start()
        for _ in range(3):  # a list that grows takes more memory now and then, not each time
            held = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            does(ctx)
            peaks.append(tracemalloc.get_traced_memory()[1] - held)
        tracemalloc.stop()

    await visit(node)
    assert min(peaks) < before  # bytes; a copy takes eight for each


async def test_the_same_request_has_the_same_hash_whatever_the_order_of_its_keys():
    async def node(ctx, envelope):
        await ctx.call("look", {"a": 1, "b": 2})
        await ctx.call("look", {"b": 2, "a": 1})
        await ctx.call("look", {"a": 1, "b": 3})

    _, effects = await visit(node, FunctionTool("look", lambda _: 1))
    one, two, three = (e.request_hash for e in effects.values())
    assert one == two != three


# Models


async def test_a_model_is_asked_what_the_node_says_and_its_words_stream():
    model = ScriptedModel("hello")

    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": "hi"}], on_text=ctx.say)
        ctx.remember(put("reply", value=reply.text))

    spec = NodeSpec(role="a", impl="a", model="other", temperature=0.5)
    played, effects = await visit(node, model=model, spec=spec, state={})
    (asked,) = model.asked
    assert (asked.model, asked.temperature, asked.messages) == (
        "other", 0.5, ({"role": "user", "content": "hi"},)
    )  # fmt: skip
    assert [e.text for e in of(played, Streaming)] == ["he", "llo"]
    (effect,) = effects.values()
    assert (effect.kind, effect.name, effect.cost) == ("model", "other", 0.5)
    assert [chunk.text for chunk in effect.chunks] == ["he", "llo"]
    assert (effect.usage.prompt_tokens, effect.usage.completion_tokens) == (3, 2)
    assert msgspec.convert(effect.response, ModelReply).text == "hello"
    assert played.going.state == {"reply": "hello"}


async def test_a_node_that_names_no_model_gets_the_default_one():
    model = ScriptedModel()
    await visit(asks(), model=model)
    assert model.asked[0].model == "scripted"


def asks(count: int = 1, size: int = 1):
    async def node(ctx, envelope):
        messages = [{"role": "system", "content": "s"}]
        messages += [{"role": "user", "content": f"{n}" * size} for n in range(count)]
        await ctx.model(messages)

    return node


async def test_what_is_over_the_budget_is_left_out_and_told():
    model = ScriptedModel()
    spec = NodeSpec(role="a", impl="a", token_budget=100)
    played, effects = await visit(asks(count=9, size=200), model=model, spec=spec)
    (asked,) = model.asked
    assert [m["content"][:1] for m in asked.messages] == ["s", "5", "6", "7", "8"]
    (event,) = of(played, ContextSent)
    (effect,) = effects.values()
    assert (event.messages, event.dropped, event.effect_id) == (5, 5, effect.effect_id)
    assert list(effect.request["messages"]) == list(asked.messages)


async def test_a_list_that_the_node_changes_later_does_not_change_the_recording():
    async def node(ctx, envelope):
        messages = [{"role": "user", "content": "1"}]
        await ctx.model(messages)
        messages.append({"role": "user", "content": "2"})
        await ctx.model(messages)

    _, effects = await visit(node)
    assert [len(e.request["messages"]) for e in effects.values()] == [1, 2]


async def test_a_model_that_fails_is_an_error_with_a_code_and_what_had_come():
    model = ScriptedModel(ModelFailed("model_timeout", "too slow", partial="he"))
    played, effects = await visit(asks(), model=model)
    (effect,) = effects.values()
    assert effect.error == EffectError(code="model_timeout", detail="too slow", partial="he")
    assert effect.ended is not None
    assert played.going.error == "a: model_failed: too slow"


async def test_an_effect_that_is_cancelled_is_closed_as_such():
    reached = asyncio.Event()

    def never(_arguments):
        reached.set()
        return asyncio.get_running_loop().create_future()

    async def node(ctx, envelope):
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(ctx.call("wait", {}))
                await reached.wait()
                task.cancel()
        finally:
            ctx.say("over")

    played, effects = await visit(node, FunctionTool("wait", never))
    (effect,) = effects.values()
    assert effect.error.code == "cancelled"
    assert effect.ended is not None
    assert of(played, ToolReturned)[0].result == "cancelled"
    assert of(played, ProcessDone)[0].status == "cancelled"


# Structured output


class Plan(msgspec.Struct):
    goal: str
    steps: int


def wants(got):
    async def node(ctx, envelope):
        got.append(await ctx.structured(Plan, [{"role": "user", "content": "plan"}]))

    return node


async def test_a_structured_answer_is_decoded_and_its_schema_was_sent():
    got, model = [], ScriptedModel('```json\n{"goal": "win", "steps": "3"}\n```')
    await visit(wants(got), model=model)
    assert got == [Plan(goal="win", steps=3)]
    wanted = model.asked[0].response_format["json_schema"]
    assert wanted["name"] == "Plan"
    assert wanted["schema"]["required"] == ["goal", "steps"]
    assert wanted["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ('{"goal": "win"}', "missing required field `steps`"),
        ("I would rather not", "no JSON"),
        ("", "no JSON"),
    ],
)
async def test_a_wrong_answer_is_repaired_once_with_the_fault_named(wrong, fault):
    got, model = [], ScriptedModel(wrong, '{"goal": "win", "steps": 1}')
    _, effects = await visit(wants(got), model=model)
    assert got == [Plan(goal="win", steps=1)]
    first, second = model.asked
    assert second.messages[: len(first.messages)] == first.messages
    assert second.messages[-2] == {"role": "assistant", "content": wrong}
    assert fault in second.messages[-1]["content"]
    assert second.response_format == first.response_format
    assert list(effects) == ["1.a.1.0", "1.a.1.1"]


async def test_a_second_wrong_answer_fails_the_node_and_quotes_it():
    model = ScriptedModel("no", '{"goal": 1}')
    played, _ = await visit(wants([]), model=model)
    assert len(model.asked) == 2
    assert played.going.error.startswith(
        "a: node_failed: a: the model answered '{\"goal\": 1}' where Plan"
    )
    assert "twice" in played.going.error


@pytest.mark.parametrize("before", [[], ["no"]], ids=["at once", "in the repair"])
async def test_json_cut_at_the_limit_is_named_and_not_asked_for_again(before):
    model = ScriptedModel(*before, ModelReply(text='{"goal": "wi', finish="length", model="m"))
    played, _ = await visit(wants([]), model=model)
    assert len(model.asked) == len(before) + 1
    assert played.going.error.startswith("a: model_failed: m used up its tokens inside Plan")


async def test_whole_json_at_the_limit_is_taken():
    got, model = [], ScriptedModel(ModelReply(text='{"goal": "w", "steps": 1}', finish="length"))
    await visit(wants(got), model=model)
    assert got == [Plan(goal="w", steps=1)]


async def test_what_the_model_thought_is_told_to_observers_and_not_to_the_user():
    async def node(ctx, envelope):
        ctx.say((await ctx.model([{"role": "user", "content": "hi"}])).text)

    model = ScriptedModel(ModelReply(text="Hello", reasoning="Hm. " * 1000))
    played, effects = await visit(node, model=model)
    (thought,) = of(played, Thinking)
    assert thought.text == ("Hm. " * 1000)[:2000]
    assert [event.text for event in of(played, Streaming)] == ["Hello"]
    assert effects["1.a.1.0"].response["reasoning"] == "Hm. " * 1000


# Tools


async def test_a_tool_call_is_seen_from_start_to_end():
    async def node(ctx, envelope):
        ctx.remember(put("got", value=await ctx.call("look", {"x": 1})))

    played, _ = await visit(node, FunctionTool("look", lambda a: {"echo": a}), state={})
    called, started, done, returned = of(
        played, ToolCalled, ProcessStarted, ProcessDone, ToolReturned
    )
    assert (called.tool, called.args, called.effect_id) == ("look", {"x": 1}, "1.a.1.0")
    assert started.pid == done.pid == "r-000000000001-0000/1.a.1.0"
    assert (done.status, done.lines) == ("done", ["look works"])
    assert (returned.ok, returned.result) == (True, '{"echo":{"x":1}}')
    assert returned.duration_ms > 0
    assert played.going.state == {"got": {"echo": {"x": 1}}}
    assert {e.run_id for e in played.emitted} == {"r-000000000001-0000"}


async def test_a_tool_that_fails_tells_its_code_and_the_node_may_go_on():
    async def node(ctx, envelope):
        with pytest.raises(ToolFailed) as failed:
            await ctx.call("look", {})
        ctx.say(failed.value.code)

    played, effects = await visit(
        node, FunctionTool("look", lambda _: ToolFailed("down", "not now"))
    )
    assert played.going.response == "down"
    assert of(played, ToolReturned)[0].result == "down: not now"
    assert not of(played, ToolReturned)[0].ok
    assert of(played, ProcessDone)[0].status == "failed"
    assert effects["1.a.1.0"].error == EffectError(code="down", detail="not now")


async def test_an_unknown_tool_is_a_recorded_failure_that_lists_the_known_ones():
    async def node(ctx, envelope):
        await ctx.call("lok", {})

    played, effects = await visit(node, FunctionTool("look", lambda _: 1))
    error = effects["1.a.1.0"].error
    assert error.code == "unknown_tool"
    assert "'lok'" in error.detail
    assert "look" in error.detail
    assert "emit_actions" in error.detail
    assert played.going.error.startswith("a: tool_failed")


async def test_a_tool_with_a_bug_fails_the_node_and_its_effect_is_closed():
    async def node(ctx, envelope):
        await ctx.call("look", {})

    played, effects = await visit(node, FunctionTool("look", lambda _: ZeroDivisionError("bug")))
    assert played.going.error == "a: ZeroDivisionError: bug"
    assert effects["1.a.1.0"].ended is not None
    assert effects["1.a.1.0"].error is not None


async def test_parallel_calls_keep_their_own_lines():
    async def talk(arguments, log):
        for n in range(3):
            log(f"{arguments['who']}{n}")
            await asyncio.sleep(0)
        return 1

    tool = FunctionTool("talk", lambda _: 1)
    tool.call = talk

    async def node(ctx, envelope):
        async with asyncio.TaskGroup() as group:
            for who in ("x", "y"):
                group.create_task(ctx.call("talk", {"who": who}, branch=who))

    played, _ = await visit(node, tool)
    assert {tuple(e.lines) for e in of(played, ProcessDone)} == {
        ("x0", "x1", "x2"),
        ("y0", "y1", "y2"),
    }


async def test_a_long_result_is_shown_in_part_and_recorded_whole():
    async def node(ctx, envelope):
        await ctx.call("look", {})

    played, effects = await visit(node, FunctionTool("look", lambda _: "x" * 5000))
    assert len(of(played, ToolReturned)[0].result) == 2000
    assert len(effects["1.a.1.0"].response) == 5000


async def test_a_query_is_a_call_of_query_db():
    async def node(ctx, envelope):
        await ctx.query("SELECT 1", "eras")

    tool = FunctionTool("query_db", lambda _: [])
    await visit(node, tool)
    assert tool.calls == [{"query": "SELECT 1", "database": "eras"}]


async def test_a_control_tool_changes_the_page_and_is_an_effect_like_any_other():
    async def node(ctx, envelope):
        result = await ctx.call("set_state", {"key": "count", "value": 3})
        ctx.say(str(result))

    played, effects = await visit(node)
    assert at(played.going.state, "ui", "state", "count") == 3
    (effect,) = effects.values()
    assert (effect.kind, effect.name) == ("tool", "set_state")
    assert effect.response["result"] == {"key": "count", "value": 3}
    assert played.going.frames[0].changes == (put("ui", "state", "count", value=3),)
    (begun,), (line,), (done,) = (
        of(played, kind) for kind in (ProcessStarted, ProcessLine, ProcessDone)
    )
    assert begun.pid == line.pid == done.pid == "r-000000000001-0000/1.a.1.0"
    assert (begun.tool, begun.args) == ("set_state", {"key": "count", "value": 3})
    assert done.lines == [line.line] == ['{"key":"count","value":3}']
    assert (done.status, done.exit_code) == ("done", 0)


@pytest.mark.parametrize(
    ("tool", "arguments"), [("set_state", {"value": 3}), ("nonsense", {})], ids=["bad", "unknown"]
)
async def test_a_call_that_no_tool_takes_is_a_process_that_failed(tool, arguments):
    async def node(ctx, envelope):
        with pytest.raises(ToolFailed):
            await ctx.call(tool, arguments)

    played, _ = await visit(node)
    (begun,), (done,) = of(played, ProcessStarted), of(played, ProcessDone)
    assert (begun.tool, done.status, done.exit_code, done.lines) == (tool, "failed", 1, [])


async def test_a_control_tool_refuses_bad_arguments_by_field_and_changes_nothing():
    async def node(ctx, envelope):
        with pytest.raises(ToolFailed, match="key") as failed:
            await ctx.call("set_state", {"value": 3})
        ctx.say(failed.value.code)

    played, effects = await visit(node)
    assert played.going.response == "bad_arguments"
    assert played.going.frames[0].changes == ()
    assert effects["1.a.1.0"].error.code == "bad_arguments"


async def test_a_node_is_given_all_tools_and_knows_which_bring_data():
    seen = {}

    async def node(ctx, envelope):
        seen["names"] = [spec["function"]["name"] for spec in ctx.tools]
        seen["data"] = ctx.data_tools

    tools = FunctionTool("look", lambda _: 1), FunctionTool("note", lambda _: 1, is_data=False)
    await visit(node, *tools)
    assert seen["names"][:2] == ["look", "note"]
    assert {"emit_actions", "create_machine"} <= set(seen["names"])
    assert seen["data"] == {"look"}


# What a node reads and tells


async def test_a_node_reads_what_each_database_holds():
    texts, seen = {"a_production": "TABLE x", "b": "TABLE y"}, {}

    async def node(ctx, envelope):
        seen.update(names=ctx.databases, alias=ctx.schema_of("a"), other=ctx.schema_of("b"))
        seen["all"] = ctx.schema
        seen["unknown"] = ctx.schema_of("c")

    schemas = Schemas(texts=texts, aliases={"a": "a_production"})
    await play(graph("a"), {"a": node}, within=msgspec.structs.replace(world(), schemas=schemas))
    assert seen == {
        "names": ("a_production", "b"), "alias": "TABLE x", "other": "TABLE y",
        "all": "DATABASE a_production\n\nTABLE x\n\nDATABASE b\n\nTABLE y",
        "unknown": "There is no database 'c'. Configured: a_production, b.",
    }  # fmt: skip


async def test_a_node_knows_where_it_is():
    seen = {}

    async def node(ctx, envelope):
        seen.update(role=ctx.role, run=ctx.run_id, message=ctx.message, schema=ctx.schema)
        seen.update(history=ctx.history, identity=ctx.identity, sensor=ctx.sensor)
        seen["prompt"] = ctx.render("p", x=1)
        ctx.think("busy")
        ctx.log("noted")

    played, _ = await visit(node, message="hello")
    assert seen == {
        "role": "a", "run": "r-000000000001-0000", "message": "hello", "schema": "no database",
        "history": (), "identity": "anonymous", "sensor": None, "prompt": 'p:{"x":1}',
    }  # fmt: skip
    assert [e.text for e in of(played, Thinking)] == ["busy", "noted"]
    assert {(e.node, e.frame, e.channel) for e in played.emitted} == {("a", 1, "main")}


@pytest.mark.parametrize(
    "change", [put("k", value=object()), put("k", value={1, object()})], ids=["object", "set"]
)
async def test_a_change_that_cannot_be_stored_fails_in_the_node_that_made_it(change):
    async def node(ctx, envelope):
        ctx.remember(change)

    played, _ = await visit(node, state={"k": 1})
    assert played.going.error.startswith("a: TypeError")
    assert played.going.state == {"k": 1}


async def test_an_event_that_cannot_be_sent_fails_in_the_node_that_made_it():
    async def node(ctx, envelope):
        ctx.emit(object())

    played, _ = await visit(node)
    assert played.going.error.startswith("a: TypeError")
    assert played.emitted == []


async def test_a_visit_starts_with_empty_hands():
    """Two visits share nothing that the first one filled."""
    code = {"a": says("x"), "p": says("y")}
    played = await play(graph("a p", post="p"), code)
    assert [r.said for r in (*played.going.frames, *played.going.post_frames)] == ["x", "y"]


def test_node_failures_are_agent_errors():
    assert issubclass(NodeFailed, Exception)
    assert NodeFailed.slug == "node_failed"
