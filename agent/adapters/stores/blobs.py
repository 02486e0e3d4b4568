"""Long texts leave the rows they stand in and are stored once, under their content hash.

A model request repeats its system prompt and most of its history, so this is what keeps a trace's
growth near the size of what is new in it.
"""

import hashlib
from collections.abc import Callable
from typing import cast

from agent.core.json import Json

LONG = 512
"""Characters from which a text is worth a row of its own."""
MARK = "$blob"
_QUOTED = "$blob$"


def name_of(text: str) -> str:
    """Return the content hash that ``text`` is stored under."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def pack(value: Json, keep: Callable[[str, str], None]) -> Json:
    """Replace long texts in ``value`` by references; ``keep(name, text)`` stores them."""
    if isinstance(value, str):
        if len(value) < LONG:
            return value
        name = name_of(value)
        keep(name, value)
        return {MARK: name}
    if isinstance(value, list | tuple):
        return [pack(item, keep) for item in cast("list[Json]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Json]", value)
        packed = {key: pack(item, keep) for key, item in fields.items()}
        return {_QUOTED: packed} if _looks_packed(fields) else packed
    return value


def unpack(value: Json, load: Callable[[str], str]) -> Json:
    """Undo ``pack``."""
    if isinstance(value, list):
        return [unpack(item, load) for item in cast("list[Json]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Json]", value)
        if _looks_packed(fields):
            return load(fields[MARK]) if MARK in fields else _inner(fields[_QUOTED], load)
        return _inner(fields, load)
    return value


def _inner(fields: dict[str, Json], load: Callable[[str], str]) -> Json:
    return {key: unpack(item, load) for key, item in fields.items()}


def _looks_packed(fields: dict[str, Json]) -> bool:
    return len(fields) == 1 and (MARK in fields or _QUOTED in fields)
