"""Verbs of the runtime on live channels: send, act, cancel, clear, switch, head."""

import asyncio

import msgspec
import pytest
from rig import Gate, ScriptedModel, ask, graph, passes, raises, runtime, says, settled_loop

from agent.adapters.stores.memory import MemoryStore
from agent.core.controls import current
from agent.core.errors import (
    BadInput,
    Busy,
    Conflict,
    DiskFull,
    Overloaded,
    UnknownGraph,
    UnknownRun,
    Unprocessable,
)
from agent.core.events import Topic
from agent.core.runs import RunStatus
from agent.core.state import at, put

pytestmark = pytest.mark.anyio
ONE = graph("a")


def lines(reader) -> list:
    return [msgspec.json.decode(line) for line in reader.ready(10_000)]


def kinds(reader) -> list[str]:
    return [line["type"] for line in lines(reader)]


async def counts(ctx, envelope):
    """Count messages in the state and answer with the count."""
    count = (at(ctx.state, "memory", "count") or 0) + 1
    ctx.remember(put("memory", "count", value=count))
    ctx.say(f"{count}")


# Sending


async def test_a_message_is_answered_and_what_was_announced_is_stored():
    async with runtime(ONE, {"a": says("hi")}) as rt:
        chat, trace = rt.hub.reader(Topic.CHAT), rt.hub.reader(Topic.TRACE)
        run = await rt.send("hello")
        assert (run.status, run.alias, run.n) == (RunStatus.QUEUED, "msg_1", 1)
        done = await rt.finished(run)
        assert (done.status, done.response, done.total_frames) == (RunStatus.DONE, "hi", 1)
        assert await rt.result(None) == await rt.result("msg_1") == await rt.result(run.run_id)
        assert (await rt.result(None))["response"] == "hi"
        told = lines(chat)
        assert [t["type"] for t in told] == ["message", "delta", "message", "done"]
        assert [(t["role"], t["text"]) for t in told if t["type"] == "message"] == [
            ("user", "hello"),
            ("assistant", "hi"),
        ]
        seen = lines(trace)
        statuses = [e["status"] for e in seen if e["event"] == "run"]
        assert statuses == ["queued", "running", "done"]
        assert [e["event"] for e in seen][-1] == "frame_trace"
        assert [e["event"] for e in seen].count("frame_trace") == 1
        assert await rt.history(10) == [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hi"},
        ]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_a_blank_message_is_refused_and_uses_up_no_number(text):
    async with runtime(ONE, {"a": says("hi")}) as rt:
        with pytest.raises(BadInput, match="Missing 'text' field"):
            await rt.send(text)
        assert (await rt.send("x")).n == 1


async def test_a_text_without_end_is_refused():
    async with runtime(ONE, {"a": says("hi")}) as rt:
        with pytest.raises(Unprocessable, match="200001 characters, at most 200000"):
            await rt.send("x" * 200_001)


async def test_busy_is_judged_before_the_text_and_queueing_is_not_refused():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        first = await rt.send("1")
        with pytest.raises(Busy, match="Pipeline already running"):
            await rt.send(" ", queue=False)
        assert rt.check() == {
            "ready": False,
            "reason": "busy",
            "detail": "Pipeline already running",
        }
        second = await rt.send("2", queue=True)
        gate.open.set()
        assert [(await rt.finished(r)).status for r in (first, second)] == [RunStatus.DONE] * 2
        assert rt.check()["ready"]


