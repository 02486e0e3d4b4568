"""Tool calls at work: seen while they work, stopped without stopping their run."""

import asyncio

import msgspec
import pytest
from forking import edit, wish
from rig import FunctionTool, ask, graph, runtime, settled_loop

from agent.adapters.stores.memory import MemoryStore
from agent.core.errors import ToolFailed, UnknownProcess
from agent.core.events import Topic
from agent.core.redact import Redactor
from agent.core.runs import RunStatus
from agent.runtime import processes

pytestmark = pytest.mark.anyio
ONE = graph("a")


class Slow:
    """A tool that works until it is let go; it can be deaf to being stopped."""

    name, description, effect, is_data = "slow", "takes its time", "read", True

    def __init__(self, *, deaf: bool = False) -> None:
        self.parameters = {"type": "object", "properties": {}}
        self.deaf = deaf
        self.working = asyncio.Event()
        self.release = asyncio.Event()
        self.stopped = 0
        self.log = print

    async def call(self, arguments, log):
        self.log = log
        log("begun")
        self.working.set()
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.stopped += 1
                if not self.deaf:
                    raise
        log("ended")
        return {"rows": [[1]]}


async def careful(ctx, envelope):
    """Call the tool and tell how it went."""
    try:
        await ctx.call("slow", {"city": "Köln"})
        ctx.say("worked")
    except ToolFailed as failure:
        ctx.say(f"{failure.code}: {failure}")


def events(reader, *kinds):
    found = [msgspec.json.decode(line) for line in reader.ready(10_000)]
    return [line for line in found if line["event"] in kinds]


async def test_a_call_can_be_seen_while_it_works_and_when_it_has_ended():
    tool = Slow()
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        reader = rt.hub.reader(Topic.TRACE)
        run = await rt.send("go")
        await tool.working.wait()
        [seen] = rt.processes()
        assert seen["pid"] == f"{run.run_id}/1.a.1.0"
        assert (seen["status"], seen["tool"], seen["args"]) == ("running", "slow", {"city": "Köln"})
        assert (seen["lines"], seen["ended"], seen["exit_code"]) == (["begun"], None, None)
        assert (seen["run_id"], seen["channel"], seen["frame"], seen["node"]) == (
            run.run_id, "main", 1, "a",
        )  # fmt: skip
        assert rt.processes(status="done") == rt.processes(channel="other") == []
        tool.release.set()
        assert (await rt.finished(run)).response == "worked"
        [done] = rt.processes(status="done", channel="main")
        assert (done["lines"], done["exit_code"]) == (["begun", "ended"], 0)
        assert done["ended"] >= done["started"] > 0
        told = events(reader, "process_start", "process_line", "process_done")
        assert [line["event"] for line in told] == [
            "process_start", "process_line", "process_line", "process_done",
        ]  # fmt: skip
        assert {line["pid"] for line in told} == {seen["pid"]}


async def test_one_that_is_stopped_ends_and_its_run_goes_on():
    tool = Slow()
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        reader = rt.hub.reader(Topic.TRACE)
        run = await rt.send("go")
        await tool.working.wait()
        pid = rt.processes()[0]["pid"]
        assert rt.stop_process(pid)["status"] == "running"
        rt.stop_process(pid)
        done = await rt.finished(run)
        assert (done.status, done.response) == (RunStatus.DONE, f"cancelled: {processes.STOPPED}")
        assert tool.stopped == 1
        [ended] = events(reader, "process_done")
        assert (ended["status"], ended.get("exit_code")) == ("cancelled", None)
        assert rt.stop_process(pid)["status"] == "cancelled"
        assert (await ask(rt, "again", channel="b")).status if tool.release.set() is None else 0


async def test_what_was_stopped_replays_exactly():
    tool = Slow()
    async with runtime(ONE, {"a": careful}, tools=(tool,), store=MemoryStore()) as rt:
        run = await rt.send("go")
        await tool.working.wait()
        rt.stop_process(rt.processes()[0]["pid"])
        await rt.finished(run)
        tool.working.clear()
        verdict = await rt.replay(run.run_id)
        assert (verdict["verdict"], verdict["matched"], verdict["total"]) == ("exact", 1, 1)
        assert not tool.working.is_set()
        assert len(rt.processes()) == 1, "a replay has no processes"


async def moody(ctx, envelope):
    """Call the tool twice, the second time with what is remembered."""
    for city in ("Köln", ctx.state["memory"].get("at", "Bonn")):
        try:
            await ctx.call("slow", {"city": city})
        except ToolFailed as failure:
            ctx.say(failure.code)
    ctx.say("done")


