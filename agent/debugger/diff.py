"""Two runs side by side: visit by visit, the first place where they part, and why they do.

Visits are aligned by (frame, node, visit), what a visit asked of the world by the longest common
subsequence. Time alone is no difference. Why two runs part is looked for where they first do: all
that came before was the same, so what differs there came in from outside.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from agent.core.effects import Effect
from agent.core.frames import FrameRecord, FrameTrace, totals
from agent.core.json import Json, canonical
from agent.core.messages import Turn
from agent.core.revisions import Manifest
from agent.core.state import apply
from agent.debugger.edits import PLACE
from agent.debugger.texts import Words, differences, near, words

Band = Literal["same", "time", "changed", "left", "right"]
FIELDS = ("input", "output", "said", "route", "condition", "error")
OTHER_TIME = 0.1
"""Part of the longer time by which two times must differ to count as other ones ..."""
OTHER_MS = 10.0
"""... and how many milliseconds."""
MOST = 20
"""Differences of one visit that are told."""
WORDED = 200
"""Texts of a comparison that are told word by word."""
SHOWN = 500
"""Characters of each side of a difference that are told."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and what it started from."""

    trace: FrameTrace
    manifest: Manifest | None = None
    texts: Mapping[str, str] = {}
    """Part of the manifest → its text, where those are kept."""
    state: Json = None
    history: tuple[Turn, ...] = ()
    given: Json = None
    """What else it began with: dashboard, sensor, identity, a click's data."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One place where two visits differ."""

    field: str
    """A record's field, `state`, or an effect's `request` or `response`, with a JSON pointer."""
    left: Json
    right: Json
    words: Words | None = None
    """Of two texts, up to a number of them: what stays (`=`), goes (`-`) and comes (`+`)."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One visit on both sides."""

    band: Band
    frame: int
    node: str
    visit: int
    post: bool = False
    ms: tuple[float | None, float | None]
    differences: list[Spot] = []


class First(msgspec.Struct, frozen=True, kw_only=True):
    """Where two runs first part."""

    frame: int
    node: str
    field: str
    left: str
    right: str


class Deltas(msgspec.Struct, frozen=True, kw_only=True):
    """Right minus left; ``None`` where one side is unknown."""

    tokens: int | None
    ms: float
    cost: float | None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one visit, one of them ``None`` where only the other side has it."""

    left: FrameRecord | None
    right: FrameRecord | None
    post: bool


class Parting(msgspec.Struct, frozen=True, kw_only=True):
    """Where two runs first part, with what is known there."""

    pair: Pair
    effects: tuple[Effect | None, Effect | None] | None = None
    """The first that differ, where some do."""
    spot: Spot


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs, compared."""

    rows: list[Row]
    parting: Parting | None
    deltas: Deltas


def compare(left: Side, right: Side) -> Compared:
    """Compare two runs."""
    old = {effect.effect_id: effect for effect in left.trace.effects}
    new = {effect.effect_id: effect for effect in right.trace.effects}
    telling = _Telling()
    rows: list[Row] = []
    parting: Parting | None = None
    for pair in _pairs(left.trace, right.trace):
        asked = _aligned(_asked(pair.left, old), _asked(pair.right, new))
        found = [*telling.visit(pair, asked)]
        row = _row(pair, [spot for _, spot in found])
        rows.append(row)
        if parting is None and row.band not in ("same", "time"):
            effects, spot = found[0] if found else (None, _only(pair))
            parting = Parting(pair=pair, effects=effects, spot=spot)
    return Compared(rows=rows, parting=parting, deltas=_deltas(left.trace, right.trace))


def first_of(parting: Parting) -> First:
    """Say where two runs part."""
    record = parting.pair.left or parting.pair.right
    spot = parting.spot
    return First(
        frame=record.frame if record else 0,
        node=record.node if record else "",
        field=spot.field,
        left=_shown(spot.left),
        right=_shown(spot.right),
    )


# Aligning


def _pairs(left: FrameTrace, right: FrameTrace) -> Iterator[Pair]:
    for old, new, post in (
        (left.frames, right.frames, False),
        (left.post_frames, right.post_frames, True),
    ):
        rest = {_place(record): record for record in new}
        keys = {_place(record): record for record in old}
        order = sorted(dict.fromkeys((*keys, *rest)), key=lambda place: place[0])
        for place in order:
            yield Pair(left=keys.get(place), right=rest.get(place), post=post)


def _place(record: FrameRecord) -> tuple[int, str, int]:
    return (record.frame, record.node, record.visit)


def _asked(record: FrameRecord | None, effects: dict[str, Effect]) -> list[Effect]:
    """Return what a visit asked; what a fork noted down of its prompts is no part of it."""
    names = record.effects if record else ()
    found = [effects[name] for name in names if name in effects]
    return [effect for effect in found if not _noted(effect)]


def _noted(effect: Effect) -> bool:
    return effect.kind == "operator_edit" and effect.request["place"] == PLACE