async def test_queued_messages_run_in_the_order_they_came_and_know_their_place():
    gate, order = Gate(), []

    async def node(ctx, envelope):
        order.append(envelope.text)
        await gate.node()(ctx, envelope)

    async with runtime(ONE, {"a": node}) as rt:
        chat = rt.hub.reader(Topic.CHAT)
        sent = [await rt.send(str(n)) for n in range(5)]
        clicked = await rt.act("click")
        await gate.reached.wait()
        places = [line["position"] for line in lines(chat) if line["type"] == "queued"]
        assert places == [1, 2, 3, 4, 5]
        assert [p["position"] for p in rt.snapshot()["pending"]] == [1, 2, 3, 4, 5]
        assert rt.snapshot()["run"]["id"] == "msg_1"
        gate.open.set()
        for run in (*sent, clicked):
            await rt.finished(run)
        assert order == ["0", "1", "2", "3", "4", "click"]


async def test_channels_run_beside_each_other_and_share_nothing():
    gates = {"main": Gate("m"), "side": Gate("s")}

    async def node(ctx, envelope):
        ctx.remember(put("memory", "where", value=ctx.where["channel"]))
        await gates[ctx.where["channel"]].node()(ctx, envelope)

    async with runtime(ONE, {"a": node}) as rt:
        one, two = await rt.send("x"), await rt.send("y", channel="side")
        for gate in gates.values():
            await gate.reached.wait()
        gates["side"].open.set()
        assert (await rt.finished(two)).response == "s"
        assert rt.check()["reason"] == "busy"
        assert rt.check("side")["ready"]
        gates["main"].open.set()
        await rt.finished(one)
        assert rt.state("side")["memorizer"]["where"] == "side"
        assert [t["content"] for t in await rt.history(10, "side")] == ["y", "s"]
        assert [t["content"] for t in await rt.history(10)] == ["x", "m"]
        assert [t["run_id"] for t in _decoded(await rt.frames(10, None, "side"))["traces"]] == [
            two.run_id
        ]


def _decoded(value):
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65])
async def test_a_channel_needs_a_name(name):
    async with runtime(ONE, {"a": says("x")}) as rt:
        with pytest.raises(Unprocessable, match="is not a name"):
            await rt.send("x", channel=name)
        with pytest.raises(Unprocessable):
            rt.attach_chat("Ada", name)
        assert rt.chats == 0


async def test_a_chat_message_has_no_alias_and_is_not_the_newest_result():
    async with runtime(ONE, {"a": counts}) as rt:
        await ask(rt, "api")
        chat = await ask(rt, "chat", door="chat")
        assert chat.alias == ""
        assert (await rt.result(None))["id"] == "msg_1"
        with pytest.raises(UnknownRun):
            await rt.result("msg_2")
        assert (await rt.result(chat.run_id))["response"] == "2"


# Idempotency


async def test_the_same_key_and_body_is_the_same_run():
    async with runtime(ONE, {"a": counts}) as rt:
        one = await rt.send("x", key="k", body_hash="h")
        await rt.finished(one)
        two = await rt.send("x", key="k", body_hash="h", queue=False)
        assert one.run_id == two.run_id
        other = await rt.send("x", key="k", body_hash="h", channel="side")
        assert other.run_id != one.run_id
        assert len((await rt.runs())["runs"]) == 2


async def test_the_same_key_with_another_body_is_refused():
    async with runtime(ONE, {"a": counts}) as rt:
        await rt.send("x", key="k", body_hash="h")
        with pytest.raises(Unprocessable, match="another body"):
            await rt.send("y", key="k", body_hash="i")


class SlowStore(MemoryStore):
    """Answers a turn of the loop later, like a real one."""

    async def key(self, key):
        await asyncio.sleep(0)
        return await super().key(key)

    async def accept(self, run, key=None, rows=()):
        await super().accept(run, key, rows)
        await asyncio.sleep(0)


async def test_sends_with_one_key_at_the_same_time_are_one_run():
    async with runtime(ONE, {"a": counts}, store=SlowStore()) as rt:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(rt.send("x", key="k", body_hash="h")) for _ in range(10)]
        assert len({task.result().run_id for task in tasks}) == 1
        assert len((await rt.runs())["runs"]) == 1


