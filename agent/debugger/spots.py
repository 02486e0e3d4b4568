"""What differs in one visit of two runs, place by place, in the order in which it came about.

What a visit asked of the world is aligned by the longest common subsequence, so a call too many is
one difference and not all that follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from agent.core.effects import Effect
from agent.core.frames import FrameRecord
from agent.core.json import Json, canonical
from agent.core.state import apply
from agent.debugger.edits import PLACE
from agent.debugger.texts import Words, differences, near, words

FIELDS = ("input", "output", "said", "route", "condition", "error")
WORDED = 200
"""Texts of a comparison that are told word by word."""
SHOWN = 500
"""Characters of each side of a difference that are told."""
Both = tuple[Effect | None, Effect | None]


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One place where two visits differ."""

    field: str
    """A record's field, `state`, or an effect's `request` or `response`, with a JSON pointer."""
    left: Json
    right: Json
    words: Words | None = None
    """Of two texts, up to a number of them: what stays (`=`), goes (`-`) and comes (`+`)."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one visit, one of them ``None`` where only the other side has it."""

    left: FrameRecord | None
    right: FrameRecord | None
    post: bool


def asked_by(record: FrameRecord | None, effects: Mapping[str, Effect]) -> list[Effect]:
    """Return what a visit asked; what a fork noted down of its prompts is no part of it."""
    names = record.effects if record else ()
    found = [effects[name] for name in names if name in effects]
    return [effect for effect in found if not _noted(effect)]


def _noted(effect: Effect) -> bool:
    return effect.kind == "operator_edit" and effect.request["place"] == PLACE


def aligned(old: Sequence[Effect], new: Sequence[Effect]) -> list[Both]:
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


class Telling:
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
