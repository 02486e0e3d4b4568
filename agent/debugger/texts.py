"""Two values side by side: the words that differ, and the places that do.

Invariant: the work grows with the size of the two values, not with its square: what two texts share
at their ends is cut off first, and a long rest is told as replaced.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from agent.core.json import Json, canonical, fields, items
from agent.core.pointers import pointer

Op = Literal["=", "-", "+"]
REST = 300
"""Words of a rest that are still matched one by one."""
AROUND = 60
"""Characters that are shown of what is the same beside a difference."""
SHOWN = 1000
"""Characters that are shown of what goes or comes at one place."""
_WORD = re.compile(r"\S+\s*|\s+")
"""A word with the space behind it: spaces alone would match everywhere."""

Words = list[tuple[Op, str]]


def differences(
    one: Json, two: Json, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Json, Json]]:
    """Yield the JSON pointer and both sides of every place where two values differ."""
    if canonical(one) == canonical(two):
        return
    found = False
    for step, left, right in _inside(one, two):
        for place in differences(left, right, (*path, step)):
            found = True
            yield place
    if not found:  # no containers, or what one of them has more is null
        yield pointer(path), one, two


def _inside(one: Json, two: Json) -> Iterator[tuple[str, Json, Json]]:
    if isinstance(one, dict) and isinstance(two, dict):
        left, right = fields(one), fields(two)
        for key in dict.fromkeys((*left, *right)):
            yield key, left.get(key), right.get(key)
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple):
        for place in range(max(len(items(one)), len(items(two)))):
            yield str(place), _item(one, place), _item(two, place)


def _item(value: Json, place: int) -> Json:
    row = items(value)
    return row[place] if place < len(row) else None


def words(one: str, two: str) -> Words:
    """Say how to get from one text to another, in runs of words that stay, go and come."""
    start = _word_begin(one, _shared(one, two))
    end = _shared(one[start:][::-1], two[start:][::-1])
    end = _word_begin(one[::-1], end)
    stop, halt = len(one) - end, len(two) - end
    middle = _matched(_WORD.findall(one[start:stop]), _WORD.findall(two[start:halt]))
    return [*_kept(one[max(0, start - AROUND) : start]), *middle, *_kept(one[stop : stop + AROUND])]


def near(one: str, two: str, size: int) -> tuple[str, str]:
    """Cut two texts to ``size`` characters that hold the place where they part."""
    start = max(0, _shared(one, two) - size // 4)
    lead = "…" if start else ""
    return lead + one[start : start + size], lead + two[start : start + size]


def _shared(one: str, two: str) -> int:
    """Return how many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _word_begin(text: str, place: int) -> int:
    """Go back to where the word at ``place`` begins."""
    while place > 0 and not text[place - 1].isspace():
        place -= 1
    return place


def _kept(text: str) -> Words:
    return [("=", text)] if text else []


def _matched(old: list[str], new: list[str]) -> Words:
    if max(len(old), len(new)) > REST:
        return _replaced(old, new)
    found: Words = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        found += _kept("".join(old[a:b])) if tag == "equal" else _replaced(old[a:b], new[c:d])
    return found


def _replaced(old: list[str], new: list[str]) -> Words:
    gone: Words = [("-", "".join(old)[:SHOWN])] if old else []
    return [*gone, ("+", "".join(new)[:SHOWN])] if new else gone