async def test_when_the_first_of_two_is_refused_so_is_the_second_and_the_key_is_free():
    async with runtime(ONE, {"a": counts}, store=SlowStore()) as rt:
        refused = await asyncio.gather(
            *[rt.send(" ", key="k", body_hash="h") for _ in range(3)], return_exceptions=True
        )
        assert [type(error) for error in refused] == [BadInput] * 3
        assert (await ask(rt, "x", key="k", body_hash="i")).response == "1"


async def test_a_message_begins_at_once_for_a_sender_whom_nobody_waits_for():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        chat = rt.hub.reader(Topic.CHAT)
        later = await rt.send("one")
        assert not gate.reached.is_set(), "its sender answers first"
        await gate.reached.wait()
        behind = await rt.send("two", at_once=True)
        assert gate.visits == 1
        gate.open.set()
        assert [(await rt.finished(run)).status for run in (later, behind)] == [RunStatus.DONE] * 2
        gate.open.clear()
        gate.reached.clear()
        now = await rt.send("three", at_once=True)
        assert gate.reached.is_set()
        gate.open.set()
        await rt.finished(now)
        said = [line for line in lines(chat) if line["type"] == "message"]
        assert [line["text"] for line in said if line["role"] == "user"] == ["one", "two", "three"]


async def test_who_sends_at_once_and_leaves_still_gets_a_run():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:

        async def sends():
            run = await rt.send("one", at_once=True)
            await rt.finished(run)

        task = asyncio.create_task(sends())
        await gate.reached.wait()
        task.cancel()
        await asyncio.wait([task])
        gate.open.set()
        (listed,) = (await rt.runs())["runs"]
        run = await rt.finished(await rt.find(listed["run_id"]))
        assert (task.cancelled(), run.status) == (True, RunStatus.DONE)


# Acting


async def test_a_click_starts_after_the_input_node_and_is_an_action():
    spec = graph("input think ui", "input>think think>ui")
    seen = []

    async def think(ctx, envelope):
        seen.append(envelope)
        ctx.say("done")

    async with runtime(spec, {"input": passes(), "think": think, "ui": passes()}) as rt:
        run = await rt.finished(await rt.act("save", {"x": 1}))
        assert (run.kind, run.status, run.alias) == ("action", RunStatus.DONE, "")
        (envelope,) = seen
        assert (envelope.kind, envelope.text, envelope.data) == (
            "action",
            "save",
            {"action": "save", "data": {"x": 1}},
        )
        assert (await rt.history(10))[0]["content"] == "(clicked save)"


async def test_a_bound_click_is_one_frame_of_the_ui_without_post_frames():
    spec = graph("input ui p", "input>ui", post="p")

    async def make(ctx, envelope):
        button = {"label": "+", "action": "more", "payload": {"op": "inc", "var": "n", "step": 2}}
        await ctx.call("emit_actions", {"actions": [button]})

    async def ui(ctx, envelope):
        from agent.core import controls

        found = controls.resolve(
            at(ctx.state, "ui"), envelope.data["action"], envelope.data["data"]
        )
        ctx.remember(*found.changes)

    async with runtime(spec, {"input": make, "ui": ui, "p": says("post")}) as rt:
        await ask(rt, "make it")
        action = current(rt.state()["ui"])[0]["action"]
        run = await rt.finished(await rt.act(action))
        assert (run.status, run.total_frames) == (RunStatus.DONE, 1)
        assert at(rt.state()["ui"], "state", "n") == 2
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        assert ([r["node"] for r in trace["frames"]], trace.get("post_frames", [])) == (["ui"], [])
        assert len(await rt.history(10)) == 1, "a local click is no part of the conversation"


# Cancelling


