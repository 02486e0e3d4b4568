"""Machines: small named state machines that the page shows as text and buttons.

A machine is ``{"id", "initial", "current", "states"}``; a state is ``{"buttons": [...], "text"?}``
and a button with ``go`` leads to another state. A machine none of whose states has a button lets
one go from every state to every other one.
"""

from collections.abc import Mapping

from agent.core.buttons import (
    MAX_CONTROLS,
    button,
    buttons,
    identifier,
    listed,
    refuse,
    sized,
    text_of,
)
from agent.core.json import Json, fields, items

MAX_MACHINES = 40
MAX_STATES = 40
MAX_MACHINE = 131_072
"""Bytes of JSON a machine may have in all."""
_BUTTONS = ("buttons", "actions", "controls", "transitions", "on")
_NAMES = ("name", "id", "state")
_TEXTS = ("text", "display", "label", "title", "description")


def machine(given: Mapping[str, Json]) -> Json:
    """Return the machine a model described.

    Raises:
        ToolFailed: naming the field.
    """
    name = identifier(given.get("id"), "id")
    states = _states(given.get("states"))
    initial = text_of(given.get("initial")) or next(iter(states))
    if initial not in states:
        raise refuse("initial", f"one of {', '.join(states)}", initial)
    made = {"id": name, "initial": initial, "current": initial, "states": states}
    _check_targets(made)
    return sized(made, "states", MAX_MACHINE)


def add(old: Json, given: Mapping[str, Json]) -> Json:
    """Return ``old`` with one more state, reachable from ``from`` (default: every state).

    Raises:
        ToolFailed: naming the field.
    """
    name = identifier(given.get("state", given.get("name")), "state")
    known = fields(old["states"])
    if name not in known and len(known) >= MAX_STATES:
        raise refuse("state", f"at most {MAX_STATES} states", name)
    new = _state(given, "state")
    states: dict[str, Json] = {**known, name: new}
    if _open(known) and not new["buttons"]:
        return sized({**old, "states": states}, "state", MAX_MACHINE)
    sources = _sources(given, known, name)
    for source, state in _explicit(known).items():
        linked = any(b.get("go") == name for b in state["buttons"])
        extra = [] if linked or source not in sources else [_to(name)]
        if len(state["buttons"]) + len(extra) > MAX_CONTROLS:
            raise refuse("from", f"states with fewer than {MAX_CONTROLS} buttons", source)
        states[source] = {**state, "buttons": [*state["buttons"], *extra]}
    states[name] = new if new["buttons"] else {**new, "buttons": [_to(old["initial"])]}
    made = {**old, "states": states}
    _check_targets(made)
    return sized(made, "state", MAX_MACHINE)


def controls_of(found: Json) -> list[Json]:
    """Return what the page shows of a machine: its state, then the buttons of that state."""
    name, here = found["id"], found["current"]
    state = _explicit(found["states"])[here]
    text = state.get("text") or here
    label: Json = {"type": "label", "label": name, "text": text, "machine_id": name, "state": here}
    return [label, *({**b, "machine_id": name} for b in state["buttons"])]


def _to(target: str) -> Json:
    return button({"label": target, "go": target}, "states")


def _open(states: Mapping[str, Json]) -> bool:
    return not any(state["buttons"] for state in states.values())


def _explicit(states: Mapping[str, Json]) -> dict[str, Json]:
    """Return the states with the buttons that a machine without any has by itself."""
    if not _open(states):
        return dict(states)
    return {
        name: {**state, "buttons": [_to(other) for other in states if other != name]}
        for name, state in states.items()
    }


def _sources(given: Mapping[str, Json], known: Mapping[str, Json], new: str) -> list[str]:
    if given.get("from") is None:
        return [name for name in known if name != new]
    named = [text_of(name) for name in listed(given["from"], "from")]
    for name in named:
        if name not in known:
            raise refuse("from", f"states of the machine ({', '.join(known)})", name)
    return named


def _states(value: Json) -> dict[str, Json]:
    named = list(_named(value))
    if not 0 < len(named) <= MAX_STATES:
        raise refuse("states", f"1 to {MAX_STATES} states", value)
    states: dict[str, Json] = {}
    for name, state in named:
        if name in states:
            raise refuse("states", "each state once", name)
        states[name] = _state(state, f"states.{name}")
    return states


def _named(value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, dict):
        return [(identifier(name, "states"), state) for name, state in fields(value).items()]
    found: list[tuple[str, Json]] = []
    for n, entry in enumerate(items(value)):
        given = fields(entry)
        name = next((given[key] for key in _NAMES if key in given), None if given else entry)
        rest = {key: part for key, part in given.items() if key not in _NAMES}
        found.append((identifier(name, f"states[{n}]"), rest))
    return found


def _state(value: Json, field: str) -> Json:
    given = fields(value)
    if isinstance(value, str):
        made: Json = {"buttons": [_to(value)] if value else []}
        return made
    listing: Json = value
    if not isinstance(value, list):
        listing = next((given[key] for key in _BUTTONS if key in given), ())
    made = {"buttons": _buttons(listing, f"{field}.buttons")}
    text = next((t for key in _TEXTS if (t := text_of(given.get(key)))), "")
    return {**made, "text": text[:2000]} if text else made


def _buttons(value: Json, field: str) -> list[Json]:
    """Return the buttons of a state; a bare name, or ``label: target`` pairs, lead there."""
    if isinstance(value, dict) and not {"label", "text", "go", "action"} & fields(value).keys():
        pairs = fields(value).items()
        value = [{"label": label, "go": text_of(target)} for label, target in pairs]
    given = [{"label": e, "go": e} if isinstance(e, str) else e for e in listed(value, field)]
    return buttons(given, field)


def _check_targets(made: Json) -> None:
    states = fields(made["states"])
    for name, state in states.items():
        for shown in items(state["buttons"]):
            target = shown.get("go")
            if target is not None and target not in states:
                field = f"states.{name}.buttons.go"
                raise refuse(field, f"one of {', '.join(states)}", target)
