"""What the next process finds: everything that was acknowledged, and nothing that was not."""

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest
from rig import FunctionTool, Gate, ScriptedModel, ask, graph, passes, runtime, says, settled_loop

from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import Busy, Conflict
from agent.core.events import Topic
from agent.core.runs import Run, RunStatus
from agent.core.state import at, put
from agent.runtime.hub import BLOCK

pytestmark = pytest.mark.anyio
ONE = graph("a")


@pytest.fixture
def store(tmp_path):
    """Give ``store()``: another store on the same file; the runtime closes it."""
    return lambda: SqliteStore(tmp_path / "framescope.db")


async def counts(ctx, envelope):
    count = (at(ctx.state, "memory", "count") or 0) + 1
    ctx.remember(put("memory", "count", value=count))
    ctx.say(f"{count}")


async def cut_off(rt, gate) -> None:
    """Be sure that the runtime goes down while ``gate`` is being stood before."""
    await gate.reached.wait()
    await rt._parts.store.save_record("barrier", 1)  # everything before it is on disk


async def test_everything_is_there_again(store):
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        rt.attach_chat("Ada")
        runs = [await ask(rt, f"m{n}") for n in range(45)]
        await ask(rt, "side", channel="side")
        asked = (
            rt.poll(""),
            await rt.history(1000),
            await rt.result(None),
            await rt.runs(),
            rt.state(),
        )
        trace = await rt.trace(runs[7].run_id)
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        assert (
            rt.poll(""),
            await rt.history(1000),
            await rt.result(None),
            await rt.runs(),
        ) == asked[:4]
        assert rt.state()["memorizer"] == asked[4]["memorizer"]
        assert await rt.trace("msg_8") == trace
        assert [t["content"] for t in await rt.history(10, "side")] == ["side", "1"]
        run = await ask(rt, "next")
        assert (run.response, run.alias, run.n, run.parent) == ("46", "msg_47", 47, 45)
        assert run.identity == "Ada"


async def test_two_processes_never_give_out_the_same_number_or_id(store):
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        first = await ask(rt, "x")
        last = rt.hub.last
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        reader = rt.hub.reader(Topic.TRACE, since=last)
        second = await ask(rt, "y")
        assert second.run_id > first.run_id
        (gap, *lines) = [msgspec.json.decode(line) for line in reader.ready(1000)]
        assert (gap["event"], gap["from"]) == ("gap", last + 1)
        assert lines[0]["seq"] == gap["to"] + 1
        assert lines[0]["seq"] % BLOCK == 1


async def test_a_clear_and_a_switch_outlive_the_process(store):
    specs = (graph("a", name="one"), graph("a", name="two"))
    async with runtime(specs, {"a": counts}, store=store()) as rt:
        await ask(rt, "x")
        await rt.switch_graph("two")
        await rt.clear()
    async with runtime(specs, {"a": counts}, store=store()) as rt:
        assert rt.graph()["name"] == "two"
        assert await rt.history(10) == []
        assert (await rt.result(None))["stage"] == "cleared"
        assert (await ask(rt, "y")).response == "1"


async def test_a_graph_that_is_gone_is_replaced_by_the_default_one(store):
    specs = (graph("a", name="one"), graph("a", name="two"))
    async with runtime(specs, {"a": counts}, store=store()) as rt:
        await rt.switch_graph("two")
        await ask(rt, "x")
    async with runtime(specs[0], {"a": counts}, store=store()) as rt:
        assert rt.graph()["name"] == "one"
        assert (await ask(rt, "y")).response == "2"
        assert msgspec.json.decode(await rt.trace("msg_1"))["graph"] == "two"


async def test_a_moved_head_stays_moved(store):
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        runs = [await ask(rt, str(n)) for n in range(3)]
        await rt.move_head(runs[0].run_id)
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        assert (await ask(rt, "again")).response == "2"


async def test_an_idempotency_key_outlives_the_process(store):
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        run = await ask(rt, "x", key="k", body_hash="h")
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        assert (await rt.send("x", key="k", body_hash="h")).run_id == run.run_id
        assert len((await rt.runs())["runs"]) == 1


async def test_queued_runs_go_on_in_order_and_the_running_one_is_interrupted(store):
    gate, order = Gate(), []

    async def node(ctx, envelope):
        order.append(envelope.text)
        if envelope.text == "0":
            ctx.say("half")
            await gate.node()(ctx, envelope)
        ctx.say(f"re {envelope.text}")

    async with runtime(ONE, {"a": node}, store=store()) as rt:
        runs = [await rt.send(str(n)) for n in range(4)]
        await cut_off(rt, gate)
    gate.open.set()
    async with runtime(ONE, {"a": node}, store=store()) as rt:
        ended = [await rt.finished(run) for run in runs]
        assert [r.status for r in ended] == [RunStatus.INTERRUPTED] + [RunStatus.DONE] * 3
        assert [r.run_id for r in ended] == [r.run_id for r in runs]
        assert order == ["0", "1", "2", "3"], "nothing runs twice"
        assert (await rt.result("msg_1"))["status"] == "interrupted"
        assert (await rt.result("msg_1"))["stage"] == "error"
        assert [t["content"] for t in await rt.history(20)] == [
            "0",
            "1",
            "re 1",
            "2",
            "re 2",
            "3",
            "re 3",
        ]
        assert [r.parent for r in ended[1:]] == [r.n for r in ended[:3]]


