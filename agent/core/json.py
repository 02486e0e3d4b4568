"""The one alias for free-form values, and the canonical form that hashes are taken of."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import msgspec

Json: TypeAlias = Any
"""A JSON value whose shape only its owner knows (tool arguments, state, a request as sent)."""

NOTHING: Mapping[str, Json] = MappingProxyType({})

_canonical = msgspec.json.Encoder(order="deterministic")


def canonical(value: Json) -> bytes:
    """Encode ``value`` with sorted keys: equal values give equal bytes on every run."""
    return _canonical.encode(value)


def digest(value: Json) -> str:
    """SHA-256 of the canonical form, first 32 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()[:32]


def fields(value: Json) -> Mapping[str, Json]:
    """Return ``value`` when it is an object, else an empty one."""
    return cast("Mapping[str, Json]", value) if isinstance(value, dict) else NOTHING


def items(value: Json) -> Sequence[Json]:
    """Return ``value`` when it is an array, else an empty one."""
    return cast("Sequence[Json]", value) if isinstance(value, list | tuple) else ()


def first_difference(one: Json, two: Json, at: str = "") -> tuple[str, Json, Json]:
    """Walk two values and return the JSON pointer and both sides where they first differ."""
    left, right = fields(one), fields(two)
    if left and right:
        for key in (*left, *(key for key in right if key not in left)):
            if canonical(left.get(key)) != canonical(right.get(key)):
                return first_difference(left.get(key), right.get(key), f"{at}/{key}")
    for place, (left_item, right_item) in enumerate(zip(items(one), items(two), strict=False)):
        if canonical(left_item) != canonical(right_item):
            return first_difference(left_item, right_item, f"{at}/{place}")
    return at, one, two
