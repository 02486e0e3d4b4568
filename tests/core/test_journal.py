"""The rows of a run: whatever prefix is there folds to a valid trace."""

import pytest
from hypothesis import given, strategies as st

from agent.core.effects import Chunk, Effect, EffectError, EffectKey
from agent.core.frames import Envelope, FrameRecord
from agent.core.journal import Closed, Fold, Intent, settled, trace_of
from agent.core.messages import Usage
from agent.core.runs import Run, RunStatus
from agent.core.state import put


def effect(frame: int, node: str, index: int = 0, **more) -> Effect:
    key = EffectKey(frame=frame, node=node, visit=1, index=index)
    fields = {"request_hash": "0", "kind": "tool", "started": 10.0 * frame, **more}
    return Effect(effect_id=str(key), frame=frame, node=node, visit=1, index=index, **fields)


def done(intended: Effect, **more) -> Effect:
    import msgspec

    return msgspec.structs.replace(intended, ended=intended.started + 5, **more)


def record(frame: int, node: str, route: str = "", **more) -> FrameRecord:
    fields = {"started": 10.0 * frame, "duration_ms": 9.0, "input": Envelope(kind="x"), **more}
    return FrameRecord(frame=frame, node=node, visit=1, route=route, **fields)


def a_run(**more) -> Run:
    fields = {
        "n": 1,
        "run_id": "r-1",
        "status": RunStatus.DONE,
        "channel": "main",
        "text": "x",
        "created": 5.0,
    }
    return Run(**{**fields, **more})


FIRST, SECOND = effect(1, "a"), effect(2, "b")
ROWS = [
    Intent(effect=FIRST),
    settled(
        done(FIRST, response={"rows": 1}, chunks=(Chunk(1.0, "he"),), usage=Usage(), cost=0.25)
    ),
    Closed(
        records=(
            record(1, "a", "b", said="hel", effects=("1.a.1.0",), changes=(put("k", value=1),)),
        )
    ),
    Intent(effect=SECOND),
    settled(done(SECOND, error=EffectError(code="down", detail="no"))),
    Closed(
        records=(record(2, "b", said="lo", effects=("2.b.1.0",), changes=(put("k", value=2),)),)
    ),
    Closed(records=(record(3, "p", changes=(put("m", value=3),)),), post=True),
]


def test_rows_add_up_to_frames_effects_answer_and_changes():
    fold = Fold(ROWS)
    assert [r.node for r in fold.frames] == ["a", "b"]
    assert [r.node for r in fold.post_frames] == ["p"]
    assert fold.response == "hello"
    assert fold.changes == (put("k", value=1), put("k", value=2), put("m", value=3))
    first = fold.effects["1.a.1.0"]
    assert (first.ended, first.response, first.cost) == (15.0, {"rows": 1}, 0.25)
    assert (first.chunks, first.usage) == ((Chunk(1.0, "he"),), Usage())
    assert fold.effects["2.b.1.0"].error == EffectError(code="down", detail="no")


@given(st.integers(0, len(ROWS)))
def test_every_prefix_is_a_trace(cut):
    fold = Fold(ROWS[:cut])
    records = (*fold.frames, *fold.broken("a", 3.0))
    frames = [r.frame for r in records]
    assert frames == sorted(frames)
    assert frames in ([1], [1, 2])
    broken = [r for r in records if r.error == "interrupted"]
    assert len(broken) == (1 if len(fold.frames) < 2 else 0)
    assert trace_of(a_run(), records, fold.post_frames, fold.effects.values()).frames == records


def test_an_intent_without_a_result_has_an_unknown_outcome():
    fold = Fold(ROWS[:1])
    assert fold.effects["1.a.1.0"].ended is None


def test_an_interrupted_frame_knows_its_effects_and_when_they_began():
    (broken,) = Fold(ROWS[:4]).broken("a", 3.0)
    assert (broken.frame, broken.node, broken.visit) == (2, "b", 1)
    assert (broken.effects, broken.started) == (("2.b.1.0",), 20.0)
    assert broken.error == "interrupted"


def test_a_tick_of_two_nodes_breaks_in_both():
    rows = [Closed(records=(record(1, "a", "b+c"),))]
    assert [r.node for r in Fold(rows).broken("a", 3.0)] == ["b", "c"]


def test_a_node_that_was_there_before_is_broken_in_its_next_visit():
    rows = [Closed(records=(record(1, "a", "b"),)), Closed(records=(record(2, "b", "a"),))]
    (broken,) = Fold(rows).broken("a", 3.0)
    assert (broken.node, broken.visit) == ("a", 2)


def test_nothing_at_all_breaks_at_the_start():
    (broken,) = Fold([]).broken("first", 3.0)
    assert (broken.frame, broken.node, broken.started) == (1, "first", 3.0)


def test_a_post_node_that_was_at_work_is_broken():
    rows = [Closed(records=(record(1, "a"),)), Intent(effect=effect(2, "memorizer"))]
    (broken,) = Fold(rows).broken("a", 3.0)
    assert (broken.frame, broken.node) == (2, "memorizer")


def test_a_run_whose_post_frames_closed_is_whole():
    assert Fold(ROWS).broken("a", 3.0) == ()


def test_who_was_faster_does_not_order_the_effects_of_a_trace():
    left, right = effect(1, "a"), effect(1, "b")
    frames = (record(1, "a", effects=("1.a.1.0",)), record(1, "b", effects=("1.b.1.0",)))
    one = trace_of(a_run(), frames, (), [left, right])
    two = trace_of(a_run(), frames, (), [right, left])
    assert one == two
    assert [e.node for e in one.effects] == ["a", "b"]


def test_effects_of_no_frame_are_still_in_the_trace():
    lost = effect(3, "c")
    assert trace_of(a_run(), (), (), [lost]).effects == (lost,)


@pytest.mark.parametrize(("branch", "text"), [("", "3.thinker.1.0"), ("b", "3.thinker.1.b/0")])
def test_an_effect_is_named_by_its_place(branch, text):
    assert str(EffectKey(frame=3, node="thinker", visit=1, branch=branch)) == text


def test_an_effect_knows_its_key():
    assert str(effect(3, "c", 2).key) == "3.c.1.2"
