"""Controls: what the page shows besides text, and what a click does without a model.

``ui`` is the ``ui`` branch of a channel's state: ``state`` (values by key), ``controls`` (buttons,
labels and displays of the latest answer that made any) and ``machines`` (by id). Everything here
is a pure function over it: tools give changes, ``current`` gives what the page shows, ``resolve``
gives what a click changes.

Invariant: ``current`` and ``resolve`` read the same list, so what can be seen can be clicked.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from agent.core.buttons import (
    MAX_CONTROLS,
    MAX_JSON,
    buttons,
    displays,
    identifier,
    is_name,
    refuse,
    sized,
    text_of,
)
from agent.core.control_specs import BY_NAME, SPECS
from agent.core.errors import ToolFailed
from agent.core.json import Json, fields, items
from agent.core.machines import MAX_MACHINES, add, controls_of, machine
from agent.core.state import Change, at, drop, put

__all__ = [
    "BY_NAME", "NAMES", "SPECS", "Resolution", "clicked", "current", "mismatch", "resolve", "run",
    "sent",
]  # fmt: skip

MAX_KEYS = 200
_TOLD = ("machine_id", "go", "payload")
MAX_NUMBER = 2**53
Ran = tuple[Json, tuple[Change, ...]]


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What a click does on its own."""

    id: str
    """The machine, or the variable."""
    before: Json
    after: Json
    changes: tuple[Change, ...]


def run(tool: str, arguments: Json, ui: Json) -> Ran:
    """Run a control tool and return its result and what it changes.

    Raises:
        ToolFailed: ``bad_arguments`` naming the field, or ``unknown_tool``.
    """
    known = _TOOLS.get(tool)
    if known is None:
        raise ToolFailed("unknown_tool", f"there is no control tool {tool!r}")
    if not isinstance(arguments, dict):
        raise refuse("arguments", "an object", arguments)
    return known(fields(arguments), ui)


def current(ui: Json) -> list[Json]:
    """Return all controls the page shows: those of the latest answer, then each machine's."""
    values = fields(at(ui, "state"))
    shown = [_with_value(control, values) for control in items(at(ui, "controls"))]
    for name in fields(at(ui, "machines")):
        shown += controls_of(at(ui, "machines", name))
    return shown


def resolve(ui: Json, action: str, data: Json) -> Resolution | None:
    """Return what a click on ``action`` does without a model, or ``None`` when it needs one."""
    button = clicked(ui, action, data)
    if button is None:
        return None
    name, target = button.get("machine_id"), button.get("go")
    if name and target:
        return _go(ui, name, target)
    bound = fields(button.get("payload"))
    return _operate(ui, bound) if _is_bound(ui, bound) else None


def clicked(ui: Json, action: str, data: Json) -> Json:
    """Return the button that was meant, or ``None``: nothing is done on a guess.

    Args:
        ui: the ``ui`` branch of the state.
        action: its action or its label.
        data: tells apart those that share an action: what ``sent`` gives, the exact payload, or
            an object with ``machine_id`` and, where they matter, ``go`` and ``payload``.
    """
    matching = [
        control
        for control in current(ui)
        if control.get("type") == "button" and action in (control["action"], control["label"])
    ]
    told = fields(data)
    wanted = {key: told[key] for key in _TOLD if key in told} if "machine_id" in told else {}
    exact = [control for control in matching if sent(control) == data]
    same = [c for c in matching if data is not None and c.get("payload") == data]
    named = [c for c in matching if wanted and all(c.get(key) == wanted[key] for key in wanted)]
    sure = data in (None, {}) or (len(matching) == 1 and not wanted)
    return next(iter([*exact, *same, *named, *(matching if sure else ())]), None)


def sent(control: Json) -> Json:
    """Return what a page sends as data when ``control`` is clicked."""
    if control.get("machine_id") is None:
        return control.get("payload")
    return {key: control[key] for key in _TOLD if key in control}


def mismatch(ui: Json, dashboard: Json) -> str:
    """Say how the browser's buttons differ from ours; empty when they agree or are unknown.

    Args:
        ui: the ``ui`` branch of the state.
        dashboard: what the browser shows, a list of controls or an object that has one.
    """
    shown: Json = fields(dashboard).get("controls", dashboard)
    if not isinstance(shown, list):
        return ""
    browser = _labels(items(shown))
    server = _labels(current(ui))
    if browser == server:
        return ""
    return f"the browser shows the buttons {browser}, they should be {server}"


def _labels(shown: Sequence[Json]) -> list[str]:
    found = [fields(control) for control in shown]
    return [str(c.get("label", "")) for c in found if c.get("type", "button") == "button"]


def _with_value(control: Json, values: Mapping[str, Json]) -> Json:
    key = control.get("var")
    return {**control, "value": values.get(key)} if key else control


