"""Anything as a row: values that are JSON as they are, everything else as the nearest JSON.

Nodes and tools are foreign code: what they return may hold an object or half a surrogate pair. A
store that refused it would lose a frame, so it keeps what can be kept.
"""

from typing import TypeVar, cast

import msgspec

from agent.core.json import Json

T = TypeVar("T", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode


def encode(value: Json) -> bytes:
    """Encode ``value``, never failing over what stands in it."""
    try:
        return _encode(value)
    except (TypeError, ValueError):
        return _encode(_clean(value))


def nearest(value: T) -> T:
    """Return ``value`` with everything in it that can be encoded."""
    return msgspec.convert(_clean(value), type(value))


def _clean(value: Json) -> Json:
    return _text_only(msgspec.to_builtins(value, enc_hook=repr, str_keys=True))


def _text_only(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_text_only(item) for item in cast("list[Json]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Json]", value)
        return {_text_only(str(key)): _text_only(item) for key, item in fields.items()}
    return value
