"""Forks, replays and cases that are cancelled: by name, with whoever asked, and with the server."""

import asyncio

import msgspec
import pytest
from forking import edit, wish
from framed import framed, opened, v3
from rig import FunctionTool, ScriptedModel, ask, graph, passes, runtime, says

from agent.core.errors import Conflict, Overloaded
from agent.core.journal import Fold
from agent.core.messages import ModelReply
from agent.core.runs import RunStatus
from agent.runtime.forks import Wish
from agent.runtime.ports import RunFilter

pytestmark = pytest.mark.anyio
SPEC = graph("a b c", "a>b b>c")


class World:
    """A graph whose tool and model answer at once, or hang and tell that they were stopped."""

    def __init__(self) -> None:
        self.hangs = False
        self.reached = asyncio.Event()
        self.stopped: list[str] = []
        self.tool = FunctionTool("look", self._look)
        self.default_model = self.label = "scripted"

    async def wait(self, what: str) -> None:
        if self.hangs:
            self.reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.stopped.append(what)

    async def _look(self, _arguments):
        await self.wait("tool")
        return "seen"

    async def complete(self, request, on_text):
        await self.wait("model")
        return ModelReply(text="said")

    def opened(self, store, **more):
        async def asks(ctx, envelope):
            reply = await ctx.model([{"role": "user", "content": envelope.text}])
            await ctx.call("look", {"at": ctx.state["memory"].get("at")})
            return msgspec.structs.replace(envelope, text=reply.text)

        code = {"a": passes(), "b": asks, "c": says("done")}
        return runtime(SPEC, code, store=store(), model=self, tools=(self.tool,), **more)


@pytest.fixture
def world():
    return World()


ELSEWHERE = wish(1, edit("memory", "there", path="/at"))


async def begun(rt, world, work) -> tuple[asyncio.Task, str]:
    """Have ``work`` reach what hangs; return its task and the id of its run."""
    world.hangs = True
    task = asyncio.create_task(work)
    await world.reached.wait()
    [live] = [one for one in rt._lanes.lives.values() if not one.run.channel]
    return task, live.run.run_id


async def left(store, name) -> tuple:
    """What is on disk of run ``name``: its row, and its journal folded."""
    kept = store()
    try:
        found = next(run for run in await kept.runs(RunFilter(limit=50)) if run.run_id == name)
        return found, Fold(await kept.rows(found.n))
    finally:
        await kept.close()


def check_left(found, fold, *, asked: str) -> None:
    assert (found.status, found.error) == (RunStatus.CANCELLED, "cancelled")
    assert found.ended is not None
    assert found.total_ms > 0
    cut = [effect for effect in fold.effects.values() if effect.ended is None or effect.error]
    assert [(e.kind, e.ended is not None, e.error.code) for e in cut] == [
        (asked, True, "cancelled")
    ]
    assert [(r.node, r.error) for r in fold.frames][-1] == ("b", "cancelled")


