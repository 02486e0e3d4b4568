"""A hold outlives its process: the next one holds the run at the same place, edits included."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, strategies as st
from rig import (
    FunctionTool,
    Gate,
    ScriptedModel,
    graph,
    passes,
    runtime,
    says,
    settled_loop,
    timeless,
)
from runtime.test_debug import Bench, asks, calls, place, recalls

from agent.adapters.stores.sqlite import SqliteStore
from agent.core.frames import Envelope
from agent.core.state import put

pytestmark = pytest.mark.anyio


@pytest.fixture
def bench(tmp_path):
    """Give ``bench(spec, code)``: a runtime on the same file each time."""

    @asynccontextmanager
    async def started(spec, code, **more):
        store = SqliteStore(tmp_path / "framescope.db")
        async with runtime(spec, code, store=store, **more) as opened:
            yield Bench(opened)

    return started


def same(one: dict, two: dict) -> None:
    assert msgspec.json.decode(msgspec.json.encode(one)) == msgspec.json.decode(
        msgspec.json.encode(two)
    )


async def note(ctx, envelope):
    ctx.remember(put("memory", "topic", value="noted"))
    ctx.say("noted ")
    return envelope


async def test_between_frames(bench):
    spec, code = graph("a b c", "a>b b>c"), {"a": note, "b": recalls, "c": says(".")}
    async with bench(spec, code) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/ui_state/n", 7)
        shown = await b.edit("/pending/b/text", "edited")
    async with bench(spec, code) as b:
        same(await b.debug.show(), shown)
        result = await b.runtime.result(None)
        assert (result["status"], result["text"]) == ("paused", "noted ")
        await b.edit("/ui_state/n", 8)
        assert (await b.end(run)).response == "noted noted 8"
        trace = await b.trace(run)
        assert trace["frames"][1]["input"]["text"] == "edited"
        assert [e["effect_id"] for e in trace["effects"]] == [
            f"2.b.1.operator/{n}" for n in range(3)
        ]
        assert await b.replayed(run) == "exact 3/3"


async def test_at_an_effect_what_came_before_it_is_not_asked_again(bench):
    async def twice(ctx, envelope):
        first = await ctx.model([{"role": "user", "content": envelope.text}])
        second = await ctx.model([{"role": "user", "content": first.text}])
        ctx.say(f"{ctx.now()} {second.text}")

    spec, code = graph("a"), {"a": twice}
    async with bench(spec, code, model=ScriptedModel("one")) as b:
        await b.breaks({"on": "model", "when": "request.messages[0].content == 'one'"})
        run = await b.send()
        assert await b.place() == "before 1.a.1.1"
        shown = await b.edit("/model_request/messages/0/content", "edited")
    model = ScriptedModel("two")
    async with bench(spec, code, model=model) as b:
        same(await b.debug.show(), shown)
        assert (await b.end(run)).response.endswith(" two")
        assert [m.messages[0]["content"] for m in model.asked] == ["edited"]
        assert await b.replayed(run) == "exact 4/4"


async def test_a_tool_result_given_before_is_still_given(bench):
    spec, code = graph("a"), {"a": calls}
    look = FunctionTool("look", lambda _arguments: "rows", effect="write")
    async with bench(spec, code, tools=(look,)) as b:
        await b.breaks({"on": "tool"})
        run = await b.send()
        await b.edit("/tool_result", "by hand")
    async with bench(spec, code, tools=(look,)) as b:
        assert (await b.debug.show())["tool_result"] == "by hand"
        assert (await b.end(run)).response == "found by hand"
        assert look.calls == []
        assert await b.replayed(run) == "exact 2/2"


async def test_between_two_stepped_nodes(bench):
    spec = graph("a b c d", "a>b+c+d")
    code = {"a": passes(), "b": asks, "c": recalls, "d": says("d")}
    model = ScriptedModel("once")
    async with bench(spec, code, model=model) as b:
        await b.breaks({"frame": 2})
        run = await b.send()
        await b.debug.step("node")
        shown = await b.edit("/memory/topic", "mid")
        assert place(shown) == "before 2 c"
    async with bench(spec, code, model=model) as b:
        same(await b.debug.show(), shown)
        assert place((await b.debug.step("node")).debug) == "before 2 d"
        assert (await b.end(run)).response == "mid Noned"
        assert len(model.asked) == 1
        assert await b.replayed(run) == "exact 2/2"


async def test_a_sibling_that_waited_behind_the_hold_waits_again(bench):
    async def twice(ctx, envelope):
        await calls(ctx, envelope)
        await calls(ctx, envelope)

    spec, code = graph("a b c", "a>b+c"), {"a": passes(), "b": twice, "c": asks}
    look = FunctionTool("look", lambda _arguments: "rows")
    async with bench(spec, code, tools=(look,), model=ScriptedModel("m")) as b:
        await b.breaks({"on": "model"})
        run = await b.send()
        await settled_loop()
        assert len(look.calls) == 1
    async with bench(spec, code, tools=(look,), model=ScriptedModel("m")) as b:
        await settled_loop()
        assert await b.place() == "before 2.c.1.0"
        assert len(look.calls) == 1
        assert (await b.end(run)).response == "found rowsfound rows"
        assert len(look.calls) == 2
        assert await b.replayed(run) == "exact 3/3"


async def test_visits_are_counted_on(bench):
    spec, code = graph("a b", "a>b b>a", budget=4), {"a": passes(), "b": passes()}
    async with bench(spec, code) as b:
        await b.breaks({"frame": 3})
        run = await b.send()
        await b.edit("/memory/topic", "x")
    async with bench(spec, code) as b:
        await b.end(run)
        records = (await b.trace(run))["frames"]
        assert [(r["node"], r["visit"]) for r in records] == [
            ("a", 1), ("b", 1), ("a", 2), ("b", 2)
        ]  # fmt: skip
        assert records[2]["effects"] == ["3.a.2.operator/0"]


async def test_an_edit_is_on_disk_when_it_is_answered(bench, tmp_path):
    def rows() -> int:
        with closing(sqlite3.connect(tmp_path / "framescope.db")) as db:
            return db.execute("SELECT count(*) FROM journal").fetchone()[0]

    async with bench(graph("a"), {"a": says("fine")}) as b:
        await b.breaks({"node": "a"})
        run = await b.send()
        held = rows()
        assert held == 1
        await b.edit("/memory/topic", "x")
        assert rows() == held + 3
        await b.end(run)


async def test_behind_the_last_frame(bench):
    spec, code = graph("a memo", post="memo"), {"a": says("fine"), "memo": note}
    async with bench(spec, code) as b:
        await b.breaks({"at": "after"})
        run = await b.send()
        shown = await b.debug.show()
    async with bench(spec, code) as b:
        same(await b.debug.show(), shown)
        assert (await b.end(run)).response == "fine"
        assert b.runtime.state()["memorizer"]["topic"] == "noted"


async def test_after_a_node_that_failed(bench):
    async def fails(ctx, envelope):
        raise ValueError("no")

    spec, code = graph("a b", "a>b"), {"a": fails, "b": says("never")}
    async with bench(spec, code) as b:
        await b.breaks({"on": "error"})
        run = await b.send()
    async with bench(spec, code) as b:
        assert await b.place() == "after 1 a"
        ended = await b.end(run)
        assert (ended.status, ended.error) == ("error", "a: ValueError: no")


async def test_joined_envelopes_are_joined_again(bench):
    spec = graph("a b c d", "a>b+c b>d c>d")
    code = {"a": passes(), "b": passes(n=1), "c": passes(n=2), "d": says("d")}
    async with bench(spec, code) as b:
        await b.breaks({"node": "d"})
        run = await b.send()
        shown = await b.debug.show()
        assert shown["pending"]["d"]["sender"] == "b+c"
    async with bench(spec, code) as b:
        same(await b.debug.show(), shown)
        assert (await b.end(run)).status == "done"
        assert await b.replayed(run) == "exact 0/0"


async def test_it_stands_at_the_head_of_its_queue_and_can_be_cancelled(bench):
    spec, code = graph("a b", "a>b"), {"a": passes(), "b": says("fine")}
    async with bench(spec, code) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        second = await b.runtime.send("second")
        third = await b.runtime.send("third", channel="side")
        assert (await b.runtime.finished(third)).status == "done"
    async with bench(spec, code) as b:
        rows = (await b.runtime.runs(channel="main"))["runs"]
        assert [row["status"] for row in rows] == ["queued", "paused"]
        assert b.runtime.check()["ready"] is False
        assert [one.node for one in b.debug.breakpoints()] == ["b"]
        assert (await b.runtime.cancel(run.run_id)).status == "cancelled"
        assert [r["node"] for r in (await b.trace(run))["frames"]] == ["a"]
        await b.held()
        assert (await b.end(second)).response == "fine"


async def test_twice_and_in_two_channels(bench):
    spec, code = graph("a b c", "a>b b>c"), {"a": note, "b": passes(), "c": says("fine")}
    async with bench(spec, code) as b:
        await b.breaks({"node": "b"})
        await b.breaks({"node": "c"}, channel="side")
        runs = await b.send(), await b.send("there", "side")
    async with bench(spec, code) as b:
        assert (await b.place(), await b.place("side")) == ("before 2 b", "before 3 c")
        assert place((await b.debug.step("frame")).debug) == "before 3 c"
    async with bench(spec, code) as b:
        assert (await b.place(), await b.place("side")) == ("before 3 c", "before 3 c")
        for run, channel in zip(runs, ("main", "side"), strict=True):
            assert (await b.end(run, channel)).response == "noted fine"
            assert await b.replayed(run) == "exact 0/0"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (graph("a b", "a>b", budget=9), "these have changed since: graph"),
        (graph("a b", "a>b", name="other"), "no graph 'g'"),
    ],
    ids=["changed", "gone"],
)
async def test_a_graph_that_is_another_meanwhile_ends_it(bench, other, told):
    spec, code = graph("a b", "a>b"), {"a": note, "b": says("fine")}
    async with bench(spec, code) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
    async with bench(other, code) as b:
        ended = await b.runtime.finished(run)
        assert ended.status == "interrupted"
        assert told in ended.error
        assert [r["node"] for r in (await b.trace(run))["frames"]][:1] == ["a"]
        assert b.runtime.check()["ready"] is True


async def test_a_node_that_asks_something_else_than_its_journal_holds_ends_it(bench):
    words = iter(("one", "other"))

    async def unstable(ctx, envelope):
        await ctx.model([{"role": "user", "content": next(words)}])
        await ctx.model([{"role": "user", "content": "second"}])

    spec, code = graph("a"), {"a": unstable}
    async with bench(spec, code, model=ScriptedModel("m")) as b:
        await b.breaks({"on": "model", "when": "request.messages[0].content == 'second'"})
        run = await b.send()
    async with bench(spec, code, model=ScriptedModel("m")) as b:
        ended = await b.runtime.finished(run)
        assert ended.status == "interrupted"
        assert "asks something else" in ended.error


async def test_a_budget_that_held_it_once_does_not_again(bench):
    spec, code = graph("a b c", "a>b b>c"), {"a": asks, "b": asks, "c": says("ok")}
    async with bench(spec, code, model=ScriptedModel("m")) as b:
        await b.breaks({"on": "budget", "when": "tokens > 0"})
        run = await b.send()
    async with bench(spec, code, model=ScriptedModel("m")) as b:
        assert await b.place() == "after 1 a"
        await b.debug.resume()
        assert (await b.runtime.finished(run)).status == "done"


async def test_a_baseline_is_compared_with_after_a_restart_too(bench):
    spec, code = graph("a b", "a>b"), {"a": passes(), "b": says("ok")}
    async with bench(spec, code) as b:
        baseline = await b.runtime.finished(await b.runtime.send("hello"))
        await b.breaks({"on": "divergence", "baseline": baseline.run_id})
    async with bench(spec, code) as b:
        run = await b.send("other")
        assert await b.place() == "after 1 a"
        await b.end(run)


async def test_a_shutdown_does_not_wait_for_a_held_run(bench):
    spec, code = graph("a b", "a>b"), {"a": passes(), "b": says("fine")}
    async with asyncio.timeout(15), bench(spec, code, grace_s=3600.0) as b:
        await b.breaks({"node": "b"})
        await b.send()


async def test_working_time_goes_on_from_where_it_was(bench):
    async def busy(ctx, envelope):
        ctx._world.clock.ticks += 500
        return Envelope(kind="x")

    spec, code = graph("a b", "a>b"), {"a": busy, "b": busy}
    async with bench(spec, code) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
    async with bench(spec, code) as b:
        assert 1000 <= (await b.end(run)).total_ms < 1500


# An edited run that is interrupted later


@pytest.mark.parametrize("breakpoints", [[], [{"on": "model"}, {"node": "c"}]], ids=str)
async def test_what_was_edited_stays_edited_when_an_interrupted_run_is_resumed(bench, breakpoints):
    gate = Gate()

    async def stands(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": envelope.text}])
        await gate.node()(ctx, envelope)
        return Envelope(kind="x", text=reply.text)

    spec, code = graph("a b c", "a>b b>c"), {"a": passes(), "b": stands, "c": recalls}
    model = ScriptedModel(lambda request: request.messages[0]["content"])
    async with bench(spec, code, model=model) as b:
        await b.breaks({"node": "b"})
        run = await b.send()
        await b.edit("/pending/b/text", "edited")
        await b.edit("/memory/topic", "kept")
        await b.debug.resume()
        await gate.reached.wait()
        await b.breaks(*breakpoints)
    gate.open.set()
    async with bench(spec, code, model=model) as b:
        assert (await b.runtime.find(run.run_id)).status == "interrupted"
        again = await b.runtime.resume(run.run_id)
        if breakpoints:
            assert place(await b.held()) == "before 3 c"
            await b.debug.resume()
        ended = await b.runtime.finished(again)
        assert ended.response.endswith("kept None")
        records = (await b.trace(again))["frames"]
        assert records[1]["input"]["text"] == records[1]["output"]["text"] == "edited"
        assert len(model.asked) == 1


# However it is held, it is the same run


async def thinks(ctx, envelope):
    reply = await ctx.model([{"role": "user", "content": f"{ctx.role} {envelope.text}"}])
    found = await ctx.call("look", {"for": reply.text})
    ctx.remember(put("memory", ctx.role, value=found))
    ctx.say(f"{ctx.role}:{found} ")
    return Envelope(kind="t", text=f"{envelope.text}{found}")


WIDE = graph("a b c d e", "a>b+c+d b>e c>e", name="wide")
THINKING = dict.fromkeys("abcde", thinks)
HOLDS = [{}, {"on": "model"}, {"on": "tool"}, {"at": "after"}, {"node": "c"}, {"when": "ms > 1"}]
MOVES = ["frame", "node", "resume", "restart", 2, 3]


@pytest.mark.slow
@given(st.lists(st.sampled_from(HOLDS), max_size=3), st.lists(st.sampled_from(MOVES), max_size=12))
async def test_however_a_run_is_held_its_trace_is_that_of_a_run_nobody_held(breakpoints, moves):
    model = lambda: ScriptedModel(lambda request: f"r{request.messages[0]['content']}")  # noqa: E731
    look = FunctionTool("look", lambda arguments: f"[{arguments['for']}]")
    more = {"tools": (look,)}
    with TemporaryDirectory() as folder:

        @asynccontextmanager
        async def bench(name):
            store = SqliteStore(Path(folder) / name)
            async with runtime(WIDE, THINKING, store=store, model=model(), **more) as opened:
                yield Bench(opened)

        async with bench("free.db") as b:
            free = await b.trace(await b.runtime.finished(await b.runtime.send("hello")))
        stack = AsyncExitStack()
        b = await stack.enter_async_context(bench("held.db"))
        await b.breaks(*breakpoints)
        run = await b.runtime.send("hello")
        for move in moves:
            live = b.runtime._lanes.lives.get(run.n)
            while live is not None and not live.over and not (await b.debug.show())["held"]:
                await live.move()
            if live is None or live.over:
                break
            if move == "restart":
                await stack.aclose()
                b = await stack.enter_async_context(bench("held.db"))
            elif move == "resume":
                await b.debug.resume()
            elif isinstance(move, int):
                await b.debug.run_to(move)
            else:
                await b.debug.step(move)
        await b.breaks()
        if (await b.debug.show())["held"]:
            await b.debug.resume()
        await b.runtime.finished(await b.runtime.find(run.run_id))
        held = await b.trace(run)
        assert await b.replayed(run) == f"exact {len(free['effects'])}/{len(free['effects'])}"
        await stack.aclose()
    for trace in (free, held):
        trace.pop("run_id")
    assert timeless(held) == timeless(free)