async def test_a_running_run_is_cancelled_with_what_it_had_said():
    async def node(ctx, envelope):
        ctx.say("half")
        await gate.node()(ctx, envelope)

    gate = Gate()
    async with runtime(ONE, {"a": node}) as rt:
        run = await rt.send("x")
        await gate.reached.wait()
        ended = await rt.cancel("msg_1")
        assert (ended.status, ended.response, ended.error) == (
            RunStatus.CANCELLED,
            "half",
            "cancelled",
        )
        assert (await rt.cancel(run.run_id)).status is RunStatus.CANCELLED
        assert (await rt.result(None))["detail"] == "cancelled"
        (frame,) = msgspec.json.decode(await rt.trace("msg_1"))["frames"]
        assert frame["error"] == "cancelled"


async def test_cancelling_from_two_tabs_at_once_ends_one_run_and_no_more():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        run = await rt.send("x")
        await gate.reached.wait()
        ended = await asyncio.gather(*[rt.cancel(run.run_id) for _ in range(4)])
        assert {r.status for r in ended} == {RunStatus.CANCELLED}
        gate.open.set()
        assert (await ask(rt, "next")).status is RunStatus.DONE


async def test_a_node_that_will_not_be_cancelled_does_not_harm_the_runs_after_it():
    gate, stubborn = Gate(), asyncio.Event()

    async def node(ctx, envelope):
        if envelope.text != "stubborn":
            return await gate.node()(ctx, envelope)
        stubborn.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ctx.say("no")

    async with runtime(ONE, {"a": node}) as rt:
        first = await rt.send("stubborn")
        await stubborn.wait()
        assert (await rt.cancel(first.run_id)).status is RunStatus.CANCELLED
        second = await rt.send("x")
        await gate.reached.wait()
        assert (await rt.cancel(second.run_id)).status is RunStatus.CANCELLED
        gate.open.set()
        assert (await ask(rt, "y")).status is RunStatus.DONE


async def test_a_queued_run_is_cancelled_without_having_begun():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        first, second, third = [await rt.send(t) for t in "123"]
        await gate.reached.wait()
        ended = await rt.cancel(second.run_id)
        assert (ended.status, ended.started) == (RunStatus.CANCELLED, None)
        gate.open.set()
        assert (await rt.finished(third)).status is RunStatus.DONE
        assert (await rt.finished(first)).status is RunStatus.DONE
        assert gate.visits == 2
        assert [t["content"] for t in await rt.history(10) if t["role"] == "user"] == ["1", "3"]
        assert _decoded(await rt.frames(10, second.run_id))["last_trace"]["total_frames"] == 0


async def test_a_queued_run_is_cancelled_although_who_asked_for_it_has_left():
    gate, written = Gate(), asyncio.Event()

    class Store(MemoryStore):
        async def finish(self, run, *args, **more):
            await written.wait()
            await super().finish(run, *args, **more)

    async with runtime(ONE, {"a": gate.node()}, store=Store()) as rt:
        first, second = [await rt.send(t) for t in "12"]
        await gate.reached.wait()
        cancelling = asyncio.ensure_future(rt.cancel(second.run_id))
        await settled_loop()
        cancelling.cancel()
        await asyncio.wait([cancelling])
        written.set()
        assert (await rt.finished(second)).status is RunStatus.CANCELLED
        gate.open.set()
        assert (await rt.finished(first)).status is RunStatus.DONE


async def test_a_run_cancelled_before_its_first_node_never_asks_one():
    held, gate = asyncio.Event(), Gate()

    class Store(MemoryStore):
        async def put_blobs(self, texts):
            await held.wait()

    async with runtime(ONE, {"a": gate.node()}, store=Store()) as rt:
        run = await rt.send("x")
        await settled_loop()
        cancelling = asyncio.ensure_future(rt.cancel(run.run_id))
        await settled_loop()
        held.set()
        assert (await cancelling).status is RunStatus.CANCELLED
        assert gate.visits == 0


async def test_what_has_ended_stays_as_it_is():
    async with runtime(ONE, {"a": says("x")}) as rt:
        run = await ask(rt, "x")
        assert await rt.cancel(run.run_id) == run
        with pytest.raises(UnknownRun, match="'msg_9'"):
            await rt.cancel("msg_9")


