"""The rows a run leaves while it works, and how they add up to its trace again.

Invariant: rows of a run are numbered without holes and written in order, so a crash loses a suffix.
Whatever is there folds to a valid trace; what was open then shows up as ``interrupted``.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal, TypeAlias, assert_never

import msgspec

from agent.core.effects import Chunk, Effect, EffectError
from agent.core.frames import Envelope, FrameRecord, FrameTrace, Summary
from agent.core.json import Json
from agent.core.messages import Usage
from agent.core.runs import Run
from agent.core.state import Change

INTERRUPTED = "interrupted"


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="i", tag_field="t"):
    """An effect is about to happen."""

    effect: Effect


class Settled(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="r", tag_field="t"
):
    """An effect has ended."""

    effect_id: str
    ended: float
    chunks: tuple[Chunk, ...] = ()
    response: Json = None
    error: EffectError | None = None
    usage: Usage | None = None
    cost: float | None = None


class Closed(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="c", tag_field="t"
):
    """A tick has ended: its records and the state changes in them, in one row."""

    records: tuple[FrameRecord, ...]
    post: bool = False


class Spot(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Where a run is held, as a person is told."""

    at: Literal["before", "after"] = "before"
    frame: int
    node: str


class Held(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="h", tag_field="t"
):
    """An operator holds the run here; the last such row says where."""

    spot: Spot
    frame: int
    """The frame that comes or is at work."""
    node: str
    """The node whose turn it is; empty when nothing follows."""
    place: str
    """``frame``, ``node``, or the id of the effect that is held back."""
    stepping: bool = False
    """The nodes of this frame are dispatched one after the other."""
    reason: str
    worked_ms: float
    """How long the run had worked, without the time it was held."""
    spent: tuple[str, ...] = ()
    """Breakpoints that hold a run once, and have."""


Row: TypeAlias = Intent | Settled | Closed | Held


def frame_of(row: Row) -> int | None:
    """Return the number of the frame that ``row`` is about; ``None`` for a place that was left."""
    match row:
        case Intent():
            return row.effect.frame
        case Settled():
            number = row.effect_id.partition(".")[0]
            return int(number) if number.isdecimal() else None
        case Closed():
            return row.records[0].frame if row.records else None
        case Held():
            return row.frame
        case _:
            assert_never(row)


def settled(effect: Effect) -> Settled:
    """Return what the result row of ``effect`` holds."""
    return Settled(
        effect_id=effect.effect_id,
        ended=effect.ended or effect.started,
        chunks=effect.chunks,
        response=effect.response,
        error=effect.error,
        usage=effect.usage,
        cost=effect.cost,
    )


class Fold:
    """What rows add up to."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.frames: list[FrameRecord] = []
        self.post_frames: list[FrameRecord] = []
        self.effects: dict[str, Effect] = {}
        self.held: Held | None = None
        """Where an operator last held the run; ``None`` when nobody did."""
        self.count = 0
        """How many rows there are."""
        for row in rows:
            self.count += 1
            self._take(row)

    def _take(self, row: Row) -> None:
        match row:
            case Intent():
                self.effects[row.effect.effect_id] = row.effect
            case Settled():
                self.effects[row.effect_id] = msgspec.structs.replace(
                    self.effects[row.effect_id],
                    ended=row.ended,
                    chunks=row.chunks,
                    response=row.response,
                    error=row.error,
                    usage=row.usage,
                    cost=row.cost,
                )
            case Closed():
                (self.post_frames if row.post else self.frames).extend(row.records)
            case Held():
                self.held = row
            case _:
                assert_never(row)

    @property
    def changes(self) -> tuple[Change, ...]:
        """All state changes of closed frames, in order."""
        records = (*self.frames, *self.post_frames)
        return tuple(change for record in records for change in record.changes)

    @property
    def response(self) -> str:
        """What the user was told in closed frames."""
        return "".join(record.said for record in self.frames)

    @property
    def unfinished(self) -> dict[str, Effect]:
        """Effects of the frame that never closed, by id."""
        last = self.frames[-1].frame if self.frames else 0
        return {name: effect for name, effect in self.effects.items() if effect.frame > last}

    def broken(self, start: str, at: float) -> tuple[FrameRecord, ...]:
        """Records for the nodes of the tick that never closed, marked ``interrupted``.

        Which nodes those were follows from where the last tick routed to; ``start`` is where the
        run began, ``at`` when.
        """
        last = self.frames[-1].frame if self.frames else 0
        tick = [record for record in self.frames if record.frame == last]
        nodes = dict.fromkeys(role for r in tick for role in r.route.split("+") if role)
        if not tick:
            nodes = {start: None}
        if not nodes and not self.post_frames:
            nodes = dict.fromkeys(e.node for e in self.effects.values() if e.frame > last)
        return tuple(self._interrupted(last + 1, node, at) for node in nodes)

    def _interrupted(self, frame: int, node: str, at: float) -> FrameRecord:
        begun = [e for e in self.effects.values() if e.frame == frame and e.node == node]
        before = self.frames[-1].ended if self.frames else at
        return FrameRecord(
            frame=frame,
            node=node,
            visit=1 + sum(record.node == node for record in self.frames),
            started=begun[0].started if begun else before,
            duration_ms=0.0,
            input=Envelope(kind="unknown"),
            error=INTERRUPTED,
            effects=tuple(effect.effect_id for effect in begun),
        )


def summary_of(
    run: Run,
    frames: Sequence[FrameRecord],
    post_frames: Sequence[FrameRecord],
    effects: Iterable[Effect],
) -> Summary:
    """Return the summary of what ``trace_of`` returns, which is made when that is asked for.

    The frames are those of a run that has ended: nothing more is added to them.
    """
    return Summary(partial(trace_of, run, frames, post_frames, tuple(effects)))


def trace_of(
    run: Run,
    frames: Iterable[FrameRecord],
    post_frames: Iterable[FrameRecord],
    effects: Iterable[Effect],
) -> FrameTrace:
    """Put the trace of ``run`` together; effects stand in the order of the frames.

    The order they began in depends on who was faster, so it is not part of a trace.
    """
    begun = run.started or run.created
    frames, post_frames = tuple(frames), tuple(post_frames)
    known = {effect.effect_id: effect for effect in effects}
    ordered: list[Effect] = []
    if known:
        names = [name for record in (*frames, *post_frames) for name in record.effects]
        ordered = [known.pop(name) for name in names if name in known]
    return FrameTrace(
        run_id=run.run_id,
        kind=run.kind,
        channel=run.channel,
        message=run.text,
        graph=run.graph,
        revision=run.revision,
        path=run.path,
        total_frames=run.total_frames,
        total_ms=run.total_ms,
        started=begun,
        outcome=str(run.status),
        response=run.response,
        error=run.error,
        frames=frames,
        post_frames=post_frames,
        effects=(*ordered, *known.values()),
        resumed_from=run.resumed_from,
        replay_of=run.replay_of,
        imported_from=run.imported_from,
        fork_of=run.fork_of,
    )
