"""Sealed replay: the graph runs again, every effect answered from the recording, and the verdict.

Invariant: no socket, no tool, no clock of the world is touched. What differs is named at the first
place where it matters: an effect that asks something else, else a frame that says, does or routes
something else, else an effect that was recorded and never asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from agent.core.effects import Effect
from agent.core.events import Event
from agent.core.frames import FrameRecord, FrameTrace
from agent.core.json import Json, canonical, first_difference
from agent.core.revisions import Manifest, changed
from agent.debugger.editor import Editor
from agent.engine.context import Scene, World
from agent.engine.effects import Ask, EffectPort, Journal, Miss, RecordedPort
from agent.engine.engine import Pass, Recorder
from agent.engine.program import Program

COMPARED = ("output", "said", "route", "condition", "error", "changes", "effects")
SHOWN = 4000
"""Characters of each side of a divergence that a verdict holds."""
BEFORE = 400
"""Characters before the difference, where a text is shown from its middle."""


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """The first place where replay and recording differ."""

    frame: int
    node: str
    field: str
    """A record's field, or a JSON pointer into an effect's request."""
    expected: str
    got: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found."""

    run_id: str
    replay_run_id: str
    verdict: str
    """``exact``, ``diverged``, or ``incomplete`` when the recording itself was cut off."""
    matched: int
    """Effects that were asked for again, in the same place with the same request."""
    total: int
    changed_revisions: list[str]
    divergence: Divergence | None = None


class Sink(Journal, Recorder, Protocol):
    """Where a replay's own rows go: journal and recorder in one."""


def edited(going: Pass, source: FrameTrace) -> None:
    """Have the edits that an operator made in ``source`` made again in ``going``."""
    if any(effect.kind == "operator_edit" for effect in source.effects):
        going.attach(Editor(source.effects))


class Rerun:
    """One sealed pass over a recorded run.

    Args:
        source: the recording.
        journal: where the new trace's rows go.
        emit: where its events go.
    """

    def __init__(
        self,
        source: FrameTrace,
        program: Program,
        world: World,
        scene: Scene,
        journal: Sink,
        emit: Callable[[Event], object],
        state: Json,
    ) -> None:
        self._source = source
        recording = {effect.effect_id: effect for effect in source.effects}
        self.port = RecordedPort(recording, journal)
        port: EffectPort = self.port
        self.going = Pass(program, world, scene, port, journal, emit, emit, state)
        edited(self.going, source)

    def verdict(self, replay_run_id: str, old: Manifest | None, new: Manifest) -> Verdict:
        """Compare what happened with the recording."""
        source = self._source
        cut = source.outcome in ("cancelled", "interrupted")
        first = self._first()
        return Verdict(
            run_id=source.run_id,
            replay_run_id=replay_run_id,
            verdict="exact" if first is None else "incomplete" if cut else "diverged",
            matched=self.port.matched,
            total=len(source.effects),
            changed_revisions=changed(old, new) if old else [],
            divergence=first,
        )

    def _first(self) -> Divergence | None:
        records = self._difference()
        miss = self.port.miss
        if miss is not None and (records is None or records.frame >= miss.key.frame):
            return _of_miss(miss)
        if records is not None:
            return records
        return _unasked(self._source.effects, self.going)

    def _difference(self) -> Divergence | None:
        old = (*self._source.frames, *self._source.post_frames)
        new = (*self.going.frames, *self.going.post_frames)
        return next(_differences(old, new), None)


def _differences(old: Sequence[FrameRecord], new: Sequence[FrameRecord]) -> Iterator[Divergence]:
    for left, right in zip(old, new, strict=False):
        if (left.frame, left.node) != (right.frame, right.node):
            yield Divergence(
                frame=left.frame, node=left.node, field="node", expected=left.node, got=right.node
            )
        yield from _fields(left, right)
    if len(old) > len(new):
        missing = old[len(new)]
        yield Divergence(
            frame=missing.frame, node=missing.node, field="node", expected=missing.node, got=""
        )
    if len(new) > len(old):
        extra = new[len(old)]
        yield Divergence(
            frame=extra.frame, node=extra.node, field="node", expected="", got=extra.node
        )


def _fields(left: FrameRecord, right: FrameRecord) -> Iterator[Divergence]:
    olds: Json = msgspec.to_builtins(left)
    news: Json = msgspec.to_builtins(right)
    for name in COMPARED:
        expected, got = olds.get(name), news.get(name)
        if canonical(expected) != canonical(got):
            pointer, one, two = first_difference(expected, got)
            old, new = _around(_text(one), _text(two))
            yield Divergence(
                frame=left.frame,
                node=left.node,
                field=f"{name}{pointer}",
                expected=old,
                got=new,
            )


def _of_miss(miss: Miss) -> Divergence:
    name, expected = f"effect {miss.key}", miss.expected
    if expected is None:
        return _at(miss, name, "", _shown(_asked(miss.asked)))
    if expected.ended is None:
        return _at(miss, name, "unknown outcome", miss.asked.kind)
    pointer, one, two = first_difference(expected.request, miss.asked.request)
    return _at(miss, f"{name} request{pointer}", *_around(_text(one), _text(two)))


def _at(miss: Miss, field: str, expected: str, got: str) -> Divergence:
    key = miss.key
    return Divergence(frame=key.frame, node=key.node, field=field, expected=expected, got=got)


def _asked(ask: Ask) -> Json:
    return {"kind": ask.kind, "name": ask.name, "request": ask.request}


def _unasked(effects: Sequence[Effect], going: Pass) -> Divergence | None:
    asked = {name for record in (*going.frames, *going.post_frames) for name in record.effects}
    for effect in effects:
        if effect.effect_id not in asked:
            return Divergence(
                frame=effect.frame,
                node=effect.node,
                field=f"effect {effect.effect_id}",
                expected=_shown(effect.request),
                got="",
            )
    return None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _shown(value: Json) -> str:
    return _text(value)[:SHOWN]


def _around(one: str, two: str) -> tuple[str, str]:
    """Cut two texts to what can be shown, so that the place where they part is in it."""
    pairs = enumerate(zip(one, two, strict=False))
    place = next((n for n, (left, right) in pairs if left != right), min(len(one), len(two)))
    start = 0 if place < SHOWN // 2 else place - BEFORE
    lead = "…" if start else ""
    return lead + one[start : start + SHOWN], lead + two[start : start + SHOWN]