async def test_every_run_has_one_terminal_status_and_one_trace_whatever_happens():
    gate = Gate()
    code = {"a": gate.node(), "b": raises(ValueError("no")), "c": says("fine")}
    specs = (graph("a"), graph("b", name="bad"), graph("c", name="good"))
    async with runtime(specs, code) as rt:
        trace = rt.hub.reader(Topic.TRACE)
        runs = [await rt.send(str(n)) for n in range(3)]
        await gate.reached.wait()
        await rt.cancel(runs[2].run_id)
        await rt.cancel(runs[0].run_id)
        gate.open.set()
        await rt.finished(runs[1])
        for name in ("bad", "good"):
            await rt.switch_graph(name)
            runs.append(await ask(rt, name))
        ends: dict[str, list[str]] = {run.run_id: [] for run in runs}
        for line in lines(trace):
            if line["event"] == "frame_trace" or line.get("status") in {
                "done",
                "error",
                "cancelled",
                "interrupted",
            }:
                ends[line["run_id"]].append(line.get("status", "trace"))
        assert list(ends.values()) == [
            ["cancelled", "trace"], ["done", "trace"], ["cancelled", "trace"], ["error", "trace"], ["done", "trace"]
        ]  # fmt: skip


# Clearing


async def test_clearing_while_busy_ends_all_runs_and_forgets_the_conversation():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        runs = [await rt.send(t) for t in "123"]
        await gate.reached.wait()
        chat = rt.hub.reader(Topic.CHAT)
        await rt.clear()
        assert kinds(chat)[-2:] == ["cleared", "controls"]
        assert {(await rt.numbered(r.n)).status for r in runs} == {RunStatus.CANCELLED}
        assert await rt.result(None) == {"status": "idle", "id": "", "stage": "cleared"}
        assert (await rt.history(10), rt.state()["history_len"]) == ([], 0)
        assert rt.state()["memorizer"]["facts"] == []
        gate.open.set()
        assert (await ask(rt, "new")).parent == 0
        assert len(_decoded(await rt.frames(10, None))["traces"]) == 4, "traces stay"


async def test_a_send_that_is_still_being_written_does_not_come_back_after_a_clear():
    held = asyncio.Event()

    class Store(MemoryStore):
        async def accept(self, run, key=None, rows=()):
            await super().accept(run, key, rows)
            await held.wait()

    async with runtime(ONE, {"a": says("x")}, store=Store()) as rt:
        sending = asyncio.ensure_future(rt.send("x"))
        await settled_loop()
        clearing = asyncio.ensure_future(rt.clear())
        await settled_loop()
        chat = rt.hub.reader(Topic.CHAT)
        held.set()
        run = await sending
        await clearing
        assert (await rt.finished(run)).status is RunStatus.CANCELLED
        assert "message" not in kinds(chat)
        assert (await rt.result(None))["stage"] == "cleared"


# Switching


BOTH = (graph("a", name="one"), graph("b", name="two"))


async def test_a_switch_keeps_history_and_memory_and_tells():
    async with runtime(BOTH, {"a": counts, "b": counts}) as rt:
        await ask(rt, "x")
        trace = rt.hub.reader(Topic.TRACE)
        answer = await rt.switch_graph("two")
        assert answer == {"status": "ok", "name": "two", "note": "Graph switched. WS re-attached."}
        (event,) = [line for line in lines(trace) if line["event"] == "graph_switched"]
        assert (event["name"], event["revision"]) == ("two", rt.graph()["revision"])
        run = await ask(rt, "y")
        assert (run.graph, run.response) == ("two", "2")
        assert [g["active"] for g in rt.graphs()["graphs"]] == [False, True]
        assert rt.graph("side")["name"] == "one"