def as_after_a_kill(file):
    """Copy what is on disk now: what a process that dies here leaves behind."""
    copy = file.with_name("copy.db")
    with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    return SqliteStore(copy)


async def test_an_interrupted_run_keeps_its_frames_and_shows_where_it_was_cut(store, tmp_path):
    spec, gate = graph("a b c", "a>b+c"), Gate()

    async def first(ctx, envelope):
        ctx.remember(put("memory", "seen", value=True))
        await ctx.call("look", {})
        ctx.say("one ")
        return await passes()(ctx, envelope)

    async def second(ctx, envelope):
        ctx.remember(put("memory", "never", value=True))
        ctx.say("two ")
        await ctx.call("wait", {})

    def wait(_arguments):
        gate.reached.set()
        return asyncio.get_running_loop().create_future()

    tools = FunctionTool("look", lambda _: 1), FunctionTool("wait", wait)
    code = {"a": first, "b": second, "c": says("three")}
    async with runtime(spec, code, store=store(), tools=tools) as rt:
        run = await rt.send("x")
        await cut_off(rt, gate)
        left = as_after_a_kill(tmp_path / "framescope.db")
    async with runtime(spec, code, store=left, tools=tools) as rt:
        ended = await rt.finished(run)
        assert (ended.status, ended.response, ended.path) == (
            RunStatus.INTERRUPTED,
            "one ",
            "a+b+c",
        )
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        assert [(f["frame"], f["node"], f.get("error", "")) for f in trace["frames"]] == [
            (1, "a", ""), (2, "b", "interrupted"), (2, "c", "interrupted")
        ]  # fmt: skip
        assert trace["outcome"] == "interrupted"
        known, unknown = trace["effects"]
        assert (known["effect_id"], known["response"]) == ("1.a.1.0", 1)
        assert unknown["effect_id"] == "2.b.1.0"
        assert "ended" not in unknown, "its outcome is unknown"
        assert rt.state()["memorizer"]["seen"] is True
        assert "never" not in rt.state()["memorizer"]
        verdict = await rt.replay(run.run_id)
        assert verdict["verdict"] == "incomplete"
        assert len(tools[1].calls) == 1, (
            "an effect with an unknown outcome is never silently repeated"
        )


async def test_an_interrupted_click_was_cut_where_clicks_begin(store):
    spec, gate = graph("input think", "input>think"), Gate()
    code = {"input": passes(), "think": gate.node()}
    async with runtime(spec, code, store=store()) as rt:
        run = await rt.act("go")
        await cut_off(rt, gate)
    async with runtime(spec, code, store=store()) as rt:
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        assert [f["node"] for f in trace["frames"]] == ["think"]
        assert trace["frames"][0]["started"] >= run.created


async def test_a_run_that_was_cut_in_its_post_frames_is_interrupted_with_its_answer(store):
    spec, gate = graph("a p", post="p"), Gate()
    code = {"a": says("answer"), "p": gate.node()}
    async with runtime(spec, code, store=store()) as rt:
        run = await rt.send("x")
        await cut_off(rt, gate)
    async with runtime(spec, code, store=store()) as rt:
        ended = await rt.finished(run)
        assert (ended.status, ended.response) == (RunStatus.INTERRUPTED, "answer")


async def test_a_second_restart_finds_the_interrupted_run_as_it_was(store):
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}, store=store()) as rt:
        run = await rt.send("x")
        await cut_off(rt, gate)
    async with runtime(ONE, {"a": gate.node()}, store=store()) as rt:
        once = (await rt.numbered(run.n), await rt.trace(run.run_id))
    async with runtime(ONE, {"a": gate.node()}, store=store()) as rt:
        assert (await rt.numbered(run.n), await rt.trace(run.run_id)) == once
        assert (await rt.find("msg_1")).status is RunStatus.INTERRUPTED


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
async def test_a_replay_that_was_cut_never_keeps_the_next_start_from_starting(store, status):
    first = store()
    first.load()
    replay = Run(
        n=1, run_id="r-000000000001-0000", kind="replay", status=status, channel="", text="x",
        graph="g", revision="x", created=1.0, replay_of="r-0",
    )  # fmt: skip
    await first.accept(replay)
    await first.close()
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        assert (await rt.find(replay.run_id)).status.terminal
        assert (await ask(rt, "x")).n == 2


