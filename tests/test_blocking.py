"""Plain functions as nodes: the same context, in a thread, and never in the way."""

import asyncio
import os
import threading

import pytest
from rig import FunctionTool, Gate, ScriptedModel, ask, graph, play, runtime, world

from agent.core.errors import ToolFailed
from agent.core.frames import Envelope
from agent.core.runs import RunStatus
from agent.core.state import at, put
from agent.engine import police
from agent.engine.blocking import threaded

pytestmark = pytest.mark.anyio
ONE = graph("a")


async def test_a_plain_function_asks_tells_and_changes_like_an_async_one():
    seen = []

    def node(ctx, envelope):
        seen.append((ctx.message, ctx.role, threading.current_thread() is threading.main_thread()))
        ctx.think("hm")
        reply = ctx.model([{"role": "user", "content": envelope.text}], on_text=ctx.say)
        ctx.remember(put("memory", "topic", value=reply.text))
        ctx.say(f" {at(ctx.state, 'memory', 'topic')} {ctx.call('add', {'n': 2})}")
        assert ctx.now() < ctx.now()
        assert ctx.new_id() != ctx.new_id()

    async def add(arguments):
        return arguments["n"] + 1

    played = await play(
        ONE,
        {"a": threaded(node)},
        within=world(ScriptedModel("hello"), FunctionTool("add", add)),
    )
    assert played.going.error == ""
    assert played.going.response == "hello hello 3"
    assert seen == [(played.going.frames[0].input.text, "a", False)]
    assert len(played.going.frames[0].effects) == 6
    assert at(played.going.state, "memory", "topic") == "hello"


async def test_what_it_raises_is_its_failure_and_what_a_call_raises_it_can_catch():
    def node(ctx, envelope):
        try:
            ctx.call("nothing", {})
        except ToolFailed as failure:
            ctx.say(failure.code)
        raise KeyError("mine")

    played = await play(ONE, {"a": threaded(node)})
    assert played.going.error == "a: KeyError: 'mine'"
    assert played.going.response == "unknown_tool"


async def test_the_police_look_into_the_thread():
    police.install()
    played = await play(ONE, {"a": threaded(lambda ctx, envelope: open(os.devnull))})  # noqa: PTH123, SIM115
    assert played.going.error.startswith("a: not_deterministic: node code did open")


async def test_what_is_private_is_not_offered():
    played = await play(ONE, {"a": threaded(lambda ctx, envelope: ctx._world)})
    assert played.going.error == "a: AttributeError: _world"


def forever(ended):
    def node(ctx, envelope):
        try:
            ctx.say("on it")
            while True:
                pass
        finally:
            ended.set()

    return node


def waits(ended):
    def node(ctx, envelope):
        try:
            ctx.say("on it")
            ctx.call("wait", {})
        finally:
            ended.set()

    return node


@pytest.mark.parametrize("kind", [forever, waits])
async def test_cancel_lets_the_thread_go(kind):
    ended, gate = threading.Event(), Gate()

    async def wait(arguments):
        await gate.open.wait()

    async with runtime(
        ONE, {"a": threaded(kind(ended))}, tools=(FunctionTool("wait", wait),)
    ) as live:
        run = await live.send("x")
        while not (await live.result(run.run_id)).get("text"):
            await asyncio.sleep(0)
        await live.cancel(run.run_id)
        assert (await live.finished(run)).status is RunStatus.CANCELLED
        assert await asyncio.to_thread(ended.wait, 20)


async def test_a_replay_of_a_plain_node_is_exact():
    def node(ctx, envelope):
        ctx.say(f"{ctx.now()} {ctx.model([{'role': 'user', 'content': 'x'}]).text}")
        return Envelope(kind="x", text=str(ctx.random()))

    async with runtime(ONE, {"a": threaded(node)}, model=ScriptedModel("hi")) as live:
        run = await ask(live, "x")
        verdict = await live.replay(run.run_id)
        assert (verdict["verdict"], verdict["matched"]) == ("exact", 3)
