"""Two runs side by side: visit by visit, the first place where they part, and why they do.

Visits are aligned by (frame, node, visit), what a visit asked of the world by the longest common
subsequence. Time alone is no difference. Why two runs part is looked for where they first do: all
that came before was the same, so what differs there came in from outside.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from agent.core.effects import Effect
from agent.core.frames import FrameRecord, FrameTrace, totals
from agent.core.json import Json, canonical
from agent.core.messages import Turn
from agent.core.revisions import Manifest
from agent.debugger.spots import Pair, Spot, Telling, aligned, asked_by

Band = Literal["same", "time", "changed", "left", "right"]
OTHER_TIME = 0.1
"""Part of the longer time by which two times must differ to count as other ones ..."""
OTHER_MS = 10.0
"""... and how many milliseconds."""
MOST = 20
"""Differences of one visit that are told."""


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
    telling = Telling()
    rows: list[Row] = []
    parting: Parting | None = None
    for pair in _pairs(left.trace, right.trace):
        asked = aligned(asked_by(pair.left, old), asked_by(pair.right, new))
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


# Telling


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