async def test_a_switch_now_is_refused_while_busy_and_after_waits_its_turn():
    gate = Gate()
    async with runtime(BOTH, {"a": gate.node(), "b": says("two")}) as rt:
        first, second = await rt.send("1"), await rt.send("2")
        await gate.reached.wait()
        with pytest.raises(Busy, match='"after" or "cancel"'):
            await rt.switch_graph("two")
        switching = asyncio.ensure_future(rt.switch_graph("two", "after"))
        await settled_loop()
        third = await rt.send("3")
        assert not switching.done()
        gate.open.set()
        await switching
        graphs = [(await rt.finished(run)).graph for run in (first, second, third)]
        assert graphs == ["one", "one", "two"]


async def test_a_switch_that_cancels_ends_what_runs_and_what_waits():
    gate = Gate()
    async with runtime(BOTH, {"a": gate.node(), "b": says("two")}) as rt:
        runs = [await rt.send(t) for t in "12"]
        await gate.reached.wait()
        await rt.switch_graph("two", "cancel")
        assert {(await rt.finished(r)).status for r in runs} == {RunStatus.CANCELLED}
        assert (await ask(rt, "3")).response == "two"


async def test_an_unknown_graph_is_refused_and_nothing_changes():
    async with runtime(BOTH, {"a": says("x"), "b": says("y")}) as rt:
        with pytest.raises(UnknownGraph, match="installed: one, two"):
            await rt.switch_graph("three")
        assert rt.graph()["name"] == "one"


# Moving the head


async def test_moving_the_head_brings_back_state_and_history():
    async with runtime(ONE, {"a": counts}) as rt:
        runs = [await ask(rt, str(n)) for n in range(4)]
        answer = await rt.move_head(runs[1].run_id)
        assert answer == {"status": "ok", "head": runs[1].run_id, "history_len": 4}
        assert rt.state()["memorizer"]["count"] == 2
        assert [t["content"] for t in await rt.history(10)] == ["0", "1", "1", "2"]
        other = await ask(rt, "another way")
        assert (other.response, other.parent) == ("3", runs[1].n)
        await rt.move_head(runs[3].run_id)
        assert (await ask(rt, "back")).response == "5"


async def test_a_clear_can_be_undone():
    async with runtime(ONE, {"a": counts}) as rt:
        run = await ask(rt, "x")
        await rt.clear()
        await rt.move_head(run.run_id)
        assert rt.state()["memorizer"]["count"] == 1
        assert len(await rt.history(10)) == 2


async def test_a_head_of_another_channel_or_of_a_run_without_state_is_refused():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        side = await rt.send("x", channel="side")
        one, two = await rt.send("1"), await rt.send("2")
        await gate.reached.wait()
        with pytest.raises(Busy):
            await rt.move_head(side.run_id)
        await rt.cancel(two.run_id)
        gate.open.set()
        for run in (one, side):
            await rt.finished(run)
        with pytest.raises(Conflict, match="not of channel 'main'"):
            await rt.move_head(side.run_id)
        with pytest.raises(Conflict, match="left no state"):
            await rt.move_head(two.run_id)
        with pytest.raises(UnknownRun):
            await rt.move_head("msg_77")
        assert rt.state()["history_len"] == 2


# Long conversations


async def test_history_pages_beyond_the_window():
    async with runtime(ONE, {"a": counts}) as rt:
        for n in range(1, 36):
            await ask(rt, f"m{n}")
        everything = [c for n in range(1, 36) for c in (f"m{n}", str(n))]
        for last in (1, 3, 40, 41, 69, 70, 1000):
            assert [t["content"] for t in await rt.history(last)] == everything[-last:]
        assert rt.state()["history_len"] == 70
        assert len(rt.snapshot()["history"]) == 40


