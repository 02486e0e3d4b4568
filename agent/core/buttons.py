"""Buttons, labels, tables and displays: from whatever a model wrote to the one form we keep.

A button is ``{"type": "button", "label", "action", "payload"?, "go"?}``. A display is
``{"type": "label", "text"?, "label"?, "var"?}``, the same with ``progress`` for a share of a whole
(``text`` such as ``40%``), or ``{"type": "table", "columns", "rows", "label"?}``.
"""

import re
from collections.abc import Mapping

from agent.core.errors import ToolFailed
from agent.core.json import Json, canonical, fields, items

MAX_CONTROLS = 40
MAX_LABEL = 200
MAX_TEXT = 2000
MAX_JSON = 16_384
MAX_PAYLOAD = 4096
MAX_ROWS, MAX_COLUMNS = 200, 30
_NAME = re.compile(r"[^\s\x00-\x1f][^\x00-\x1f]{0,99}")
_SLUG = re.compile(r"[^\w+\-*/=]+")


def refuse(field: str, expected: str, got: Json) -> ToolFailed:
    """Say which argument is wrong, what was expected and what came."""
    return ToolFailed("bad_arguments", f"{field}: expected {expected}, got {got!r:.80}")


def text_of(value: Json) -> str:
    """Text of a string or a number, else nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def is_name(text: str) -> bool:
    """Whether ``text`` can be a key, an id or a name of a state."""
    return _NAME.fullmatch(text) is not None


def identifier(value: Json, field: str) -> str:
    """Return a key, an id or a name of a state.

    Raises:
        ToolFailed: it is empty, too long or holds control characters.
    """
    name = text_of(value)
    if not is_name(name):
        raise refuse(field, "a name of 1 to 100 characters", value)
    return name


def sized(value: Json, field: str, limit: int) -> Json:
    """Return ``value`` when its encoded form is small enough."""
    size = len(canonical(value))
    if size > limit:
        raise refuse(field, f"at most {limit} bytes of JSON", f"{size} bytes")
    return value


def listed(value: Json, field: str) -> list[Json]:
    """Return the list that was given; one object or string counts as a list of one."""
    given: list[Json] = [value] if isinstance(value, dict | str) else list(items(value))
    if not isinstance(value, dict | str | list | tuple):
        raise refuse(field, "a list", value)
    if len(given) > MAX_CONTROLS:
        raise refuse(field, f"at most {MAX_CONTROLS} entries", len(given))
    return given


def buttons(value: Json, field: str) -> list[Json]:
    """Return the buttons in ``value``."""
    return [button(entry, f"{field}[{n}]") for n, entry in enumerate(listed(value, field))]


def button(value: Json, field: str) -> Json:
    """Return ``value`` as a button, whichever words it was written with."""
    given = fields(value) if isinstance(value, dict) else {"label": value}
    if isinstance(given.get("button"), dict | str) and len(given) == 1:
        return button(given["button"], f"{field}.button")
    target = text_of(given.get("go"))
    label = _first(given, "label", "text", "title", "name") or _first(given, "action", "id", "go")
    if not label or len(label) > MAX_LABEL:
        raise refuse(f"{field}.label", f"a text of 1 to {MAX_LABEL} characters", label or value)
    action = _first(given, "action") or target or _first(given, "id") or _slug(label)
    made: dict[str, Json] = {
        "type": "button", "label": label, "action": identifier(action, f"{field}.action"),
    }  # fmt: skip
    payload = _payload(given)
    if payload is not None:
        made["payload"] = sized(payload, f"{field}.payload", MAX_PAYLOAD)
    if target:
        made["go"] = target
    return made


def _payload(given: Mapping[str, Json]) -> Json:
    payload = given.get("payload", given.get("data"))
    if payload is None and "op" in given and "var" in given:
        bound = ("op", "var", "step", "value")
        payload = {key: given[key] for key in bound if key in given}
    return payload


def _first(given: Mapping[str, Json], *keys: str) -> str:
    return next((text for key in keys if (text := text_of(given.get(key)))), "")


def _slug(label: str) -> str:
    return _SLUG.sub("_", label.lower()).strip("_") or label


def displays(value: Json, field: str) -> list[Json]:
    """Return the labels, tables and displays in ``value``."""
    return [display(entry, f"{field}[{n}]") for n, entry in enumerate(listed(value, field))]


def display(value: Json, field: str) -> Json:
    """Return ``value`` as something to look at."""
    if not isinstance(value, dict):
        return {"type": "label", "text": _text(text_of(value), f"{field}.text")}
    given = fields(value)
    if "rows" in given or given.get("type") == "table":
        return _table(given, field)
    kind = text_of(given.get("type"))
    if kind == "button":
        raise refuse(f"{field}.type", "a display (buttons go to emit_actions)", "button")
    made: dict[str, Json] = {"type": "progress" if kind == "progress" else "label"}
    label, shown = _first(given, "label", "title"), given.get("text", given.get("value"))
    if kind == "progress":
        shown = _percent(shown, given.get("max"))
    if label:
        made["label"] = _text(label, f"{field}.label")
    if shown is not None:
        made["text"] = _text(text_of(shown) or _plain(shown), f"{field}.text")
    if given.get("var"):
        made["var"] = identifier(given["var"], f"{field}.var")
    if len(made) == 1:
        raise refuse(field, "a text, a label, a var or rows", value)
    return made


def _percent(value: Json, most: Json) -> Json:
    """Return a share of ``most`` in percent; a value without a maximum is taken as it is."""
    numbers = [n for n in (value, most) if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < 2 or not most > 0:
        return value
    return f"{max(0.0, min(1.0, value / most)):.0%}"


def _plain(value: Json) -> str:
    return canonical(value).decode()


def _text(text: str, field: str) -> str:
    if not text or len(text) > MAX_TEXT:
        raise refuse(field, f"a text of 1 to {MAX_TEXT} characters", text)
    return text


def _table(given: Mapping[str, Json], field: str) -> Json:
    rows = items(given.get("rows"))
    if len(rows) > MAX_ROWS:
        raise refuse(f"{field}.rows", f"at most {MAX_ROWS} rows", len(rows))
    columns = [text_of(name) for name in items(given.get("columns"))]
    if not columns and rows:
        columns = list(fields(rows[0])) or [str(n) for n in range(1, len(items(rows[0])) + 1)]
    if not columns or len(columns) > MAX_COLUMNS:
        raise refuse(f"{field}.columns", f"1 to {MAX_COLUMNS} names", given.get("columns"))
    made: dict[str, Json] = {
        "type": "table", "columns": columns, "rows": [_row(row, columns) for row in rows],
    }  # fmt: skip
    title = _first(given, "label", "title")
    if title:
        made["label"] = title[:MAX_LABEL]
    return sized(made, field, 2 * MAX_JSON)


def _row(row: Json, columns: list[str]) -> list[Json]:
    if isinstance(row, dict):
        return [fields(row).get(name) for name in columns]
    return list(items(row))[: len(columns)] if isinstance(row, list | tuple) else [row]
