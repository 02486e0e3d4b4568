"""What a fork did, or would do: the visits that were made again and why, and what that costs.

Invariant: a visit counts as reused only when it was given what it was given then, asked nothing
that the recording does not answer, and left what it left then. In doubt it is dirty.
"""

from collections.abc import Iterable, Mapping

import msgspec

from agent.core.effects import Effect
from agent.core.frames import FrameRecord, FrameTrace, totals
from agent.core.json import Json, canonical, first_difference
from agent.debugger.ground import Ground, Place, place_of
from agent.debugger.replay import COMPARED

LEFT = tuple(name for name in COMPARED if name != "effects")


class Dirty(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that is made again."""

    frame: int
    node: str
    why: str


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that writes, in a visit that is made again."""

    frame: int
    node: str
    tool: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork comes to."""

    dirty: list[Dirty]
    reused: int
    """Visits taken from the recording."""
    model_calls: int
    cost: float | None
    """US dollars; ``None`` when a price is unknown."""
    writes: list[Write]


class Anew(msgspec.Struct, frozen=True, kw_only=True):
    """Something asked that the recording does not answer."""

    effect_id: str
    kind: str
    name: str
    request: Json


Asked = Mapping[Place, Anew]
"""The first such thing of a visit."""


def dirty_of(
    ground: Ground,
    records: Iterable[FrameRecord],
    effects: Mapping[str, Effect],
    asked: Asked,
    suspected: Mapping[Place, str],
) -> list[Dirty]:
    """Return which visits are made again, in order."""
    behind, found = ground.behind, list[Dirty]()
    recording = ground.effects
    for record in records:
        if record.frame < ground.frame:
            continue
        old, place = behind.get(place_of(record)), place_of(record)
        why = suspected.get(place) or _why(record, old, effects, recording, asked.get(place))
        if why:
            found.append(Dirty(frame=record.frame, node=record.node, why=why))
    return found


def done(ground: Ground, trace: FrameTrace) -> Account:
    """Account for a fork that has ended."""
    effects = {effect.effect_id: effect for effect in trace.effects}
    records = (*trace.frames, *trace.post_frames)
    live = [effect for effect in trace.effects if is_new(effect)]
    asked = {(one.frame, one.node, one.visit): _anew(one) for one in reversed(live)}
    dirty = dirty_of(ground, records, effects, asked, {})
    return Account(
        dirty=dirty,
        reused=len(records) - len(dirty),
        model_calls=sum(effect.kind == "model" for effect in live),
        cost=totals(tuple(live))[1],
        writes=[Write(frame=e.frame, node=e.node, tool=e.name) for e in live if e.write],
    )


def _anew(effect: Effect) -> Anew:
    return Anew(
        effect_id=effect.effect_id, kind=effect.kind, name=effect.name, request=effect.request
    )


def is_new(effect: Effect) -> bool:
    """Whether the world was asked."""
    return effect.policy == "live" and effect.kind != "operator_edit"


def _why(
    record: FrameRecord,
    old: FrameRecord | None,
    effects: Mapping[str, Effect],
    recording: Mapping[str, Effect],
    ask: Anew | None,
) -> str:
    if old is None:
        return "new: the recording has no such visit"
    told = _edited(record, effects, recording) or _input(old, record)
    if told or ask is None:
        return told or _differs(old, record)
    return f"{ask.kind}: {_asks(recording, ask)}"


def _input(old: FrameRecord, new: FrameRecord) -> str:
    if canonical(old.input) == canonical(new.input):
        return ""
    return f"input: {new.input.sender or 'the run'} sends something else"


def _edited(
    record: FrameRecord, effects: Mapping[str, Effect], recording: Mapping[str, Effect]
) -> str:
    for name in record.effects:
        effect = effects.get(name)
        if effect is None or effect.kind != "operator_edit":
            continue
        known = recording.get(name)
        if known is None or known.request_hash != effect.request_hash:
            paths = [_named(edit) for edit in effect.request["edits"]]
            if any(not path.startswith(("prompt", "model", "params")) for path in paths):
                return f"edited: {', '.join(paths)}"
    return ""


def _named(edit: Json) -> str:
    return str(edit.get("target") or edit["path"])


def _asks(recording: Mapping[str, Effect], ask: Anew) -> str:
    """Say how a request differs from the one it stands for."""
    found = recording.get(ask.effect_id)
    if found is None or found.kind != ask.kind:
        return f"{ask.name or ask.kind} is asked where it was not"
    if canonical(found.request) == canonical(ask.request):
        return "its outcome is not known"
    pointer, _, _ = first_difference(found.request, ask.request)
    return f"its request{pointer} is another"


def _differs(old: FrameRecord, new: FrameRecord) -> str:
    before: Json = msgspec.to_builtins(old)
    after: Json = msgspec.to_builtins(new)
    for name in LEFT:
        if canonical(before.get(name)) != canonical(after.get(name)):
            return f"code: its {name} is another"
    return ""