async def test_a_whole_state_is_kept_every_32_runs_and_deltas_between():
    store = MemoryStore()
    async with runtime(ONE, {"a": counts}, store=store) as rt:
        runs = [await ask(rt, f"m{n}") for n in range(70)]
        whole = [run.n for run in runs if (await store.end(run.n)).snapshot is not None]
        assert whole == [1, 33, 65]
        for run in (runs[0], runs[31], runs[32], runs[50], runs[69]):
            await rt.move_head(run.run_id)
            assert rt.state()["memorizer"]["count"] == run.n


# Asking


async def test_a_poll_changes_with_memory_or_history_only():
    gate = Gate()

    async def node(ctx, envelope):
        if envelope.text == "wait":
            await gate.node()(ctx, envelope)

    async with runtime(ONE, {"a": node}) as rt:
        first = rt.poll("")
        assert first["changed"]
        assert len(first["hash"]) == 12
        assert rt.poll(first["hash"]) == {"changed": False, "hash": first["hash"]}
        run = await rt.send("wait")
        await gate.reached.wait()
        assert not rt.poll(first["hash"])["changed"]
        gate.open.set()
        await rt.finished(run)
        after = rt.poll(first["hash"])
        assert (after["changed"], after["history_len"]) == (True, 2)
        assert [m["content"] for m in after["last_messages"]] == ["wait", "through"]
        await rt.clear()
        assert rt.poll(after["hash"])["hash"] == first["hash"]


async def test_progress_is_told_from_queue_to_answer():
    gate = Gate()

    async def node(ctx, envelope):
        ctx.think("hm")
        await gate.node()(ctx, envelope)
        await last.node()(ctx, envelope)

    last = Gate(" and out")
    async with runtime(ONE, {"a": node}) as rt:
        assert await rt.result(None) == {"status": "idle"}
        await rt.send("x")
        assert (await rt.result(None))["stage"] == "queued"
        await gate.reached.wait()
        thinking = await rt.result("msg_1")
        assert (thinking["status"], thinking["id"], thinking["stage"], thinking["event"], thinking["text"]) == (
            "running", "msg_1", "thinking", "thinking", "hm"
        )  # fmt: skip
        assert rt.snapshot()["run"]["said"] == ""
        gate.open.set()
        await last.reached.wait()
        streaming = await rt.result(None)
        assert (streaming["stage"], streaming["text"]) == ("streaming", "through")
        assert rt.snapshot()["run"]["said"] == "through"
        last.open.set()
        await rt.finished(await rt.find("msg_1"))
        assert (await rt.result(None))["response"] == "through and out"


async def test_a_page_that_comes_late_is_told_all_that_was_said_whatever_came_after_it():
    gate, after = Gate("half"), Gate("")

    async def node(ctx, envelope):
        await gate.node()(ctx, envelope)
        ctx.think("looking further")
        await after.node()(ctx, envelope)
        ctx.say(" and whole")

    remembers = Gate("")
    spec = graph("a memo", post="memo")
    async with runtime(spec, {"a": node, "memo": remembers.node()}) as rt:
        run = await rt.send("x")
        gate.open.set()
        await after.reached.wait()
        now = rt.snapshot()["run"]
        assert (now["stage"], now["text"], now["said"]) == ("thinking", "looking further", "half")
        result = await rt.result(None)
        assert (result["stage"], result["text"]) == ("thinking", "looking further")
        assert "said" not in result
        after.open.set()
        await remembers.reached.wait()
        assert rt.snapshot()["run"]["said"] == "half and whole"
        remembers.open.set()
        await rt.finished(run)
        assert rt.snapshot()["run"] is None


async def test_runs_are_paged_by_id():
    async with runtime(ONE, {"a": says("x")}) as rt:
        runs = [await ask(rt, str(n)) for n in range(5)]
        first = await rt.runs(limit=2)
        assert [r["n"] for r in first["runs"]] == [5, 4]
        second = await rt.runs(limit=3, before=first["next"])
        assert [r["run_id"] for r in second["runs"]] == [r.run_id for r in reversed(runs[:3])]
        with pytest.raises(Unprocessable, match="before='x'"):
            await rt.runs(before="x")
        for private in ("base", "sensor", "dashboard"):
            assert private not in first["runs"][0]