Both = tuple[Effect | None, Effect | None]


def _aligned(old: Sequence[Effect], new: Sequence[Effect]) -> list[Both]:
    """Pair what was asked alike; what stands between is paired in order as far as it goes."""
    one, two = [_key(effect) for effect in old], [_key(effect) for effect in new]
    if one == two:
        return [*zip(old, new, strict=True)]
    found: list[Both] = []
    for _, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        left, right = old[a:b], new[c:d]
        for place in range(max(len(left), len(right))):
            found += _paired(_at(left, place), _at(right, place))
    return found


def _paired(left: Effect | None, right: Effect | None) -> list[Both]:
    if left is not None and right is not None and left.kind != right.kind:
        return [(left, None), (None, right)]
    return [(left, right)]


def _at(row: Sequence[Effect], place: int) -> Effect | None:
    return row[place] if place < len(row) else None


def _key(effect: Effect) -> tuple[str, str, str]:
    return (effect.kind, effect.name, effect.request_hash)


# Comparing


class _Telling:
    """Tells what differs; only the first texts word by word, which is the work."""

    def __init__(self) -> None:
        self._worded = 0

    def visit(self, pair: Pair, asked: Sequence[Both]) -> Iterator[tuple[Both | None, Spot]]:
        """Yield what differs in a visit, in the order in which it came about."""
        left, right = pair.left, pair.right
        if left is None or right is None:
            return
        yield from ((None, spot) for spot in self._values("input", left.input, right.input))
        for both in asked:
            yield from ((both, spot) for spot in self._effects(*both))
        for name in FIELDS[1:]:
            one, two = getattr(left, name), getattr(right, name)
            yield from ((None, spot) for spot in self._values(name, one, two))
        if left.changes != right.changes:
            one, two = apply({}, left.changes), apply({}, right.changes)
            yield from ((None, spot) for spot in self._values("state", one, two))

    def _effects(self, left: Effect | None, right: Effect | None) -> Iterator[Spot]:
        if left is None or right is None:
            known = left or right
            name = known.effect_id if known else ""
            yield Spot(field=f"effect {name}", left=_ask(left), right=_ask(right))
            return
        name = f"effect {left.effect_id}"
        if _key(left) != _key(right):
            yield from self._values(f"{name} name", left.name, right.name)
            yield from self._values(f"{name} request", left.request, right.request)
        yield from self._values(f"{name} response", left.response, right.response)
        yield from self._values(f"{name} error", left.error, right.error)

    def _values(self, name: str, one: Json, two: Json) -> Iterator[Spot]:
        if canonical(one) == canonical(two):
            return
        for place, left, right in differences(_plain(one), _plain(two)):
            yield self._spot(f"{name}{place}", left, right)

    def _spot(self, field: str, left: Json, right: Json) -> Spot:
        if not isinstance(left, str) or not isinstance(right, str):
            return Spot(field=field, left=_cut(left), right=_cut(right))
        self._worded += 1
        told = words(left, right) if self._worded <= WORDED else None
        old, new = near(left, right, SHOWN)
        return Spot(field=field, left=old, right=new, words=told)


def _ask(effect: Effect | None) -> Json:
    if effect is None:
        return None
    return {"kind": effect.kind, "name": effect.name, "request": effect.request}


def _plain(value: Json) -> Json:
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value


def _cut(value: Json) -> Json:
    if isinstance(value, str):
        return value[:SHOWN]
    text = canonical(value)
    return value if len(text) <= SHOWN else f"{text[:SHOWN].decode(errors='replace')}…"


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else canonical(value).decode()


def _only(pair: Pair) -> Spot:
    left, right = pair.left, pair.right
    return Spot(field="node", left=left.node if left else "", right=right.node if right else "")


def _row(pair: Pair, spots: list[Spot]) -> Row:
    left, right = pair.left, pair.right
    record = left or right
    band: Band = "left" if right is None else "right" if left is None else "changed"
    if left is not None and right is not None and not spots:
        band = "time" if _other_time(left.duration_ms, right.duration_ms) else "same"
    return Row(
        band=band,
        frame=record.frame if record else 0,
        node=record.node if record else "",
        visit=record.visit if record else 0,
        post=pair.post,
        ms=(left.duration_ms if left else None, right.duration_ms if right else None),
        differences=spots[:MOST],
    )


def _other_time(one: float, two: float) -> bool:
    return abs(one - two) > max(OTHER_MS, OTHER_TIME * max(one, two))


def _deltas(left: FrameTrace, right: FrameTrace) -> Deltas:
    tokens, cost = totals(left.effects)
    more, dearer = totals(right.effects)
    return Deltas(
        tokens=None if tokens is None or more is None else more - tokens,
        ms=round(right.total_ms - left.total_ms, 1),
        cost=None if cost is None or dearer is None else round(dearer - cost, 6),
    )
