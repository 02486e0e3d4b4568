"""The tick loop: who runs together, what merges in which order, and when it ends."""

import asyncio
from contextlib import suppress

import pytest
from rig import STALL_S, Gate, graph, passes, play, raises, returns, says, stage, timeless

from agent.core.errors import NodeFailed
from agent.core.events import FrameClosed, FrameOpened, Streaming
from agent.core.frames import Envelope
from agent.core.state import at, put

pytestmark = pytest.mark.anyio


def shape(records) -> list[tuple[int, str, str, str]]:
    return [(r.frame, r.node, r.route, r.condition) for r in records]


async def test_one_node_is_one_frame():
    played = await play(graph("a"), {"a": says("hi")})
    assert shape(played.going.frames) == [(1, "a", "", "")]
    assert (played.going.ticks, played.going.response, played.going.error) == (1, "hi", "")


async def test_nodes_of_one_tick_share_its_number_in_declared_order():
    code = {"a": passes(), "b": passes(), "c": passes(), "d": says("end")}
    played = await play(graph("a d c b", "a>b+c b>d c>d"), code)
    assert shape(played.going.frames) == [
        (1, "a", "b+c", ""), (2, "c", "d", ""), (2, "b", "d", ""), (3, "d", "", "")
    ]  # fmt: skip


async def test_of_several_edges_the_first_whose_condition_holds_is_taken():
    trivial = {"perception": {"intent": "social", "complexity": "trivial"}}
    spec = graph("a b c", "a>b?reflex a>c")
    code = {"b": says("short"), "c": says("long")}
    short = await play(spec, {**code, "a": passes(**trivial)})
    long = await play(spec, {**code, "a": passes()})
    assert shape(short.going.frames)[0] == (1, "a", "b", "reflex=True")
    assert shape(long.going.frames)[0] == (1, "a", "c", "")
    assert (short.going.response, long.going.response) == ("short", "long")


async def test_a_node_without_output_leads_nowhere():
    played = await play(graph("a b", "a>b"), {"a": says("x"), "b": says("y")})
    assert shape(played.going.frames) == [(1, "a", "", "")]


async def test_an_output_that_no_edge_takes_ends_the_way():
    played = await play(graph("a b", "a>b?reflex"), {"a": passes(), "b": says("y")})
    assert shape(played.going.frames) == [(1, "a", "", "")]
    assert played.going.error == ""


async def test_several_envelopes_for_one_node_are_joined_in_declared_order():
    seen = []

    async def join(ctx, envelope):
        seen.append(envelope)

    code = {"a": passes(), "b": passes(n=1), "c": passes(n=2), "e": passes(n=3), "d": join}
    played = await play(graph("a e c b d", "a>b+c+e b>d c>d e>d"), code, message="m")
    (joined,) = seen
    assert (joined.kind, joined.sender) == ("join", "e+c+b")
    assert joined.text == "m>a>e\nm>a>c\nm>a>b"
    assert [(p["sender"], p["data"]) for p in joined.data["parts"]] == [
        ("e", {"n": 3}), ("c", {"n": 2}), ("b", {"n": 1})
    ]  # fmt: skip
    assert played.going.frames[-1].visit == 1


async def test_a_node_that_calls_its_own_envelope_a_join_can_be_joined():
    fake = Envelope(kind="join", text="mine", data={"parts": "no list"})
    code = {"a": passes(), "b": returns(fake), "c": returns(fake), "d": says("fine")}
    played = await play(graph("a b c d", "a>b+c b>d c>d"), code)
    assert (played.going.error, played.going.response) == ("", "fine")
    assert [p["text"] for p in played.going.frames[-1].input.data["parts"]] == ["mine", "mine"]


async def test_the_sender_is_the_node_whatever_it_says():
    played = await play(
        graph("a b", "a>b"), {"a": returns(Envelope(kind="x", sender="b")), "b": says("")}
    )
    assert played.going.frames[1].input.sender == "a"
    assert played.going.frames[0].output.sender == "a"


async def test_visits_are_counted_per_node():
    async def again(ctx, envelope):
        return Envelope(kind="x") if ctx.visit < 3 else None

    played = await play(graph("a b", "a>b b>a"), {"a": again, "b": passes()})
    assert [(r.frame, r.node, r.visit) for r in played.going.frames] == [
        (1, "a", 1), (2, "b", 1), (3, "a", 2), (4, "b", 2), (5, "a", 3)
    ]  # fmt: skip