@pytest.mark.parametrize(
    "name", ["msg_2", "msg_0", "nonsense", "r-000000000001-ffff", "r-000000000009-0000"]
)
async def test_what_names_no_run_is_unknown(name):
    async with runtime(ONE, {"a": says("x")}) as rt:
        await ask(rt, "x")
        for question in (rt.run, rt.trace, rt.result, rt.cancel, rt.replay, rt.move_head):
            with pytest.raises(UnknownRun):
                await question(name)


# Trouble


async def test_a_node_that_fails_ends_the_run_and_the_channel_goes_on():
    async def node(ctx, envelope):
        if envelope.text == "bad":
            raise ValueError("no")
        ctx.say("ok")

    async with runtime(ONE, {"a": node}) as rt:
        chat = rt.hub.reader(Topic.CHAT)
        run = await ask(rt, "bad")
        assert (run.status, run.error) == (RunStatus.ERROR, "a: ValueError: no")
        assert [(x["type"], x.get("detail")) for x in lines(chat)][-2:] == [
            ("error", "a: ValueError: no"),
            ("done", None),
        ]
        assert (await rt.result(None))["status"] == "error"
        assert (await ask(rt, "good")).response == "ok"


async def test_a_store_that_refuses_to_accept_leaves_no_trace_of_the_send():
    class Store(MemoryStore):
        full = True

        async def accept(self, run, key=None, rows=()):
            if self.full:
                raise DiskFull("the disk is full")
            await super().accept(run, key, rows)

    store = Store()
    async with runtime(ONE, {"a": counts}, store=store) as rt:
        chat = rt.hub.reader(Topic.CHAT)
        with pytest.raises(DiskFull):
            await rt.send("x", key="k", body_hash="h")
        assert (rt.check()["ready"], lines(chat)) == (True, [])
        store.full = False
        assert (await ask(rt, "x", key="k", body_hash="h")).response == "1"


async def test_a_switch_that_cannot_be_written_says_so_and_the_channel_goes_on():
    class Store(MemoryStore):
        async def save_channel(self, channel):
            raise DiskFull("the disk is full")

    async with runtime(BOTH, {"a": says("x"), "b": says("y")}, store=Store()) as rt:
        with pytest.raises(DiskFull):
            await rt.switch_graph("two")
        assert (await ask(rt, "still there")).status is RunStatus.DONE


async def test_who_leaves_while_sending_still_gets_a_run():
    async with runtime(ONE, {"a": counts}, store=SlowStore()) as rt:
        task = asyncio.ensure_future(rt.send("x"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert (await ask(rt, "y")).response == "2"
        assert [r["status"] for r in (await rt.runs())["runs"]] == ["done", "done"]


async def test_going_down_takes_nothing_more_and_lets_the_active_run_end():
    gate = Gate()
    async with runtime(ONE, {"a": gate.node()}) as rt:
        run = await rt.send("x")
        await gate.reached.wait()
        draining = asyncio.ensure_future(rt.drain(20))
        await settled_loop()
        with pytest.raises(Overloaded, match="shutting down"):
            await rt.send("y")
        gate.open.set()
        await draining
        assert (await rt.finished(run)).status is RunStatus.DONE


async def test_the_history_a_node_is_given_is_the_conversation_before_it():
    seen = []

    async def node(ctx, envelope):
        seen.append([turn.content for turn in ctx.history])
        ctx.say(f"re {envelope.text}")

    async with runtime(ONE, {"a": node}, model=ScriptedModel()) as rt:
        for n in range(22):
            await ask(rt, str(n))
    assert seen[0] == []
    assert seen[2] == ["0", "re 0", "1", "re 1"]
    assert len(seen[21]) == 40
    assert seen[21][-1] == "re 20"
