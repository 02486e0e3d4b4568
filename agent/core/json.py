"""The one alias for free-form values, and the canonical form that hashes are taken of."""

import hashlib
from collections.abc import Mapping
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
