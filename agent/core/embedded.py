"""JSON objects inside prose: found wherever a model put them, fences and half objects around them.

What is found is valid JSON text: line breaks inside strings are escaped, lone surrogates replaced.
"""

import json
from collections.abc import Iterator

import msgspec

_ATTEMPTS = 64
"""Braces that begin no object; a text with more of them is no answer in JSON."""
_loose = json.JSONDecoder(strict=False)


class Found(msgspec.Struct, frozen=True):
    """One object and its place."""

    start: int
    end: int
    json: str


def objects(text: str) -> Iterator[Found]:
    """Yield the outermost objects in ``text``, from left to right."""
    place, left = text.find("{"), _ATTEMPTS
    while place >= 0 and left:
        end = place + 1
        try:
            value, end = _loose.raw_decode(text, place)
        except (ValueError, RecursionError):
            left -= 1
        else:
            yield Found(place, end, _valid(text[place:end], value))
        place = text.find("{", end)


def _valid(written: str, value: object) -> str:
    try:
        msgspec.json.decode(written)
    except (ValueError, RecursionError):
        return mended(value)
    return written


def mended(value: object) -> str:
    """Encode what the lenient parser read; lone surrogates become U+FFFD."""
    loose = json.dumps(value, ensure_ascii=False)
    return loose.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