async def test_a_fork_is_cancelled_by_its_id_and_its_tool_is_stopped(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        task, name = await begun(rt, world, rt.fork(run.run_id, ELSEWHERE))
        assert (await rt.run(name))["status"] == "running"
        assert (await rt.cancel(name)).status is RunStatus.CANCELLED
        assert world.stopped == ["tool"]
        told = await task
        assert (told["run_id"], told["status"]) == (name, "cancelled")
        assert (await rt.cancel(name)).status is RunStatus.CANCELLED, "twice is once"
        world.hangs = False
        assert (await ask(rt, "again")).status is RunStatus.DONE
        assert (await rt.fork(run.run_id, ELSEWHERE))["status"] == "done"
    check_left(*await left(store, name), asked="tool")


async def test_a_fork_is_cancelled_with_whoever_asked_for_it(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        task, name = await begun(rt, world, rt.fork(run.run_id, ELSEWHERE))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.stopped == ["tool"]
        assert (await rt.find(name)).status is RunStatus.CANCELLED
    check_left(*await left(store, name), asked="tool")


async def test_a_fork_that_is_cut_while_it_is_accepted_is_not_left_running(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        accept, accepting = rt._parts.store.accept, asyncio.Event()

        async def slowly(*arguments):
            accepting.set()
            await accept(*arguments)

        rt._parts.store.accept = slowly
        task = asyncio.create_task(rt.fork(run.run_id, ELSEWHERE))
        await accepting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        [fork] = (await rt.runs(kind="fork"))["runs"]
        assert fork["status"] == "cancelled"
        assert not [one for one in rt._lanes.lives.values() if not one.run.channel]


async def test_a_server_that_ends_cancels_a_fork_and_takes_no_other(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        task, name = await begun(rt, world, rt.fork(run.run_id, ELSEWHERE))
        await rt.drain(0.0)
        assert (await task)["status"] == "cancelled"
        assert world.stopped == ["tool"]
        with pytest.raises(Overloaded):
            await rt.fork(run.run_id, ELSEWHERE)
    check_left(*await left(store, name), asked="tool")


async def test_a_server_that_ends_lets_a_fork_end_first(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        task = asyncio.create_task(rt.fork(run.run_id, Wish()))
        while not [one for one in rt._lanes.lives.values() if not one.run.channel]:
            await asyncio.sleep(0)
        await rt.drain(5.0)
        assert (await task)["status"] == "done"


@pytest.mark.parametrize(("mode", "asked"), [("live", "tool"), ("hybrid", "model")])
async def test_a_case_that_is_cancelled_fails_its_checks(store, world, mode, asked):
    async def complete(request, on_text):
        await (world.wait("model") if asked == "model" else asyncio.sleep(0))
        return await ScriptedModel(v3).complete(request, on_text)

    async def query():
        await world.wait("tool")
        return {"rows": [{"n": 240}]}

    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
        made = await rt.case_of(run.run_id, "it.cassette.json")
        raw = msgspec.Raw(msgspec.json.encode(made["cassette"]))
        rt._parts.model.complete = complete
        rt._parts.tools["query_db"].does = lambda _: query()
        play = rt.try_case(made["case"], raw, mode, graph="", suite="")
        task, name = await begun(rt, world, play)
        await rt.cancel(name)
        assert world.stopped == [asked]
        judged = await task
        assert (judged["run_id"], judged["passed"], judged["verdict"]) == (name, 0, None)
        assert judged["failed"] > 0
        assert {row["detail"] for row in judged["checks"]} == {"the run was cancelled"}
    found, fold = await left(store, name)
    assert (found.status, fold.frames[-1].error) == (RunStatus.CANCELLED, "cancelled")
    [cut] = [effect for effect in fold.effects.values() if effect.error]
    assert (cut.kind, cut.error.code) == (asked, "cancelled")


async def test_a_replay_that_is_cancelled_has_no_verdict(store, world):
    held = asyncio.Event()

    async def waits(ctx, envelope):
        world.reached.set()
        if held.is_set():
            await asyncio.Event().wait()
        ctx.say("done")

    async with runtime(graph("a"), {"a": waits}, store=store()) as rt:
        run = await ask(rt, "hello")
        held.set()
        world.reached.clear()
        task, name = await begun(rt, world, rt.replay(run.run_id))
        await rt.cancel(name)
        with pytest.raises(Conflict, match=f"{name} was cancelled"):
            await task
        assert await rt._parts.store.record(f"verdict:{name}") is None
    found, _ = await left(store, name)
    assert found.status is RunStatus.CANCELLED


async def test_a_process_of_a_fork_is_named_after_the_fork(store, world):
    async with world.opened(store) as rt:
        run = await ask(rt, "hello")
        task, name = await begun(rt, world, rt.fork(run.run_id, ELSEWHERE))
        assert [pid.partition("/")[0] for pid in rt._processes._works] == [name]
        await rt.cancel(name)
        await task
        assert rt._processes._works == {}