async def test_a_circle_ends_with_the_frame_budget():
    played = await play(graph("a b", "a>b b>a", budget=5), {"a": passes(), "b": passes()})
    assert played.going.error == "budget_exceeded: 5 frames, b still pending"
    assert played.going.ticks == len(played.going.frames) == 5


async def test_the_budget_is_no_fault_when_just_enough():
    played = await play(graph("a b", "a>b", budget=2), {"a": passes(), "b": says("x")})
    assert (played.going.error, played.going.ticks) == ("", 2)


# Failing


async def test_a_failing_node_does_not_cancel_its_siblings():
    finished = []

    async def slow(ctx, envelope):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        finished.append(ctx.role)
        ctx.say("still here")

    code = {"a": passes(), "b": raises(ValueError("no")), "c": slow, "d": slow}
    played = await play(graph("a b c d", "a>b+c+d"), code)
    assert sorted(finished) == ["c", "d"]
    assert [(r.node, r.error, r.said) for r in played.going.frames[1:]] == [
        ("b", "ValueError: no", ""), ("c", "", "still here"), ("d", "", "still here")
    ]  # fmt: skip


async def test_of_several_errors_the_first_in_declared_order_counts():
    started = asyncio.Event()

    async def late(ctx, envelope):
        await started.wait()
        raise ValueError("declared first, failed last")

    async def early(ctx, envelope):
        started.set()
        raise ValueError("declared last, failed first")

    code = {"a": passes(), "b": late, "c": early}
    played = await play(graph("a b c", "a>b+c"), code)
    assert played.going.error == "b: ValueError: declared first, failed last"
    assert [r.error for r in played.going.frames[1:]] == [
        "ValueError: declared first, failed last", "ValueError: declared last, failed first"
    ]  # fmt: skip


async def test_after_an_error_nothing_follows_and_the_post_nodes_rest():
    code = {
        "a": passes(),
        "b": raises(ValueError("no")),
        "c": passes(),
        "d": says("d"),
        "p": says("p"),
    }
    played = await play(graph("a b c d p", "a>b+c c>d", post="p"), code)
    assert [r.node for r in played.going.frames] == ["a", "b", "c"]
    assert played.going.post_frames == []


class Odd(BaseException):
    """Neither an Exception nor anything of asyncio's."""


