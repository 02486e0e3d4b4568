"""What a fork stands on: a recorded run up to a frame, and what comes behind it.

Invariant: nothing before the frame runs. Its records and effects are copied, its changes are in the
state, and the engine is told to go on behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import msgspec

from agent.core.effects import Effect
from agent.core.errors import Unprocessable
from agent.core.events import Event
from agent.core.frames import Envelope, FrameRecord, FrameTrace
from agent.core.json import Json
from agent.core.state import apply
from agent.debugger.editor import Editor
from agent.debugger.replay import Sink
from agent.engine.context import Scene, World
from agent.engine.effects import EffectPort
from agent.engine.engine import Pass
from agent.engine.program import Program
from agent.engine.visits import followed

Place = tuple[int, str, int]
"""Frame, node and visit."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """A recording, cut before a frame."""

    trace: FrameTrace
    frame: int
    state: Json
    """As it was before that frame."""
    pending: Mapping[str, Envelope]
    """What waited then."""

    @property
    def before(self) -> tuple[FrameRecord, ...]:
        """Records that are kept."""
        return tuple([record for record in self.trace.frames if record.frame < self.frame])

    @property
    def behind(self) -> dict[Place, FrameRecord]:
        """Records that may be made again, post-frames included."""
        trace = self.trace
        records = (*trace.frames, *trace.post_frames)
        return {place_of(record): record for record in records if record.frame >= self.frame}

    @property
    def effects(self) -> dict[str, Effect]:
        """The recording by id."""
        return {effect.effect_id: effect for effect in self.trace.effects}

    @property
    def worked_ms(self) -> float:
        """How long the frames that are kept took."""
        return max((r.ended - self.trace.started for r in self.before), default=0.0)

    def copy(self, journal: Sink, *, moved: float) -> None:
        """Write the kept frames into another trace, ``moved`` milliseconds later."""
        effects = self.effects
        for record in self.before:
            for name in record.effects:
                effect = msgspec.structs.replace(effects[name], policy="recorded")
                journal.intent(effect)
                journal.result(effect)
        for _, tick in groupby(self.before, key=lambda record: record.frame):
            journal.closed(tuple([_moved(record, moved) for record in tick]), post=False)


def ground(trace: FrameTrace, frame: int, state: Json, pending: Mapping[str, Envelope]) -> Ground:
    """Cut a recording before ``frame``; ``state`` and ``pending`` are those of its beginning.

    Raises:
        Unprocessable: the run has no such frame.
    """
    last = max((record.frame for record in trace.frames), default=0)
    if not 1 <= frame <= max(last, 1):
        raise Unprocessable(f"frame: expected 1 to {max(last, 1)}, got {frame}")
    kept = [record for record in trace.frames if record.frame < frame]
    if kept:
        pending = followed(record for record in kept if record.frame == frame - 1)
    changes = [change for record in kept for change in record.changes]
    return Ground(trace=trace, frame=frame, state=apply(state, changes), pending=pending)


def place_of(record: FrameRecord) -> Place:
    """Return where a record stands."""
    return (record.frame, record.node, record.visit)


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """A ground with all that is needed to go on from it."""

    ground: Ground
    fit: Callable[[], Program]
    """Makes the program with the fork's prompts and settings, anew for every pass."""
    world: World
    scene: Scene
    edits: Sequence[Effect]
    """Of the recording and of the fork, for the gate."""

    def going(
        self,
        program: Program,
        port: EffectPort,
        journal: Sink,
        emit: Callable[[Event], object],
        *,
        moved: float = 0.0,
    ) -> Pass:
        """Return the pass that goes on from here."""
        at = self.ground
        going = Pass(program, self.world, self.scene, port, journal, emit, emit, at.state)
        kept = [_moved(record, moved) for record in at.before]
        going.take_up(kept, at.worked_ms)
        if self.edits:
            going.attach(Editor(self.edits))
        return going


def _moved(record: FrameRecord, moved: float) -> FrameRecord:
    return msgspec.structs.replace(record, started=record.started + moved)
