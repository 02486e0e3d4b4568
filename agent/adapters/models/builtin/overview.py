"""Tables as a prompt tells of them in brief, and which of them a question needs."""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.tables import SMALL
from agent.adapters.models.builtin.words import concept, split, stem

_HEAD = re.compile(r"^\W*(?:table\s+)?(\w+)\s+--\s+(?:\d+ rows;?\s*)?(.*)$", re.IGNORECASE)
_COLUMNS = re.compile(r"^\s+(?:columns|spalten)\s*:\s*(.+)$", re.IGNORECASE)
_COLUMN = re.compile(r"^\s+(\w+)\s+[A-Za-z]+")
_COUNTS = re.compile(r"\b(?:number of|anzahl(?: der| von)?)\s", re.IGNORECASE)
_WHEN = frozenset({"year", "date"})
_DATED = frozenset({"construction", "installation", "calibration"})
"""What a year or a date may be of: ``year of construction`` is no other column."""
_JSON = re.compile(r"[\[,]\s*\"(\w+ -- [^\"]*)\"")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one table."""

    words: frozenset[str]
    """Concepts of its name and of what its remark says first."""
    columns: tuple[str, ...] = ()


@lru_cache(64)
def heads_in(prompt: str) -> dict[str, Head]:
    """Return the tables that ``prompt`` tells of, in full, in brief, or in a list."""
    found: dict[str, Head] = {}
    name = ""
    lines = [line for line in prompt.splitlines() if not line.startswith("{")]
    for line in (*_JSON.findall(prompt), *lines):
        if head := _HEAD.match(line):
            name = head[1]
            first = re.split(r"[:;]", head[2], maxsplit=1)[0]
            found[name] = Head(words=_concepts(f"{name.replace('_', ' ')} {first}"))
        elif name and (listed := _COLUMNS.match(line)):
            found[name] = _with(found[name], *re.split(r"\s*,\s*", listed[1]))
        elif name and (column := _COLUMN.match(line)):
            found[name] = _with(found[name], column[1])
    return found


def _with(head: Head, *columns: str) -> Head:
    return msgspec.structs.replace(head, columns=(*head.columns, *columns))


def needed(text: str, heads: dict[str, Head]) -> list[str]:
    """Return the tables that a question is about, with those they belong to."""
    text = _COUNTS.sub(" ", text)
    wanted = [concept(word) for word in split(text) if word.lower() not in SMALL]
    wanted += [concept(part) for word in split(text) if "_" in word for part in word.split("_")]
    chosen = [name for name, head in heads.items() if head.words & set(wanted)]
    named = {word for name in chosen for word in heads[name].words}
    dated = _DATED.intersection(wanted) & {word for name in chosen for word in _parts(heads[name])}
    rest = [word for word in wanted if word not in named and not (dated and word in _WHEN)]
    for word in rest:
        holders = [name for name, head in heads.items() if word in _parts(head)]
        if holders and not set(holders) & set(chosen):
            chosen.append(holders[0])
    found = dict.fromkeys(chosen)
    for name in chosen:
        _parents(name, heads, found)
    return [name for name in heads if name in found]


def _parents(name: str, heads: dict[str, Head], found: dict[str, None]) -> None:
    """Add the tables that ``name`` refers to by a column such as ``customer_id``."""
    for column in heads[name].columns:
        base = column.removesuffix("_id")
        above = next((t for t in heads if base != column and stem(t) == stem(base)), None)
        if above and above not in found:
            found[above] = None
            _parents(above, heads, found)


def _parts(head: Head) -> set[str]:
    return {
        concept(part)
        for column in head.columns
        for part in (column, *column.split("_"))
        if part != "id" and not column.endswith("_id")
    }


def _concepts(text: str) -> frozenset[str]:
    return frozenset(concept(word) for word in split(text) if word.lower() not in SMALL)
