"""A frame is read for what it has, whatever the run has."""

import pytest

from agent.adapters.stores import journal
from agent.core.effects import Effect
from agent.core.frames import Envelope, FrameRecord
from agent.core.journal import Closed, Held, Intent, Settled, Spot

pytestmark = pytest.mark.anyio
FRAMES = 600


def rows_of(frame):
    """Two effects, a place that was left, a hold, and the end of the tick."""
    for index in range(2):
        effect = Effect(
            effect_id=f"{frame}.a.1.{index}", frame=frame, node="a", visit=1, index=index, kind="tool",
            request="x" * 600, request_hash="h", started=1.0,
        )  # fmt: skip
        yield Intent(effect=effect)
        yield Settled(effect_id=effect.effect_id, ended=2.0, response=frame)
    yield Closed(records=())
    spot = Spot(frame=frame, node="a")
    yield Held(spot=spot, frame=frame, node="a", place="frame", reason="r", worked_ms=0.0)
    record = FrameRecord(
        frame=frame, node="a", visit=1, started=1.0, duration_ms=1.0, input=Envelope(kind="x")
    )
    yield Closed(records=(record,))


async def write(store, n, frames):
    rows = [row for frame in frames for row in rows_of(frame)]
    for index, row in enumerate(rows, 1):
        store.append(n, index, row)
    await store.save_record("written", True)


async def test_every_frame_has_its_own_rows(sqlite):
    store = sqlite()
    for n in (1, 2, 3):
        await write(store, n, range(1, 20))
    for frame in range(1, 20):
        expected = [row for row in rows_of(frame) if row != Closed(records=())]
        assert await store.frame_rows(2, frame) == expected
    for frame in (0, 20, -1):
        assert await store.frame_rows(2, frame) == []
    assert await store.frame_rows(4, 1) == []


async def test_what_it_costs_does_not_grow_with_the_run(sqlite, file):
    store = sqlite()
    await write(store, 1, range(1, FRAMES + 1))
    asked = []

    def counted(db):
        db.set_trace_callback(asked.append)
        return journal.of_frame(db, 1, FRAMES // 2)

    assert len(await store._read(counted)) == 6
    assert len(asked) < 50