async def test_what_never_began_has_nothing_to_replay(store):
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}, store=store()) as rt:
        await rt.send("1")
        second = await rt.send("2")
        await rt.cancel(second.run_id)
        with pytest.raises(Conflict, match="never began"):
            await rt.replay(second.run_id)
        with pytest.raises(Conflict, match="can be replayed when ended"):
            await rt.replay("msg_1")
        gate.open.set()


async def test_the_rows_of_a_run_are_numbered_without_holes(store, tmp_path):
    async def busy(ctx, envelope):
        ctx.now()
        await ctx.call("pay", {})
        await ctx.model([{"role": "user", "content": "x"}])
        return await passes()(ctx, envelope)

    spec, tool = graph("a b", "a>b"), FunctionTool("pay", lambda _: 1, effect="write")
    async with runtime(spec, {"a": busy, "b": busy}, store=store(), tools=(tool,)) as rt:
        run = await ask(rt, "x")
    with closing(sqlite3.connect(tmp_path / "framescope.db")) as db:
        rows = [row for (row,) in db.execute("SELECT id FROM journal ORDER BY id")]
    assert rows == [run.n << 20 | index for index in range(1, 15)]


async def test_a_frame_and_its_changes_are_one_row(store):
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        run = await ask(rt, "x")
        (row,) = await rt._parts.store.rows(run.n)
        assert row.records[0].changes == (put("memory", "count", value=1),)
        assert row.records[0].said == "1"


async def test_a_refused_write_intent_leaves_no_hole(store):
    class Refusing(SqliteStore):
        async def secure(self, n, index, row):
            from agent.core.errors import DiskFull

            raise DiskFull("the disk is full")

    async def pays(ctx, envelope):
        await ctx.call("pay", {})

    tool = FunctionTool("pay", lambda _: 1, effect="write")
    made = store()
    made.__class__ = Refusing
    async with runtime(ONE, {"a": pays}, store=made, tools=(tool,)) as rt:
        run = await ask(rt, "x")
        assert (run.status, tool.calls) == (RunStatus.ERROR, [])
        assert "disk_full" in run.error
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        assert [f["node"] for f in trace["frames"]] == ["a"]


async def test_the_board_keeps_the_latest_finished_suite(store):
    from agent.core.checks import Post

    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        await rt.board.take(Post(event="suite_start", suite="s", count=1))
        await rt.board.take(
            Post(event="step_result", result={"step": "1", "check": "c", "status": "PASS"})
        )
        await rt.board.take(Post(event="suite_end"))
        await settled_loop()
    async with runtime(ONE, {"a": counts}, store=store()) as rt:
        assert (await rt._parts.store.record("tests"))["passed"] == 1


async def test_models_are_not_asked_again_for_what_is_recorded(store):
    model = ScriptedModel("hi")

    async def node(ctx, envelope):
        await ctx.model([{"role": "user", "content": envelope.text}], on_text=ctx.say)

    async with runtime(ONE, {"a": node}, store=store(), model=model) as rt:
        run = await ask(rt, "x")
    async with runtime(ONE, {"a": node}, store=store(), model=model) as rt:
        assert (await rt.replay(run.run_id))["verdict"] == "exact"
        assert len(model.asked) == 1


async def test_cancelling_who_waits_never_takes_back_the_head_of_who_ends(store, tmp_path):
    gate, held = Gate(), store()
    finish = held.finish

    async def finishing(run, *what, **how):
        writing = asyncio.create_task(finish(run, *what, **how))
        if run.text == "first":
            await asyncio.sleep(0)  # its row is on the way, the channel does not know yet
            await rt.cancel(waiting.run_id)
        await writing

    held.finish = finishing
    async with runtime(ONE, {"a": gate.node()}, store=held) as rt:
        first = await rt.send("first")
        waiting = await rt.send("second")
        await gate.reached.wait()
        gate.open.set()
        await rt.finished(first)
        with closing(sqlite3.connect(tmp_path / "framescope.db")) as db:
            (row,) = db.execute("SELECT body FROM channels").fetchone()
    assert msgspec.json.decode(row)["head"] == first.n


async def test_the_head_does_not_move_under_a_run_that_begins_meanwhile(store):
    held = store()
    lineage = held.lineage
    async with runtime(ONE, {"a": counts}, store=held) as rt:
        first, _second = await ask(rt, "1"), await ask(rt, "2")
        sent = []

        async def reading(*what, **how):
            ends = await lineage(*what, **how)
            sent.append(await rt.send("3"))
            return ends

        held.lineage = reading
        with pytest.raises(Busy):
            await rt.move_head(first.run_id)
        held.lineage = lineage
        assert (await rt.finished(sent[0])).response == "3"
        assert rt.state()["history_len"] == 6