@pytest.mark.parametrize(
    ("error", "story"),
    [
        (ValueError("no"), "ValueError: no"),
        (NodeFailed("a said so"), "node_failed: a said so"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (asyncio.CancelledError(), "CancelledError: "),
        (GeneratorExit(), "GeneratorExit: "),
        (Odd("odd"), "Odd: odd"),
        (RecursionError("deep"), "RecursionError: deep"),
        (MemoryError(), "MemoryError: "),
        (ExceptionGroup("two", [ValueError("x")]), "ValueError: x"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("alone", [True, False])
async def test_whatever_a_node_raises_is_its_own_error(error, story, alone):
    spec = graph("b") if alone else graph("a b c", "a>b+c")
    played = await play(spec, {"a": passes(), "b": raises(error), "c": says("sibling")})
    assert played.going.error == f"b: {story}"
    if not alone:
        assert played.going.response == "sibling"


class Subclass(Envelope, frozen=True, kw_only=True):
    """An envelope all the same."""


def type_of(value: object) -> str:
    """Name a case without the address of an object, which no two processes share."""
    return type(value).__name__


@pytest.mark.parametrize(
    "value",
    [0, "text", {}, object(), Envelope, NotImplemented, [Envelope(kind="x")],
     Envelope(kind="x", data=object()), Envelope(kind="x", text=5), Envelope(kind=None),
     Envelope(kind="x", data={"a": {1: object()}}), Envelope(kind="x", data="\ud800"),
     Envelope(kind="x", text="\ud800")],
    ids=type_of,
)  # fmt: skip
@pytest.mark.parametrize("alone", [True, False])
async def test_rubbish_from_a_node_is_its_error_and_says_what_was_expected(value, alone):
    spec = graph("b") if alone else graph("a b c", "a>b+c")
    played = await play(spec, {"a": passes(), "b": returns(value), "c": says("sibling")})
    assert played.going.error.startswith("b: returned ")
    assert "Envelope" in played.going.error
    if not alone:
        assert played.going.response == "sibling"


async def test_an_envelope_of_a_subclass_is_an_envelope():
    played = await play(
        graph("a b", "a>b"), {"a": returns(Subclass(kind="x", text="t")), "b": says("ok")}
    )
    assert played.going.response == "ok"


@pytest.mark.parametrize("text", [5, None, b"x", ["x"]], ids=str)
async def test_what_is_said_must_be_text(text):
    async def node(ctx, envelope):
        ctx.say(text)
        ctx.say("after")

    played = await play(graph("a"), {"a": node})
    if text is None:  # nothing to say is nothing said
        assert played.going.response == "after"
    else:
        assert played.going.error.startswith("a: TypeError")
        assert played.going.response == ""


# State


async def test_a_change_is_seen_by_its_node_at_once_and_by_others_in_the_next_frame():
    seen = {}

    async def writer(ctx, envelope):
        ctx.remember(put("k", value=ctx.role))
        seen[ctx.role] = at(ctx.state, "k")
        await asyncio.sleep(0)
        seen[f"{ctx.role} later"] = at(ctx.state, "k")
        return Envelope(kind="x")

    async def reader(ctx, envelope):
        await asyncio.sleep(0)
        seen[ctx.role] = at(ctx.state, "k")
        return

    code = {"a": passes(), "b": writer, "c": writer, "d": reader, "e": reader}
    played = await play(graph("a b c d e", "a>b+c+d b>e"), code, state={"k": "old"})
    assert seen == {"b": "b", "b later": "b", "c": "c", "c later": "c", "d": "old", "e": "c"}
    assert played.going.state == {"k": "c"}


async def test_changes_of_a_node_that_failed_are_kept_as_it_made_them():
    async def node(ctx, envelope):
        ctx.remember(put("k", value=1))
        raise ValueError

    played = await play(graph("a"), {"a": node}, state={})
    assert played.going.frames[0].changes == (put("k", value=1),)
    assert played.going.state == {"k": 1}


async def test_the_state_a_node_was_given_stays_as_it_was():
    held = []

    async def holder(ctx, envelope):
        held.append(ctx.state)
        return Envelope(kind="x")

    async def writer(ctx, envelope):
        ctx.remember(put("k", value={"deep": 2}))

    state = {"k": {"deep": 1}}
    played = await play(graph("a b", "a>b"), {"a": holder, "b": writer}, state=state)
    assert held == [{"k": {"deep": 1}}]
    assert state == {"k": {"deep": 1}}
    assert played.going.state == {"k": {"deep": 2}}


# Post-frames


async def test_post_nodes_come_after_the_answer_in_one_tick_that_is_not_counted():
    got = []

    async def post(ctx, envelope):
        got.append((ctx.role, ctx.frame, envelope.kind, envelope.text, envelope.data))
        ctx.remember(put(ctx.role, value=1))

    code = {"a": says("answer"), "p": post, "q": post}
    played = await play(graph("a p q", post="p q"), code, message="question", state={})
    assert got == [
        ("p", 2, "turn", "question", {"response": "answer"}),
        ("q", 2, "turn", "question", {"response": "answer"}),
    ]
    assert played.going.ticks == 1
    assert [r.node for r in played.going.frames] == ["a"]
    assert [r.node for r in played.going.post_frames] == ["p", "q"]
    assert played.going.state == {"p": 1, "q": 1}
    assert [row.post for row in played.notes.rows] == [False, True]


async def test_what_a_post_node_says_is_no_part_of_the_answer():
    played = await play(graph("a p", post="p"), {"a": says("answer"), "p": says("psst")})
    assert played.going.response == "answer"


# Paths, events


@pytest.mark.parametrize(
    ("data", "name"),
    [({"perception": {"intent": "social", "complexity": "trivial"}}, "short"), ({}, "long")],
)
async def test_the_first_visited_role_of_the_table_names_the_path(data, name):
    spec = graph("a b c", "a>c?reflex a>b b>c", paths="long=b short=c")
    played = await play(spec, {"a": passes(**data), "b": passes(), "c": says("x")})
    assert played.going.path == name


async def test_a_way_without_a_name_is_called_by_its_nodes():
    played = await play(graph("a b", "a>b"), {"a": passes(), "b": says("x")})
    assert played.going.path == "a+b"


async def test_post_nodes_name_no_path():
    played = await play(graph("a p", post="p", paths="post=p"), {"a": says("x"), "p": says("y")})
    assert played.going.path == "a"


async def test_each_tick_opens_once_and_closes_node_by_node_after_it_was_recorded():
    recorded = []
    played = stage(graph("a b c", "a>b+c"), {"a": passes(), "b": says("x"), "c": says("y")})
    closed = played.notes.closed

    def spy(records, *, post):
        closed(records, post=post)
        recorded.append(len(played.published))

    played.notes.closed = spy
    await played.going.run({"a": Envelope(kind="message", text="hello")})
    kinds = [(type(e), e.frame, getattr(e, "nodes", e.node)) for e in played.published]
    assert kinds == [
        (FrameOpened, 1, ("a",)), (FrameClosed, 1, "a"),
        (FrameOpened, 2, ("b", "c")), (FrameClosed, 2, "b"), (FrameClosed, 2, "c"),
    ]  # fmt: skip
    assert recorded == [1, 3], "a frame is written down before it is told"
    assert [e.text for e in played.emitted if isinstance(e, Streaming)] == ["x", "y"]


async def test_records_of_one_tick_are_one_row():
    played = await play(graph("a b c", "a>b+c"), {"a": passes(), "b": says("x"), "c": says("y")})
    assert [[r.node for r in row.records] for row in played.notes.rows] == [["a"], ["b", "c"]]


# Cut from outside


async def test_cutting_closes_what_was_open_and_keeps_what_was_said():
    reached = asyncio.Event()

    async def stuck(ctx, envelope):
        ctx.say("half an ")
        ctx.remember(put("k", value=1))
        reached.set()
        await asyncio.Event().wait()

    played = stage(graph("a b c", "a>b+c"), {"a": passes(), "b": says("x"), "c": stuck}, state={})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(played.going.run({"a": Envelope(kind="message")}))
        await reached.wait()
        task.cancel()
    played.going.cut("cancelled")
    played.going.cut("twice is once")
    assert [(r.node, r.error, r.said) for r in played.going.frames] == [
        ("a", "", ""), ("b", "", "x"), ("c", "cancelled", "half an ")
    ]  # fmt: skip
    assert played.going.state == {}, "a tick that did not end changes nothing"
    assert played.going.frames[-1].changes == ()
    assert len(played.notes.rows) == 2


async def test_the_same_input_gives_the_same_trace_whatever_the_time():
    from rig import CountingClock, world

    code = {"a": passes(), "b": says("x"), "c": says("y")}
    spec = graph("a b c", "a>b+c")
    one = await play(spec, code, within=world(clock=CountingClock(0)))
    two = await play(spec, code, within=world(clock=CountingClock(10_000)))
    assert timeless(one.going.frames) == timeless(two.going.frames)
    assert one.going.frames != two.going.frames


async def test_nodes_that_wait_for_one_another_work_side_by_side():
    heard, told = asyncio.Event(), asyncio.Event()

    async def listens(ctx, envelope):
        async with asyncio.timeout(STALL_S):
            told.set()
            await heard.wait()
            await asyncio.sleep(0)
        ctx.say("listened ")

    async def speaks(ctx, envelope):
        async with asyncio.timeout(STALL_S):
            await told.wait()
            heard.set()
        ctx.say("spoke ")

    for first, second in ((listens, speaks), (speaks, listens)):
        heard.clear()
        told.clear()
        played = await play(graph("a b c", "a>b+c"), {"a": passes(), "b": first, "c": second})
        assert sorted(played.going.response.split()) == ["listened", "spoke"]
        assert played.going.error == ""


async def test_a_timeout_inside_a_node_ends_its_own_wait_only():
    async def late(ctx, envelope):
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        ctx.say(f"{ctx.role} gave up ")

    played = await play(graph("a b c", "a>b+c"), {"a": passes(), "b": late, "c": late})
    assert played.going.response == "b gave up c gave up "


async def test_stopping_a_tick_reaches_every_node_that_waits():
    gate, stopped = Gate(), []

    async def waits(ctx, envelope):
        try:
            await gate.node()(ctx, envelope)
        except asyncio.CancelledError:
            stopped.append(ctx.role)
            raise

    spec = graph("a b c d", "a>b+c+d")
    code = {"a": passes(), "b": says("x"), "c": waits, "d": waits}
    played = stage(spec, code)
    start = Envelope(kind="message", text="hello")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(played.going.run({spec.start: start}))
        while gate.visits < 2:
            await asyncio.sleep(0)
        task.cancel()
    assert sorted(stopped) == ["c", "d"]
