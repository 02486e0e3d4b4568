"""Which offered tool does what, and how a deed becomes a call of it.

A tool is known by its description and by the shape of its parameters, never by its name alone, so
a renamed tool is found all the same.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.asked import Signature
from agent.adapters.models.builtin.widgets import Deed
from agent.core.json import Json, fields, items

_MACHINE = (r"machine|automat", 2)
_SIGNS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "query": (
        (r"\bsql\b", 3), (r"\bselect\b", 3), (r"\bdatabase\b|datenbank", 2), (r"query", 1),
    ),
    "buttons": (
        (r"\bbuttons?\b|knöpfe", 3), (r"show|emit|display|zeig", 1), (r"machine|automat", -4),
    ),
    "value": (
        (r"\bset\b.{0,30}\b(value|state)", 3), (r"value|state", 1),
        (r"machine|automat|label|buttons", -3),
    ),
    "labels": (
        (r"\blabels?\b|tables?\b", 3), (r"show|emit|display", 1), (r"machine|sql|query", -4),
    ),
    "machine": (
        _MACHINE, (r"\bcreate|\bmake\b|\bnew\b|\bbuild", 3), (r"existing|remove|reset", -4),
    ),
    "state": (
        _MACHINE, (r"\badd\b|extend", 3), (r"state|mode|step", 1), (r"remove|create", -3),
    ),
    "reset": (
        _MACHINE, (r"reset|initial|back|restart", 3), (r"create|remove|add\b", -3),
    ),
    "destroy": (
        _MACHINE, (r"remove|destroy|delete|get rid", 3), (r"create|add\b", -3),
    ),
}  # fmt: skip
_ENOUGH = 3


class Call(msgspec.Struct, frozen=True):
    """A tool call to be made."""

    name: str
    arguments: Json


def tool_for(kind: str, tools: Iterable[Signature]) -> Signature | None:
    """Return the tool that does ``kind``, or ``None`` when none is offered."""
    graded = [(_grade(kind, t.name, t.description), -n, t) for n, t in enumerate(tools)]
    best = max(graded, default=None, key=lambda entry: entry[:2])
    return best[2] if best and best[0] >= _ENOUGH else None


@lru_cache(1024)
def _grade(kind: str, name: str, description: str) -> int:
    first = re.split(r"[.;:]", description, maxsplit=1)[0].lower()
    words = f"{name.replace('_', ' ')} {description}".lower()
    lead = f"{name.replace('_', ' ')} {first}".lower()
    total = 0
    for pattern, worth in _SIGNS[kind]:
        if worth < 0:
            total += worth if re.search(pattern, lead) else 0
        elif re.search(pattern, lead):
            total += worth
        elif re.search(pattern, words):
            total += worth // 2
    return total


def query_call(sql: str, tools: Iterable[Signature]) -> Call | None:
    """Return the call that runs ``sql``."""
    tool = tool_for("query", tools)
    if tool is None:
        return None
    given = _properties(tool)
    statement = _pick(given, r"sql|statement|query", r"query|sql|statement") or next(
        iter(given), "query"
    )
    arguments: dict[str, Json] = {statement: sql}
    for name, spec in given.items():
        if name != statement and (choices := items(fields(spec).get("enum"))):
            arguments[name] = choices[0]
        elif name != statement and name in items(fields(tool.parameters).get("required")):
            arguments[name] = fields(spec).get("default", "")
    return Call(tool.name, arguments)


def calls_for(wanted: Iterable[Deed], tools: tuple[Signature, ...]) -> list[Call]:
    """Return the calls for ``wanted``, leaving out what no tool can do."""
    made: list[Call] = []
    for deed in wanted:
        tool = tool_for(deed.kind, tools)
        if tool is not None:
            made.append(Call(tool.name, _arguments(deed, tool)))
    return made


def _arguments(deed: Deed, tool: Signature) -> Json:
    given = _properties(tool)
    match deed.kind:
        case "value":
            key = _pick(given, r"key|name|var", r"name of") or "key"
            value = _pick(given, r"value|val|to\b", r"any json|new value", skip=key) or "value"
            return {key: deed.name, value: deed.value}
        case "buttons" | "labels":
            listing = next(
                (n for n, s in given.items() if fields(s).get("type") == "array"), "items"
            )
            spec = fields(fields(given.get(listing)).get("items"))
            return {
                listing: [_renamed(entry, fields(spec.get("properties"))) for entry in deed.entries]
            }
        case "machine":
            states = (
                _pick(given, r"state|mode|node", r"state name|states", kinds=("object", "array"))
                or "states"
            )
            initial = (
                _pick(given, r"initial|start|first", r"starts in|initial", skip=states) or "initial"
            )
            name = _identity(given, (states, initial))
            return {name: deed.name, initial: deed.initial, states: deed.value}
        case "state":
            name = _identity(given, ())
            state = (
                _pick(given, r"state|mode|step|name", r"new state|name of", skip=name) or "state"
            )
            return {name: deed.name, state: deed.value}
        case _:
            return {_identity(given, ()): deed.name}


def _identity(given: Mapping[str, Json], taken: tuple[str, ...]) -> str:
    free = {name: spec for name, spec in given.items() if name not in taken}
    return _pick(free, r"^id$|_id$|machine|automat", r"\bid\b|which") or next(iter(free), "id")


def _properties(tool: Signature) -> Mapping[str, Json]:
    return fields(fields(tool.parameters).get("properties"))


def _pick(
    given: Mapping[str, Json],
    name_like: str,
    told_like: str,
    *,
    skip: str = "",
    kinds: tuple[str, ...] = (),
) -> str:
    """Return the parameter that is called or described like that."""
    free = {
        name: fields(spec)
        for name, spec in given.items()
        if name != skip and (not kinds or fields(spec).get("type") in kinds)
    }
    for name, spec in free.items():
        if re.search(told_like, str(spec.get("description", "")).lower()) and re.search(
            name_like, name.lower()
        ):
            return name
    by_name = next((name for name in free if re.search(name_like, name.lower())), "")
    told = (
        n for n, s in free.items() if re.search(told_like, str(s.get("description", "")).lower())
    )
    return by_name or next(told, "")


def _renamed(entry: Json, offered: Mapping[str, Json]) -> Json:
    """Return a button or label in the property names that the tool's schema uses."""
    names = {
        "label": r"label|text|caption|title", "action": r"action|id|name|event",
        "payload": r"payload|data|args", "var": r"var|key|bind",
    }  # fmt: skip
    made: dict[str, Json] = {}
    for key, value in entry.items():
        known = key if key in offered or key not in names else ""
        found = known or next((n for n in offered if re.search(names[key], n.lower())), key)
        made[found] = value
    return made
