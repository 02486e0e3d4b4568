"""A channel's state: one JSON tree that only ever changes by small, recorded changes.

Invariant: a state value is never mutated. ``apply`` copies along the changed path and shares the
rest, so a frame can hold on to the state it saw, and the changes of all frames, folded from the
empty tree, give the state again.

The tree: ``memory`` (what the memorizer keeps), ``ui`` (``state``: values by key, ``controls``: the
latest answer's controls, ``machines``: by id), ``cache`` (schemas an expert has already read).
"""

from collections.abc import Iterable
from functools import reduce

import msgspec

from agent.core.json import Json, fields

Path = tuple[str, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One value written or removed."""

    path: Path
    """Keys from the root, such as ``("memory", "topic")``; never empty."""
    value: Json = None
    gone: bool = False
    """The key is removed instead of written."""


def put(*path: str, value: Json) -> Change:
    """Write ``value`` at ``path``."""
    return Change(path=path, value=value)


def drop(*path: str) -> Change:
    """Remove ``path``."""
    return Change(path=path, gone=True)


def apply(state: Json, changes: Iterable[Change]) -> Json:
    """Return the tree with ``changes`` made, in order."""
    return reduce(lambda tree, change: _at(tree, change.path, change), changes, state)


def _at(tree: Json, path: Path, change: Change) -> Json:
    branch = dict(fields(tree))
    key, rest = path[0], path[1:]
    if rest:
        branch[key] = _at(branch.get(key), rest, change)
    elif change.gone:
        branch.pop(key, None)
    else:
        branch[key] = change.value
    return branch


def at(state: Json, *path: str) -> Json:
    """Read ``path``, or ``None`` where there is nothing."""
    value = state
    for key in path:
        value = fields(value).get(key)
    return value


def fresh_memory(identity: str, situation: Json = "") -> Json:
    """Memory of a conversation that has just begun or was cleared."""
    return {
        "user_name": identity,
        "user_mood": "neutral",
        "topic": None,
        "topic_history": [],
        "situation": situation,
        "language": "en",
        "style_hint": "casual, technical",
        "facts": [],
    }


def fresh(identity: str, situation: Json = "") -> Json:
    """State of a channel nobody has spoken in."""
    return {
        "memory": fresh_memory(identity, situation),
        "ui": {"state": {}, "controls": [], "machines": {}},
        "cache": {},
    }
