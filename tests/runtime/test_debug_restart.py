"""A hold outlives its process: the next one holds the run at the same place, edits included."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from rig import FunctionTool, ScriptedModel, graph, passes, runtime, says, settled_loop
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
    spec, code = graph("a b c", "a>b+c"), {"a": passes(), "b": calls, "c": asks}
    look = FunctionTool("look", lambda _arguments: "rows")
    async with bench(spec, code, tools=(look,), model=ScriptedModel("m")) as b:
        await b.breaks({"on": "model"})
        run = await b.runtime.send("hello")
        await b.held()
        await settled_loop()
        calls_before = len(look.calls)
    async with bench(spec, code, tools=(look,), model=ScriptedModel("m")) as b:
        assert await b.place() == "before 2.c.1.0"
        await settled_loop()
        assert len(look.calls) == calls_before
        assert (await b.end(run)).response == "found rows"
        assert await b.replayed(run) == "exact 2/2"


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
