"""Whether a value fits a JSON schema: the keywords that tools describe their arguments with.

Invariant: a keyword that is not known here is passed over, so what is refused is refused rightly.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from agent.core.json import Json, canonical, fields, items
from agent.core.pointers import Steps, pointer, read, steps


def misfit(value: Json, schema: Json, at: Steps = ()) -> str:
    """Return what is wrong with ``value``, beginning with its place; empty when it fits.

    Args:
        value: any JSON.
        schema: a JSON schema; ``$ref`` leads into itself.
        at: where ``value`` stands, for the message.
    """
    return next(_faults(value, schema, schema, at), "")


def _faults(value: Json, schema: Json, whole: Json, at: Steps) -> Iterator[str]:
    known = fields(schema)
    if "$ref" in known:
        yield from _faults(value, read(whole, steps(known["$ref"].lstrip("#"))), whole, at)
    for keyword in ("anyOf", "oneOf"):
        tried = [next(_faults(value, one, whole, at), "") for one in items(known.get(keyword))]
        if tried and all(tried):
            yield (
                tried[0]
                if len(tried) == 1
                else f"{pointer(at)}: "
                + "; or ".join(fault.removeprefix(f"{pointer(at)}: ") for fault in tried)
            )
    for one in items(known.get("allOf")):
        yield from _faults(value, one, whole, at)
    kinds = known.get("type")
    kinds = (kinds,) if isinstance(kinds, str) else items(kinds)
    if kinds and not any(_KINDS.get(kind, _anything)(value) for kind in kinds):
        yield f"{pointer(at)}: expected {' or '.join(kinds)}, got {_shown(value)}"
        return
    choices = items(known.get("enum")) or ([known["const"]] if "const" in known else [])
    if choices and canonical(value) not in [canonical(one) for one in choices]:
        able = ", ".join(map(_shown, choices))
        yield f"{pointer(at)}: expected one of {able}, got {_shown(value)}"
    yield from _limits(value, known, at)
    if isinstance(value, dict):
        yield from _members(fields(value), known, whole, at)
    elif isinstance(value, list | tuple) and "items" in known:
        for place, item in enumerate(items(value)):
            yield from _faults(item, known["items"], whole, (*at, str(place)))


def _members(value: Mapping[str, Json], known: Json, whole: Json, at: Steps) -> Iterator[str]:
    given = fields(known.get("properties"))
    for name in items(known.get("required")):
        if name not in value:
            yield f"{pointer((*at, name))}: missing"
    more = known.get("additionalProperties", True)
    for name, member in value.items():
        if name in given:
            yield from _faults(member, given[name], whole, (*at, name))
        elif more is False:
            able = ", ".join(given) or "none"
            yield f"{pointer((*at, name))}: unknown; there are: {able}"
        else:
            yield from _faults(member, more, whole, (*at, name))


def _limits(value: Json, known: Json, at: Steps) -> Iterator[str]:
    size = len(value) if isinstance(value, str) else len(fields(value)) or len(items(value))
    for keyword, (applies, holds) in _LIMITS.items():
        limit = known.get(keyword)
        if limit is None or not applies(value):
            continue
        measured: Json = size if keyword.endswith(("Length", "Items", "Properties")) else value
        if not holds(measured, limit):
            yield f"{pointer(at)}: {keyword} is {_shown(limit)}, got {_shown(value)}"


def _shown(value: Json) -> str:
    return canonical(value).decode()[:80]


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Json) -> bool:
    return _number(value) and value == int(value)


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _array(value: Json) -> bool:
    return isinstance(value, list | tuple)


def _object(value: Json) -> bool:
    return isinstance(value, dict)


def _anything(_value: Json) -> bool:
    return True


_KINDS: dict[str, Callable[[Json], bool]] = {
    "string": _text,
    "number": _number,
    "integer": _whole,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": _array,
    "object": _object,
}
_LIMITS: dict[str, tuple[Callable[[Json], bool], Callable[[Json, Json], bool]]] = {
    "minimum": (_number, lambda value, limit: value >= limit),
    "maximum": (_number, lambda value, limit: value <= limit),
    "exclusiveMinimum": (_number, lambda value, limit: value > limit),
    "exclusiveMaximum": (_number, lambda value, limit: value < limit),
    "minLength": (_text, lambda size, limit: size >= limit),
    "maxLength": (_text, lambda size, limit: size <= limit),
    "pattern": (_text, lambda value, limit: re.search(limit, value) is not None),
    "minItems": (_array, lambda size, limit: size >= limit),
    "maxItems": (_array, lambda size, limit: size <= limit),
    "minProperties": (_object, lambda size, limit: size >= limit),
    "maxProperties": (_object, lambda size, limit: size <= limit),
}
