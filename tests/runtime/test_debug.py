"""Held, looked at, edited, stepped, let go: over the real runtime, with nodes of the test's own."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from rig import (
    CountingClock,
    FunctionTool,
    Gate,
    ScriptedModel,
    graph,
    passes,
    raises,
    runtime,
    says,
    settled_loop,
)

from agent.adapters.models.openai_http import OpenAIModel
from agent.core.errors import BadCondition, Busy, NotHeld, ToolFailed, Unconfirmed, Unprocessable
from agent.core.frames import Envelope
from agent.core.messages import ModelRequest
from agent.core.redact import Redactor
from agent.core.runs import RunStatus
from agent.core.state import at, put
from agent.debugger.breakpoints import Breakpoint
from agent.debugger.edits import ForkEdit
from agent.engine.blocking import threaded
from agent.engine.stops import Edit
from agent.runtime.forks import Wish

pytestmark = pytest.mark.anyio
STREAMED = (
    b'data: {"choices":[{"delta":{"content":"fine"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
LINE = graph("a b c memo", "a>b b>c", post="memo", name="line")
FORK = graph("a b c d", "a>b+c b>d", name="fork")
CODE = {"a": passes(), "b": passes(), "c": says("fine"), "d": says("!"), "memo": passes()}


async def asks(ctx, envelope):
    reply = await ctx.model([{"role": "user", "content": envelope.text}])
    return Envelope(kind="asked", text=reply.text)


async def calls(ctx, envelope):
    try:
        found = await ctx.call("look", {"for": envelope.text})
    except ToolFailed as failure:
        found = failure.code
    ctx.say(f"found {found}")
    return Envelope(kind="called", text=str(found))


async def recalls(ctx, envelope):
    ctx.say(f"{at(ctx.state, 'memory', 'topic')} {at(ctx.state, 'ui', 'state', 'n')}")


class Bench:
    """A runtime and the shortest ways to use it."""

    def __init__(self, opened) -> None:
        self.runtime = opened
        self.debug = opened.debug

    async def breaks(self, *breakpoints: dict, channel="main") -> None:
        rows = [Breakpoint(**fields) for fields in breakpoints]
        await self.debug.set_breakpoints(rows, channel)

    async def send(self, text="hello", channel="main"):
        """Send; wait until the run is held."""
        run = await self.runtime.send(text, channel=channel)
        await self.held(channel)
        return run

    async def held(self, channel="main") -> dict:
        lane = self.runtime._lanes.open(channel)
        while not (shown := await self.debug.show(channel))["held"]:
            if lane.active is None:
                await asyncio.sleep(0)
            else:
                await lane.active.move()
        return shown

    async def place(self, channel="main") -> str:
        return place(await self.debug.show(channel))

    async def edit(self, path, value, channel="main") -> dict:
        return await self.debug.edit([Edit(path=path, value=value)], channel)

    async def end(self, run, channel="main"):
        await self.debug.set_breakpoints([], channel)
        await self.debug.resume(channel)
        return await self.runtime.finished(run)

    async def replayed(self, run) -> str:
        verdict = await self.runtime.replay(run.run_id)
        told = await self.runtime.fork(run.run_id, Wish())
        assert told["dirty"] == [], told
        return f"{verdict['verdict']} {verdict['matched']}/{verdict['total']}"

    async def trace(self, run) -> dict:
        return msgspec.json.decode(await self.runtime.trace(run.run_id))


def place(shown: dict) -> str:
    if not shown["held"]:
        return str(shown["status"])
    where = shown["effect_id"] or f"{shown['frame']} {shown['node']}"
    return f"{shown['at']} {where}"


@asynccontextmanager
async def bench(spec=LINE, code=CODE, **more):
    async with runtime(spec, code, **more) as opened:
        yield Bench(opened)


# Held and let go


async def test_a_run_is_held_before_a_frame_shown_and_goes_on():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        shown = await b.debug.show()
        assert place(shown) == "before 2 b"
        assert shown["reason"] == "breakpoint b1: before frame 2 (b)"
        assert shown["run_id"] == run.run_id
        assert shown["pending"]["b"]["text"] == "hello>a"
        assert shown["memory"]["user_name"] == "anonymous"
        assert (await b.runtime.result(None))["status"] == "paused"
        assert (await b.runtime.find(run.run_id)).status == "paused"
        assert [row["status"] for row in (await b.runtime.runs(status="paused"))["runs"]]
        told = await b.debug.resume()
        assert (told["held"], told["status"]) == (False, "running")
        assert (await b.runtime.finished(run)).response == "fine"
        with pytest.raises(NotHeld):
            await b.debug.resume()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"frame": 1}, "before 1 a"),
        ({"frame": 3}, "before 3 d"),
        ({"frame": 2, "node": "c"}, "before 2 c"),
        ({"node": "c"}, "before 2 c"),
        ({"at": "after", "node": "c"}, "after 2 c"),
        ({"at": "after", "frame": 3}, "after 3 d"),
        ({"when": "frame == 2 and node == 'c'"}, "before 2 c"),
        ({"when": "envelope.text contains '>B'"}, "before 3 d"),
        ({"at": "after", "when": "route == 'b+c'"}, "after 1 a"),
    ],
    ids=str,
)
async def test_where_a_breakpoint_holds(fields, expected):
    async with bench(FORK) as b:
        await b.breaks(fields)
        run = await b.send()
        assert await b.place() == expected
        assert (await b.end(run)).status == "done"


@pytest.mark.parametrize(
    "fields",
    [{"frame": 9}, {"node": "z"}, {"node": "b", "enabled": False}, {"frame": 1, "node": "b"}],
    ids=str,
)
async def test_where_it_does_not(fields):
    async with bench(FORK) as b:
        await b.breaks(fields)
        run = await b.runtime.send("hello")
        assert (await b.runtime.finished(run)).status == "done"


async def test_post_frames_are_not_held():
    spec = graph("a memo", post="memo")
    code = {"a": says("fine"), "memo": asks}
    async with bench(spec, code, model=ScriptedModel()) as b:
        await b.breaks({"node": "memo"}, {"on": "model"}, {"when": "frame > 1"})
        run = await b.runtime.send("hello")
        assert (await b.runtime.finished(run)).status == "done"


async def test_steps_of_frames_and_of_nodes_in_declared_order():
    async with bench(FORK) as b:
        await b.breaks({"frame": 1})
        run = await b.send()
        seen = [place((await b.debug.step("frame")).debug)]
        seen += [place((await b.debug.step("node")).debug) for _ in range(3)]
        assert seen == ["before 2 b", "before 2 c", "before 3 d", "done"]
        ended = await b.runtime.finished(run)
        assert ended.response == "fine!"


async def test_a_step_that_the_run_ends_in_tells_how_it_ended():
    async with bench() as b:
        await b.breaks({"frame": 3})
        run = await b.send()
        shown = await b.debug.step("frame")
        assert (shown.settled, place(shown.debug), shown.debug["run_id"]) == (
            True,
            "done",
            run.run_id,
        )
        with pytest.raises(NotHeld):
            await b.debug.step("frame")


async def test_resumed_between_two_nodes_the_rest_of_the_frame_goes_on_side_by_side():
    spec = graph("a b c d", "a>b+c+d", name="three")
    gate = Gate()
    async with bench(spec, {**CODE, "c": gate.node()}) as b:
        await b.breaks({"frame": 2})
        run = await b.send()
        assert place((await b.debug.step("node")).debug) == "before 2 c"
        await b.debug.resume()
        await gate.reached.wait()
        gate.open.set()
        assert (await b.runtime.finished(run)).response == "through!"


async def test_run_to_a_frame():
    async with bench(FORK) as b:
        await b.breaks({"frame": 1})
        run = await b.send()
        shown = (await b.debug.run_to(3)).debug
        assert (place(shown), shown["reason"]) == ("before 3 d", "run to frame 3")
        assert (await b.end(run)).status == "done"


async def test_a_breakpoint_on_the_way_holds_before_the_frame_that_was_asked_for():
    async with bench(FORK) as b:
        await b.breaks({"frame": 1}, {"frame": 2, "node": "c"})
        run = await b.send()
        assert place((await b.debug.run_to(3)).debug) == "before 2 c"
        await b.end(run)


async def test_a_run_that_is_to_finish_passes_every_breakpoint_and_the_next_does_not():
    async with bench() as b:
        await b.breaks({"node": "b"}, {"node": "c"})
        run = await b.send()
        assert (await b.debug.finish())["held"] is False
        ended = await b.runtime.finished(run)
        assert (ended.status, ended.response) == ("done", "fine")
        following = await b.send("again")
        assert await b.place() == "before 2 b"
        await b.end(following)
        with pytest.raises(NotHeld):
            await b.debug.finish()


async def test_a_pause_holds_a_run_that_was_to_finish_and_breakpoints_count_again():
    gate = Gate()

    async def waits(ctx, envelope):
        await gate.node()(ctx, envelope)
        return Envelope(kind="x")

    async with bench(code={**CODE, "a": waits}) as b:
        await b.breaks({"frame": 1}, {"node": "c"})
        run = await b.send()
        await b.debug.finish()
        await gate.reached.wait()
        pausing = asyncio.ensure_future(b.debug.pause())
        await settled_loop()
        gate.open.set()
        shown = (await pausing).debug
        assert (place(shown), shown["reason"]) == ("before 2 b", "pause")
        await b.debug.resume()
        assert place(await b.held()) == "before 3 c"
        await b.end(run)


async def test_a_dropped_run_is_cancelled_and_the_next_begins():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        following = await b.runtime.send("again")
        shown = await b.debug.drop()
        assert (shown["held"], shown["status"]) == (False, "cancelled")
        assert (await b.runtime.finished(run)).status == "cancelled"
        await b.held()
        assert (await b.end(following)).status == "done"


# Pause


async def test_a_pause_waits_for_the_next_run_when_none_is_at_work():
    async with bench() as b:
        assert (await b.debug.pause()).debug["armed"]
        run = await b.send()
        shown = await b.debug.show()
        assert (place(shown), shown["reason"], shown["armed"]) == ("before 1 a", "pause", False)
        await b.end(run)


async def test_a_pause_that_waits_can_be_taken_back():
    async with bench() as b:
        await b.debug.pause()
        assert not (await b.debug.resume())["armed"]
        run = await b.runtime.send("hello")
        assert (await b.runtime.finished(run)).status == "done"


async def test_a_pause_while_a_model_answers_holds_at_what_is_asked_next():
    waits = asyncio.get_running_loop().create_future()

    class Slow(ScriptedModel):
        async def complete(self, request, on_text):
            await waits
            return await super().complete(request, on_text)

    async def twice(ctx, envelope):
        await asks(ctx, envelope)
        return await asks(ctx, envelope)

    spec = graph("a b", "a>b")
    async with bench(spec, {"a": twice, "b": says("ok")}, model=Slow("fine")) as b:
        run = await b.runtime.send("hello")
        await settled_loop()
        pausing = asyncio.ensure_future(b.debug.pause())
        await settled_loop()
        assert not (await b.debug.show())["held"]
        waits.set_result(None)
        assert place((await pausing).debug) == "before 1.a.1.1"
        assert (await b.debug.pause()).debug["held"]
        assert place((await b.debug.step("frame")).debug) == "before 2 b"
        await b.end(run)


async def test_a_run_that_is_never_held_again_is_answered_when_patience_ends(monkeypatch):
    monkeypatch.setattr("agent.runtime.debug.PATIENCE_S", 0.0)
    gate = Gate()
    async with bench(graph("a"), {"a": gate.node()}) as b:
        await b.breaks({"node": "a"})
        run = await b.send()
        shown = await b.debug.step("frame")
        assert (shown.settled, shown.debug["status"]) == (False, "running")
        gate.open.set()
        await b.runtime.finished(run)


# At effects


async def test_the_exact_model_request_is_shown_and_what_is_written_there_is_sent():
    model = ScriptedModel("fine")
    async with bench(graph("a"), {"a": asks}, model=model) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        shown = await b.debug.show()
        assert place(shown) == "before 1.a.1.0"
        assert [*shown["model_request"]["messages"]] == [{"role": "user", "content": "hello"}]
        assert model.asked == []
        await b.edit("/model_request/messages/0/content", "bye")
        shown = await b.edit("/model_request/temperature", 0.5)
        assert shown["model_request"]["messages"][0]["content"] == "bye"
        await b.end(run)
        [asked] = model.asked
        assert asked == ModelRequest(
            model="scripted",
            messages=({"role": "user", "content": "bye"},),
            temperature=0.5,
        )
        [sent, *edits] = (await b.trace(run))["effects"]
        assert sent["request"]["messages"][0]["content"] == "bye"
        assert [edit["kind"] for edit in edits] == ["operator_edit"] * 2
        assert edits[0]["response"] == {"was": ["hello"]}
        assert await b.replayed(run) == "exact 3/3"


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_a_tool_result_given_by_hand_is_told_and_the_tool_is_not_called(effect):
    look = FunctionTool("look", lambda _arguments: "rows", effect=effect)
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool", "tool": "look"})
        run = await b.send()
        shown = await b.debug.show()
        assert shown["tool"] == {"name": "look", "arguments": {"for": "hello"}}
        assert shown["tool_result"] is None
        assert (await b.edit("/tool_result", {"n": 4711}))["tool_result"] == {"n": 4711}
        assert (await b.end(run)).response == "found {'n': 4711}"
        assert look.calls == []
        told = (await b.trace(run))["effects"][0]
        assert (told["policy"], told.get("write", False)) == ("static", False)
        assert await b.replayed(run) == "exact 2/2"


def looker(effect="read") -> FunctionTool:
    look = FunctionTool("look", lambda arguments: f"rows of {arguments['for']}", effect=effect)
    look.parameters = {
        "type": "object",
        "properties": {"for": {"type": "string"}},
        "required": ["for"],
        "additionalProperties": False,
    }
    return look


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_a_tool_is_called_with_the_arguments_that_were_edited(effect):
    look = looker(effect)
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        shown = await b.edit("/tool/arguments/for", "you")
        assert shown["tool"] == {"name": "look", "arguments": {"for": "you"}}
        assert look.calls == []
        assert (await b.end(run)).response == "found rows of you"
        assert look.calls == [{"for": "you"}]
        [called, edited] = (await b.trace(run))["effects"]
        assert called["request"] == {"tool": "look", "arguments": {"for": "you"}}
        assert called.get("write", False) is (effect == "write")
        assert called.get("policy", "live") == "live"
        assert edited["request"]["edits"] == [{"path": "/tool/arguments/for", "value": "you"}]
        assert edited["response"] == {"was": ["hello"]}
        assert await b.replayed(run) == "exact 2/2"
        assert look.calls == [{"for": "you"}], "neither replay nor fork has called it"
        [process] = b.runtime.processes()
        assert process["lines"][0] == 'arguments edited: {"for":"you"}'


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("/tool/arguments/for", 7, "/tool/arguments/for: expected string, got 7"),
        ("/tool/arguments/where", "x", "/tool/arguments/where: unknown; there are: for"),
        ("/tool/arguments", {}, "/tool/arguments/for: missing"),
        ("/tool/arguments", None, "/tool/arguments: expected object, got null"),
        ("/tool/name", "other", "cannot be written"),
        ("/tool", {"name": "look", "arguments": {"for": "x"}}, "what can be: .*/tool/arguments"),
    ],
)
async def test_arguments_that_the_tool_does_not_take_are_refused(path, value, told):
    look = looker()
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        before = await b.debug.show()
        good = Edit(path="/memory/topic", value="lost")
        with pytest.raises(Unprocessable, match=told):
            await b.debug.edit([good, Edit(path=path, value=value)])
        assert await b.debug.show() == before
        await b.end(run)
        assert look.calls == [{"for": "hello"}]
        assert len((await b.trace(run))["effects"]) == 1


async def test_a_result_that_was_given_stays_given_when_arguments_are_edited():
    look = looker()
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        await b.edit("/tool_result", "mine")
        await b.edit("/tool/arguments/for", "you")
        assert (await b.end(run)).response == "found mine"
        assert look.calls == []
        assert await b.replayed(run) == "exact 3/3"


async def test_a_write_with_edited_arguments_is_confirmed_in_a_fork_like_any_other():
    look = looker("write")
    look.parameters["properties"]["at"] = {"type": "string"}

    async def books(ctx, envelope):
        ctx.say(await ctx.call("look", {"for": envelope.text, "at": envelope.text}))

    async with bench(graph("a"), {"a": books}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        await b.edit("/tool/arguments/for", "you")
        await b.end(run)
        assert look.calls == [{"for": "you", "at": "hello"}]
        change = ForkEdit(target="envelope", path="/text", value="there")
        with pytest.raises(Unconfirmed, match="look"):
            await b.runtime.fork(run.run_id, Wish(edits=(change,)))
        told = await b.runtime.fork(run.run_id, Wish(edits=(change,), confirm=True))
        assert told["status"] == "done"
        assert look.calls[1:] == [{"for": "you", "at": "there"}], "the edit is made again"


async def test_a_recorded_edit_is_made_again_whatever_the_tool_takes_today():
    look = looker()
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        await b.edit("/tool/arguments/for", "you")
        await b.end(run)
        look.parameters = {"type": "object", "properties": {}, "additionalProperties": False}
        assert await b.replayed(run) == "exact 2/2"


async def test_the_arguments_of_a_control_tool_can_be_edited_too():
    async def sets(ctx, envelope):
        ctx.say(str(await ctx.call("set_state", {"key": "n", "value": 1})))

    async with bench(graph("a"), {"a": sets}) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        with pytest.raises(Unprocessable, match="/tool/arguments/key: expected string"):
            await b.edit("/tool/arguments/key", 7)
        await b.edit("/tool/arguments/value", 2)
        await b.end(run)
        assert at(b.runtime.state()["ui"], "state") == {"n": 2}
        assert await b.replayed(run) == "exact 2/2"


async def test_a_tool_that_is_only_looked_at_is_called():
    look = FunctionTool("look", lambda _arguments: "rows", effect="write")
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        assert (await b.end(run)).response == "found rows"
        assert look.calls == [{"for": "hello"}]


async def test_the_result_of_a_control_tool_can_be_given_too():
    async def sets(ctx, envelope):
        ctx.say(str(await ctx.call("set_state", {"key": "n", "value": 1})))

    async with bench(graph("a"), {"a": sets}) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        await b.edit("/tool_result", "no")
        assert (await b.end(run)).response == "no"
        assert at(b.runtime.state()["ui"], "state") == {}
        assert await b.replayed(run) == "exact 2/2"


async def test_a_breakpoint_on_another_tool_does_not_hold():
    look = FunctionTool("look", lambda _arguments: "rows")
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool", "tool": "other"}, {"on": "model"})
        run = await b.runtime.send("hello")
        assert (await b.runtime.finished(run)).response == "found rows"


async def test_a_condition_sees_the_arguments_of_a_tool():
    look = FunctionTool("look", lambda _arguments: "rows")
    async with bench(graph("a"), {"a": calls}, tools=(look,)) as b:
        await b.breaks({"on": "tool", "when": "arguments.for contains 'secret'"})
        first = await b.runtime.send("hello")
        assert (await b.runtime.finished(first)).status == "done"
        await b.end(await b.send("the secret"))


async def test_a_retry_is_held_before_it_asks_again():
    class Answer(msgspec.Struct):
        n: int

    async def shaped(ctx, envelope):
        answer = await ctx.structured(Answer, [{"role": "user", "content": "n?"}])
        ctx.say(str(answer.n))

    model = ScriptedModel("what?", '{"n":3}')
    async with bench(graph("a"), {"a": shaped}, model=model) as b:
        await b.breaks({"on": "retry"})
        run = await b.send()
        assert await b.place() == "before 1.a.1.1"
        assert len(model.asked) == 1
        assert (await b.end(run)).response == "3"


async def test_what_is_sent_again_inside_one_model_call_is_one_effect_and_not_held():
    answers = [(429, b""), (503, b""), (200, STREAMED)]
    slept = []

    def answer(_request):
        status, body = answers.pop(0)
        return httpx.Response(status, stream=httpx.ByteStream(body))

    async def sleep(seconds):
        slept.append(seconds)

    model = OpenAIModel(
        "http://127.0.0.1:9/v1",
        None,
        "scripted",
        transport=httpx.MockTransport(answer),
        sleep=sleep,
    )
    async with bench(graph("a"), {"a": asks}, model=model) as b:
        await b.breaks({"on": "retry"})
        run = await b.runtime.finished(await b.runtime.send("hello"))
        assert (run.error, run.status) == ("", RunStatus.DONE)
        assert (len(slept), answers) == (2, [])
        [effect] = (await b.trace(run))["effects"]
        assert effect.get("error") is None
        assert await b.replayed(run) == "exact 1/1"
    await model.aclose()


async def test_a_model_asked_after_a_call_that_failed_is_a_retry():
    async def tries(ctx, envelope):
        await ctx.model([{"role": "user", "content": "plan"}])
        ctx.now()
        for _ in range(2):
            await calls(ctx, envelope)
            await ctx.model([{"role": "user", "content": "again"}])

    answers = iter([ToolFailed("tool_error", "no"), "rows"])
    look = FunctionTool("look", lambda _arguments: next(answers))
    async with bench(graph("a"), {"a": tries}, tools=(look,), model=ScriptedModel()) as b:
        await b.breaks({"on": "retry"})
        run = await b.send()
        assert await b.place() == "before 1.a.1.3"
        await b.debug.resume()
        assert (await b.runtime.finished(run)).status == "done"


async def test_a_pause_reaches_a_plain_function_at_its_next_question():
    def plain(ctx, envelope):
        ctx.say(ctx.model([{"role": "user", "content": "x"}]).text)

    async with bench(graph("a"), {"a": threaded(plain)}, model=ScriptedModel("ok")) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        await b.edit("/memory/topic", "thread")
        assert (await b.end(run)).response == "ok"
        assert b.runtime.state()["memorizer"]["topic"] == "thread"
        cut = await b.runtime.send("x")
        await b.debug.pause()
        await b.held()
        await b.runtime.cancel(cut.run_id)
        assert (await b.runtime.finished(cut)).status == "cancelled"


@pytest.mark.parametrize("broken", ["node", "tool"])
async def test_an_error_is_held_after_its_frame(broken):
    code = {"a": raises(ValueError("no")) if broken == "node" else calls, "b": says("ok")}
    failing = FunctionTool("look", lambda _arguments: ToolFailed("tool_error", "no"))
    async with bench(graph("a b", "a>b"), code, tools=(failing,)) as b:
        await b.breaks({"on": "error"})
        run = await b.send()
        shown = await b.debug.show()
        assert place(shown) == "after 1 a"
        assert shown["reason"].endswith(": no")
        assert (await b.end(run)).status == ("error" if broken == "node" else "done")


async def test_a_budget_holds_once():
    spec = graph("a b c", "a>b b>c")
    code = {"a": asks, "b": asks, "c": says("ok")}
    async with bench(spec, code, model=ScriptedModel("fine")) as b:
        await b.breaks({"on": "budget", "when": "tokens >= 5 and cost > 0.1 and ms > 0"})
        run = await b.send()
        assert place(await b.debug.show()) == "after 1 a"
        await b.debug.resume()
        assert (await b.runtime.finished(run)).status == "done"


# Siblings


async def test_siblings_finish_their_effect_first_and_wait_then():
    going = asyncio.get_running_loop().create_future()

    async def slowly(_arguments):
        await going
        return "slow"

    async def twice(ctx, envelope):
        ctx.say(str(await ctx.call("slow", {})))
        ctx.say(str(await ctx.call("slow", {})))

    slow = FunctionTool("slow", slowly)
    look = FunctionTool("look", lambda _arguments: "rows")
    spec = graph("a b c", "a>b+c")
    async with bench(spec, {"a": passes(), "b": twice, "c": calls}, tools=(slow, look)) as b:
        await b.breaks({"on": "tool", "node": "c"})
        run = await b.runtime.send("hello")
        await settled_loop()
        shown = b.debug._shown(b.runtime._lanes.open("main"), b.runtime._lanes.open("main").active)
        assert (shown["held"], len(slow.calls)) == (False, 1)
        going.set_result(None)
        assert place(await b.held()) == "before 2.c.1.0"
        await settled_loop()
        assert len(slow.calls) == 1
        ended = await b.end(run)
        assert (ended.response, len(slow.calls), len(look.calls)) == ("slowslowfound rows", 2, 1)


async def test_two_siblings_are_held_one_after_the_other():
    spec = graph("a b c", "a>b+c")
    async with bench(spec, {"a": passes(), "b": asks, "c": asks}, model=ScriptedModel()) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        assert await b.place() == "before 2.b.1.0"
        await b.edit("/model_request/messages/0/content", "one")
        await b.debug.resume()
        assert place(await b.held()) == "before 2.c.1.0"
        await b.edit("/model_request/messages/0/content", "two")
        await b.end(run)
        assert await b.replayed(run) == "exact 4/4"


async def test_two_channels_are_held_at_once_and_know_nothing_of_each_other():
    async with bench(FORK) as b:
        await b.breaks({"node": "b"})
        await b.breaks({"node": "d"}, channel="side")
        one, two = await b.send(), await b.send("there", "side")
        assert (await b.place(), await b.place("side")) == ("before 2 b", "before 3 d")
        await b.edit("/pending/b/text", "x")
        assert (await b.debug.show("side"))["pending"]["d"]["text"] == "there>a>b"
        assert (await b.end(two, "side")).status == "done"
        assert await b.place() == "before 2 b"
        assert (await b.end(one)).status == "done"


# Edits


async def test_edits_between_frames_reach_the_nodes_that_follow_and_the_channel():
    code = {"a": passes(), "b": recalls, "c": says(".")}
    async with bench(graph("a b c", "a>b+c"), code) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/memory/topic", "heating")
        await b.edit("/ui_state/n", {"deep": [1]})
        shown = await b.edit("/ui_state/n/deep/-", 2)
        assert shown["ui_state"] == {"n": {"deep": [1, 2]}}
        assert (await b.end(run)).response == "heating {'deep': [1, 2]}."
        state = b.runtime.state()
        assert (state["memorizer"]["topic"], state["ui"]["state"]["n"]) == (
            "heating",
            {"deep": [1, 2]},
        )
        assert await b.replayed(run) == "exact 3/3"


async def test_an_edited_envelope_is_what_the_node_gets_and_what_is_recorded():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/pending/b/text", "other")
        await b.edit("/pending/b/data", {"n": [1]})
        await b.end(run)
        record = (await b.trace(run))["frames"][1]
        assert (record["input"]["text"], record["input"]["data"]) == ("other", {"n": [1]})
        assert record["output"]["text"] == "other>b"
        assert await b.replayed(run) == "exact 2/2"


async def test_a_node_can_be_made_pending():
    async with bench(FORK) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/pending/a", {"kind": "again", "text": "new"})
        await b.end(run)
        nodes = [(r["frame"], r["node"], r["visit"]) for r in (await b.trace(run))["frames"]]
        assert nodes[:4] == [(1, "a", 1), (2, "a", 2), (2, "b", 1), (2, "c", 1)]
        assert await b.replayed(run) == "exact 1/1"


async def test_edits_before_a_stepped_node_are_its_own():
    code = {"a": passes(), "b": recalls, "c": recalls, "d": recalls}
    async with bench(graph("a b c d", "a>b+c+d"), code) as b:
        await b.breaks({"frame": 2})
        run = await b.send()
        assert place((await b.debug.step("node")).debug) == "before 2 c"
        await b.edit("/memory/topic", "late")
        await b.edit("/pending/d/text", "x")
        assert list((await b.debug.show())["pending"]) == ["c", "d"]
        assert (await b.end(run)).response == "None Nonelate NoneNone None"
        assert (await b.trace(run))["frames"][3]["input"]["text"] == "x"
        assert await b.replayed(run) == "exact 2/2"


async def test_memory_edited_at_an_effect_is_seen_by_the_node_that_waits():
    async def both(ctx, envelope):
        await ctx.model([{"role": "user", "content": "x"}])
        await recalls(ctx, envelope)

    async with bench(graph("a"), {"a": both}, model=ScriptedModel()) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        await b.edit("/memory/topic", "now")
        assert (await b.end(run)).response == "now None"
        assert await b.replayed(run) == "exact 2/2"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("memory/topic", 1, "expected a JSON pointer"),
        ("/held", True, "cannot be written"),
        ("", {}, "cannot be written"),
        ("/model_request/model", "x", "what can be: /pending, /memory, /ui_state"),
        ("/tool_result", 1, "cannot be written"),
        ("/pending", {}, "at least one node"),
        ("/pending/b", "text", "/pending"),
        ("/pending/b/text", 7, "/pending"),
        ("/pending/b/txt", "x", "no such field"),
        ("/pending/nobody", {"kind": "x"}, "no such node"),
        ("/pending/memo", {"kind": "x"}, "no such node"),
        ("/memory", 3, "expected an object"),
        ("/memory/nothing/there", 3, "there is no /memory/nothing"),
        ("/memory/facts/7", "x", "has 0 items"),
        ("/memory/user_name/x", "x", "neither an object"),
    ],
)
async def test_an_edit_that_does_not_fit_is_refused_and_changes_nothing(path, value, told):
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        before = await b.debug.show()
        good = Edit(path="/memory/topic", value="lost")
        with pytest.raises(Unprocessable, match=told.replace("(", r"\(")):
            await b.debug.edit([good, Edit(path=path, value=value)])
        assert await b.debug.show() == before
        await b.end(run)
        assert "effects" not in await b.trace(run)


async def test_behind_the_last_frame_nothing_can_be_edited():
    async with bench() as b:
        await b.breaks({"at": "after", "node": "c"})
        run = await b.send()
        with pytest.raises(Unprocessable, match="what can be: nothing"):
            await b.edit("/memory/topic", "x")
        await b.end(run)


async def test_a_bad_model_request_is_refused():
    async with bench(graph("a"), {"a": asks}, model=ScriptedModel()) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        with pytest.raises(Unprocessable, match="/model_request"):
            await b.edit("/model_request/messages", "hello")
        with pytest.raises(Unprocessable, match="what can be: /memory, /ui_state, /model_request"):
            await b.edit("/pending/a/text", "hello")
        await b.end(run)


async def test_secrets_in_edits_are_masked():
    secret = "sk-very-secret-key"
    async with bench(redactor=Redactor([secret])) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        shown = await b.edit("/memory/topic", f"key {secret}")
        assert shown["memory"]["topic"] == "key [secret]"
        await b.end(run)
        assert secret.encode() not in await b.runtime.trace(run.run_id)


# Around it


async def test_a_held_run_keeps_the_channel_busy_and_can_be_cancelled():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        with pytest.raises(Busy):
            await b.runtime.send("other", queue=False)
        with pytest.raises(Busy):
            await b.runtime.switch_graph("line")
        assert (await b.runtime.cancel(run.run_id)).status == "cancelled"
        assert not (await b.debug.show())["held"]
        trace = await b.trace(run)
        assert (trace["outcome"], [r["node"] for r in trace["frames"]]) == ("cancelled", ["a"])


async def test_cancelled_at_an_effect_it_is_cut_there():
    async with bench(graph("a"), {"a": asks}, model=ScriptedModel()) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        await b.runtime.cancel(run.run_id)
        trace = await b.trace(run)
        assert [r["error"] for r in trace["frames"]] == ["cancelled"]
        assert "effects" not in trace


async def test_a_clear_ends_it():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.runtime.clear()
        assert (await b.runtime.finished(run)).status == "cancelled"


async def test_a_switch_waits_or_cancels():
    async with bench((LINE, FORK)) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        waiting = asyncio.ensure_future(b.runtime.switch_graph("fork", "after"))
        await settled_loop()
        assert not waiting.done()
        await b.end(run)
        await waiting
        await b.breaks({"node": "b"})
        cut = await b.send()
        await b.runtime.switch_graph("line", "cancel")
        assert (await b.runtime.finished(cut)).status == "cancelled"


async def test_breakpoints_set_while_a_run_works_count_for_it():
    gate = Gate()

    async def through(ctx, envelope):
        await gate.node()(ctx, envelope)
        return Envelope(kind="x")

    async with bench(graph("a b", "a>b"), {"a": through, "b": says("ok")}) as b:
        run = await b.runtime.send("hello")
        await gate.reached.wait()
        await b.breaks({"node": "b"})
        gate.open.set()
        assert place(await b.held()) == "before 2 b"
        await b.end(run)


async def test_breakpoints_taken_away_while_it_is_held_do_not_hold_it_again():
    async with bench() as b:
        await b.breaks({"frame": 1}, {"frame": 2}, {"frame": 3})
        run = await b.send()
        await b.breaks({"frame": 3})
        await b.debug.resume()
        assert place(await b.held()) == "before 3 c"
        await b.end(run)


async def test_time_that_a_run_is_held_is_not_its_own():
    clock = CountingClock()
    code = {"a": asks, "b": says("ok")}
    async with bench(graph("a b", "a>b"), code, model=ScriptedModel(), clock=clock) as b:
        await b.breaks({"on": "model"}, {"node": "b"})
        run = await b.send()
        clock.ticks += 3_600_000
        await b.debug.resume()
        await b.held()
        clock.ticks += 3_600_000
        ended = await b.end(run)
        assert ended.total_ms < 60_000
        assert [r["duration_ms"] < 60_000 for r in (await b.trace(run))["frames"]] == [True, True]


@pytest.mark.parametrize("spot", [{"on": "model"}, {"node": "b"}])
async def test_neither_is_the_time_that_it_was_held_before_it_is_dropped(spot):
    clock = CountingClock()
    code = {"a": asks, "b": says("ok")}
    async with bench(graph("a b", "a>b"), code, model=ScriptedModel(), clock=clock) as b:
        await b.breaks(spot)
        run = await b.send()
        clock.ticks += 3_600_000
        await b.debug.drop()
        assert 0 < (await b.runtime.finished(run)).total_ms < 60_000
        assert all(row["duration_ms"] < 60_000 for row in (await b.trace(run))["frames"])


async def test_every_status_is_told_on_the_trace():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.end(run)
        lines = [msgspec.json.decode(line) for line in b.runtime.trace_lines(1000)]
        told = [x["status"] for x in lines if x["event"] == "run" and x["run_id"] == run.run_id]
        assert told == ["queued", "running", "paused", "running", "done"]


def told(b) -> list[tuple[str, list[str], bool]]:
    """What was told of breakpoints and armed pauses: channel, names, armed."""
    lines = [msgspec.json.decode(line) for line in b.runtime.trace_lines(1000)]
    return [
        (x["channel"], [one["id"] for one in x["breakpoints"]], x["armed"])
        for x in lines
        if x["event"] == "debug"
    ]


async def test_breakpoints_that_change_are_told_once_and_whole():
    async with bench() as b:
        await b.breaks()
        await b.breaks({"node": "b", "when": "frame > 9"})
        await b.breaks({"node": "b", "when": "frame > 9"})
        await b.breaks({"node": "x"}, channel="side")
        assert (await b.runtime.finished(await b.runtime.send("hello"))).status == "done"
        await b.breaks()
        assert told(b) == [("main", ["b1"], False), ("side", ["b1"], False), ("main", [], False)]
        line = next(x for x in b.runtime.trace_lines(1000) if b'"event":"debug"' in x)
        (row,) = msgspec.json.decode(line)["breakpoints"]
        assert row == msgspec.to_builtins(Breakpoint(id="b1", node="b", when="frame > 9"))


async def test_an_edit_is_told_to_who_looks_on_and_a_refused_one_is_not():
    async with bench() as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/memory/topic", "heating")
        with pytest.raises(Unprocessable):
            await b.edit("/nowhere", 1)
        assert told(b) == [("main", ["b1"], False)] * 2
        await b.end(run)


async def test_an_armed_pause_is_told_when_it_is_set_taken_back_and_used():
    async with bench() as b:
        await b.debug.pause()
        await b.debug.pause()
        await b.debug.resume()
        await b.debug.pause()
        run = await b.send()
        await b.debug.pause()
        await b.end(run)
        assert [armed for _, _, armed in told(b)] == [True, False, True, False]


@pytest.mark.parametrize(
    "breakpoints",
    [
        [{"id": "x"}, {"id": "x"}],
        [{"id": "no name"}],
        [{"frame": 0}],
        [{"tool": "look"}],
        [{"on": "model", "at": "after"}],
        [{"on": "budget"}],
        [{"on": "divergence"}],
        [{"baseline": "r-1"}],
        [{}] * 201,
    ],
    ids=lambda rows: str(rows[0]),
)
async def test_breakpoints_that_cannot_be_are_refused_and_the_old_ones_stay(breakpoints):
    async with bench() as b:
        await b.breaks({"node": "b"})
        with pytest.raises(Unprocessable):
            await b.breaks(*breakpoints)
        assert [one.node for one in b.debug.breakpoints()] == ["b"]


async def test_a_bad_condition_is_refused_with_its_column():
    async with bench() as b:
        with pytest.raises(BadCondition, match="column 8: expected a value, got nothing more"):
            await b.breaks({"when": "node =="})


async def test_breakpoints_get_names_that_are_free():
    async with bench() as b:
        await b.breaks({}, {"id": "b1"}, {"id": "mine"}, {})
        assert [one.id for one in b.debug.breakpoints()] == ["b2", "b1", "mine", "b3"]
        assert b.debug.breakpoints("other") == ()


async def test_a_node_that_remembers_the_same_wins_over_an_edit_made_before_it():
    async def writes(ctx, envelope):
        ctx.remember(put("memory", "topic", value="mine"))

    async with bench(graph("a b", "a>b"), {"a": passes(), "b": writes}) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/memory/topic", "yours")
        await b.end(run)
        assert b.runtime.state()["memorizer"]["topic"] == "mine"
        changes = (await b.trace(run))["frames"][1]["changes"]
        assert [change["value"] for change in changes] == ["yours", "mine"]


# Where it first differs from another run


@pytest.mark.parametrize(
    ("second", "expected"),
    [("hello", "done"), ("hello!", "before 2.b.1.0"), ("other", "after 1 a")],
)
async def test_a_run_is_held_where_it_first_differs_from_a_baseline(second, expected):
    async def sorts(ctx, envelope):
        known = envelope.text.startswith("hello")
        return Envelope(
            kind="x",
            data={"perception": {"intent": "social" if known else "", "complexity": "trivial"}},
        )

    async def answers(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": ctx.message}])
        ctx.say(reply.text)

    spec = graph("a b c", "a>b?reflex a>c")
    code = {"a": sorts, "b": answers, "c": answers}
    async with bench(spec, code, model=ScriptedModel("fine")) as b:
        baseline = await b.runtime.finished(await b.runtime.send("hello"))
        await b.breaks(
            {"on": "divergence", "baseline": "msg_1"},
            {"on": "divergence", "baseline": baseline.run_id, "enabled": False},
        )
        run = await b.runtime.send(second)
        if expected == "done":
            assert (await b.runtime.finished(run)).status == "done"
            return
        await b.held()
        assert await b.place() == expected
        await b.debug.resume()
        assert (await b.runtime.finished(run)).status == "done"


@pytest.mark.parametrize("name", ["msg_7", "r-000000000009-0000", "nonsense"])
async def test_a_baseline_must_be_a_run_that_has_ended(name):
    async with bench() as b:
        with pytest.raises(Unprocessable, match="expected a run that has ended"):
            await b.breaks({"on": "divergence", "baseline": name})
        assert b.debug.breakpoints() == ()