async def test_a_call_that_a_fork_makes_can_be_stopped_and_what_it_took_over_is_no_process():
    tool = Slow()
    tool.release.set()
    async with runtime(ONE, {"a": moody}, tools=(tool,), store=MemoryStore()) as rt:
        run = await ask(rt, "go")
        assert len(rt.processes(status="done")) == 2
        tool.release.clear()
        tool.working.clear()
        async with asyncio.TaskGroup() as group:
            forking = group.create_task(
                rt.fork(run.run_id, wish(1, edit("memory", "Ulm", path="/at")))
            )
            await tool.working.wait()
            [seen] = rt.processes(status="running")
            assert (seen["args"], seen["lines"]) == ({"city": "Ulm"}, ["begun"])
            rt.stop_process(seen["pid"])
        fork = await rt.find(forking.result()["run_id"])
        assert (fork.status, fork.response) == (RunStatus.DONE, "cancelleddone")
        assert seen["run_id"] == fork.run_id
        assert tool.stopped == 1
        assert len(rt.processes()) == 3
        [ended] = rt.processes(status="cancelled")
        assert ended["pid"] == seen["pid"]


async def test_a_deaf_one_does_not_hold_its_node_for_ever(monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 0.0)
    tool = Slow(deaf=True)
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        reader = rt.hub.reader(Topic.TRACE)
        run = await rt.send("go")
        await tool.working.wait()
        rt.stop_process(rt.processes()[0]["pid"])
        assert (await rt.finished(run)).response == f"cancelled: {processes.DEAF}"
        tool.release.set()
        await settled_loop()
        last = events(reader, "process_line", "process_done", "frame_trace")
        assert [line["event"] for line in last] == ["process_line", "process_done", "frame_trace"]


async def test_the_end_of_a_run_is_the_end_of_its_processes():
    tool = Slow()
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        run = await rt.send("go")
        await tool.working.wait()
        cancelled = await rt.cancel(run.run_id)
        assert (cancelled.status, cancelled.response, tool.stopped) == (RunStatus.CANCELLED, "", 1)
        assert [p["status"] for p in rt.processes()] == ["cancelled"]
        tool.release.set()
        assert (await ask(rt, "again")).response == "worked"


async def test_a_stop_that_comes_as_it_ends_changes_nothing():
    tool = Slow()
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        run = await rt.send("go")
        await tool.working.wait()
        pid = rt.processes()[0]["pid"]
        tool.release.set()
        await asyncio.sleep(0)
        rt.stop_process(pid)
        done = await rt.finished(run)
        assert done.status == RunStatus.DONE
        told = {"done": "worked", "cancelled": f"cancelled: {processes.STOPPED}"}
        assert done.response == told[rt.processes()[0]["status"]]


async def test_an_unknown_one_is_said_to_be_unknown():
    async with runtime(ONE, {"a": careful}) as rt:
        with pytest.raises(UnknownProcess, match="no process 'x'"):
            rt.stop_process("x")


async def test_what_a_tool_raises_reaches_its_node_and_nobody_else():
    tool = FunctionTool("slow", lambda _: ValueError("broken"))
    async with runtime(ONE, {"a": careful}, tools=(tool,)) as rt:
        run = await ask(rt, "go")
        assert (run.status, run.error) == (RunStatus.ERROR, "a: ValueError: broken")
        assert (await ask(rt, "go")).status == RunStatus.ERROR


async def test_a_flood_of_lines_is_counted_and_secrets_are_masked():
    def flood(arguments):
        return {"rows": []}

    tool = FunctionTool("slow", flood)

    async def call(arguments, log):
        log("key hunter22hunter22 is secret")
        for n in range(1000):
            log(f"line {n}" + "x" * 2000)
        return {"rows": []}

    tool.call = call
    masked = Redactor(["hunter22hunter22"])
    async with runtime(ONE, {"a": careful}, tools=(tool,), redactor=masked) as rt:
        await ask(rt, "go")
        [seen] = rt.processes()
        assert (len(seen["lines"]), seen["left_out"]) == (200, 801)
        assert "hunter22" not in seen["lines"][0]
        assert max(map(len, seen["lines"])) == 500


async def test_only_the_last_that_ended_are_kept(monkeypatch):
    monkeypatch.setattr(processes, "KEPT", 3)
    async with runtime(ONE, {"a": careful}, tools=(FunctionTool("slow", lambda _: 1),)) as rt:
        runs = [await ask(rt, "go") for _ in range(5)]
        assert [p["run_id"] for p in rt.processes()] == [r.run_id for r in reversed(runs[2:])]
        assert [p["run_id"] for p in rt.processes(last=1)] == [runs[-1].run_id]
        with pytest.raises(UnknownProcess):
            rt.stop_process(f"{runs[0].run_id}/1.a.1.0")