def _go(ui: Json, name: str, target: str) -> Resolution | None:
    found = at(ui, "machines", name)
    if target not in fields(found.get("states")):
        return None
    change = put("ui", "machines", name, "current", value=target)
    return Resolution(id=name, before=found["current"], after=target, changes=(change,))


def _is_bound(ui: Json, bound: Mapping[str, Json]) -> bool:
    """Whether a payload says what happens to a value, and the value may be there."""
    name, operation = bound.get("var"), bound.get("op")
    if not (isinstance(name, str) and isinstance(operation, str) and operation in _OPERATIONS):
        return False
    known = fields(at(ui, "state"))
    return name in known or (is_name(name) and len(known) < MAX_KEYS)


def _operate(ui: Json, bound: Mapping[str, Json]) -> Resolution:
    key = bound["var"]
    before = at(ui, "state", key)
    after = _OPERATIONS[bound["op"]](before, bound)
    change = put("ui", "state", key, value=after)
    return Resolution(id=key, before=before, after=after, changes=(change,))


def _number(value: Json) -> int | float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _step(bound: Mapping[str, Json]) -> int | float:
    step = bound.get("step", bound.get("value"))
    return 1 if step is None else _number(step)


def _added(before: Json, step: int | float) -> int | float:
    """Add, as far as JSON and a browser can count exactly; beyond that nothing changes."""
    start = _number(before)
    try:
        after = start + step
    except OverflowError:
        return start
    return after if abs(after) <= MAX_NUMBER else start


_OPERATIONS: Mapping[str, Callable[[Json, Mapping[str, Json]], Json]] = {
    "inc": lambda before, bound: _added(before, _step(bound)),
    "dec": lambda before, bound: _added(before, -_step(bound)),
    "set": lambda before, bound: bound.get("value"),  # noqa: ARG005 - one shape for all
    "toggle": lambda before, bound: not before,  # noqa: ARG005 - one shape for all
}


# The tools


def _emit_actions(given: Mapping[str, Json], ui: Json) -> Ran:
    made = buttons(given.get("actions"), "actions")
    kept = [c for c in items(at(ui, "controls")) if c.get("type") != "button"]
    return {"buttons": [b["label"] for b in made]}, _controls([*kept, *made])


def _emit_display(given: Mapping[str, Json], ui: Json) -> Ran:
    made = displays(given.get("items"), "items")
    kept = [c for c in items(at(ui, "controls")) if c.get("type") == "button"]
    return {"displays": len(made)}, _controls([*made, *kept])


def _controls(value: list[Json]) -> tuple[Change, ...]:
    if len(value) > 2 * MAX_CONTROLS:
        raise refuse("actions", f"at most {2 * MAX_CONTROLS} controls in all", len(value))
    return (put("ui", "controls", value=value),)


def _set_state(given: Mapping[str, Json], ui: Json) -> Ran:
    key = identifier(given.get("key"), "key")
    if "value" not in given:
        raise refuse("value", "a JSON value", None)
    value = sized(given["value"], "value", MAX_JSON)
    known = fields(at(ui, "state"))
    if key not in known and len(known) >= MAX_KEYS:
        raise refuse("key", f"one of the {MAX_KEYS} keys there are (that is the limit)", key)
    return {"key": key, "value": value}, (put("ui", "state", key, value=value),)


def _create_machine(given: Mapping[str, Json], ui: Json) -> Ran:
    made = machine(given)
    known = fields(at(ui, "machines"))
    if made["id"] not in known and len(known) >= MAX_MACHINES:
        raise refuse("id", f"at most {MAX_MACHINES} machines; destroy one first", made["id"])
    return made, (put("ui", "machines", made["id"], value=made),)


def _add_state(given: Mapping[str, Json], ui: Json) -> Ran:
    made = add(_existing(given, ui), given)
    return made, (put("ui", "machines", made["id"], value=made),)


def _reset_machine(given: Mapping[str, Json], ui: Json) -> Ran:
    found = _existing(given, ui)
    change = put("ui", "machines", found["id"], "current", value=found["initial"])
    return {"id": found["id"], "current": found["initial"]}, (change,)


def _destroy_machine(given: Mapping[str, Json], ui: Json) -> Ran:
    found = _existing(given, ui)
    return {"destroyed": found["id"]}, (drop("ui", "machines", found["id"]),)


def _existing(given: Mapping[str, Json], ui: Json) -> Json:
    name = text_of(given.get("id"))
    known = fields(at(ui, "machines"))
    if name not in known:
        raise refuse("id", f"the id of a machine ({', '.join(known) or 'there are none'})", name)
    return known[name]


_TOOLS: Mapping[str, Callable[[Mapping[str, Json], Json], Ran]] = {
    "emit_actions": _emit_actions,
    "set_state": _set_state,
    "emit_display": _emit_display,
    "create_machine": _create_machine,
    "add_state": _add_state,
    "reset_machine": _reset_machine,
    "destroy_machine": _destroy_machine,
}
NAMES = frozenset(_TOOLS)
