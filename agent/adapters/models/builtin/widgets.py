"""What somebody wants on the page: counters, switches, buttons, machines; and changes to them.

The result is a list of deeds in our own words; ``toolbox`` turns them into calls of whatever tools
the request offers.
"""

import re

import msgspec

from agent.adapters.models.builtin.counting import COUNTER, counts
from agent.adapters.models.builtin.lexicon import STOP
from agent.adapters.models.builtin.naming import (
    MACHINE,
    NOUNS,
    QUOTES,
    listing,
    machine_name,
    name_in,
    slug,
)
from agent.adapters.models.builtin.words import fold, split
from agent.core.json import Json, fields, items

_MAKE = re.compile(
    r"\b(make|create|build|add|give|show|need|want|put|set up|generate|design|like an?"
    r"|(?:can|could|may|let) (?:i|we|us|me|you) (?:please )?(?:have|get)|like to have|let's have"
    r"|kann ich|können wir|könnte ich"
    r"|mach\w*|erstell\w*|bau\w*|füge|gib|zeig\w*|brauche|möchte|will"
        r"|hätte|leg\w*|anlegen|hinzufügen)\b", re.IGNORECASE)  # fmt: skip
_REMOVE = re.compile(
    r"\b(remove|delete|destroy|drop|get rid of|lösch\w*|entfern\w*|weg mit)\b", re.IGNORECASE
)
_RESET = re.compile(r"\b(reset|restart|zurücksetzen|setze? .* zurück|von vorn\w*)\b", re.IGNORECASE)
_ADD = re.compile(
    r"\b(add|another|extend|insert|füge?|hinzu\w*|ergänz\w*|noch ein\w*|append)\b", re.IGNORECASE
)
_SET = re.compile(
    r"\b(?:set|setze?|change|ändere?)\s+(?:the\s+|den\s+|die\s+"
    r"|das\s+)?([\w ]+?)\s+(?:to|auf)\s+(.+?)[.!]?$",
    re.IGNORECASE,
)
_TOGGLE = re.compile(
    r"\b(toggles?|switch(?:es)?|schalter|umschalter|checkbox|on/off|an/aus)\b", re.IGNORECASE
)
_BUTTON = re.compile(r"\b(buttons?|knopf|knöpfe|schaltfläche\w*|taste\w*)\b", re.IGNORECASE)
_STATE = re.compile(
    r"\b(state|page|step|tab|mode|zustand|seite|schritt|modus|phase)\b", re.IGNORECASE
)
_START = re.compile(
    r"\b(?:start\w*|begin\w*|beginn\w*|ab|bei|from|at)\s+(?:at|with|from|bei|mit|von)?\s*(-?\d+)\b",
    re.IGNORECASE,
)
_STEP = re.compile(r"\b(?:steps? of|by|in \w*schritten|um)\s+(\d+)\b", re.IGNORECASE)
_COLOURS = (("red", "yellow", "green"), ("rot", "gelb", "grün"))
_PAGES = (("home", "search", "settings"), ("start", "suche", "einstellungen"))
_STEPS = (("step_1", "step_2", "step_3"), ("schritt_1", "schritt_2", "schritt_3"))


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows now, as the prompt tells."""

    buttons: tuple[Json, ...] = ()
    labels: tuple[Json, ...] = ()
    machines: tuple[Json, ...] = ()


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do to the page."""

    kind: str
    """``value buttons labels machine state reset destroy``."""
    name: str = ""
    value: Json = None
    entries: tuple[Json, ...] = ()
    initial: str = ""


def shown_in(objects: tuple[Json, ...]) -> Shown:
    """Find what the page shows among the JSON of a prompt."""
    found: list[Json] = []
    machines: dict[str, Json] = {}
    for value in objects:
        known = ("button", "label", "table")
        found += [entry for entry in items(value) if fields(entry).get("type") in known]
        for entry in (value, *fields(value).values()):
            if {"states", "current"} <= fields(entry).keys():
                machines[str(entry.get("id"))] = entry
    own = [entry for entry in found if not entry.get("machine_id")]
    unique = list({msgspec.json.encode(entry): entry for entry in own}.values())
    return Shown(
        buttons=tuple(e for e in unique if e["type"] == "button"),
        labels=tuple(e for e in unique if e["type"] != "button"),
        machines=tuple(machines.values()),
    )


def deeds(text: str, shown: Shown, language: str) -> list[Deed]:
    """Return what ``text`` wants done to the page; nothing when it is about something else."""
    if _REMOVE.search(text):
        return _removal(text, shown)
    if _RESET.search(text) and not _BUTTON.search(text):
        return _resetting(text, shown)
    setting = _SET.search(text)
    if setting and not _MAKE.search(text):
        return _setting(setting, shown)
    if not (_MAKE.search(text) or len(split(text)) <= 6):
        return []
    return _making(text, shown, language)


def _making(text: str, shown: Shown, language: str) -> list[Deed]:
    machine = _machine_meant(text, shown)
    if machine and _STATE.search(text) and _ADD.search(text):
        name = _wanted_state(text, machine)
        return [Deed(kind="state", name=str(machine["id"]), value=name)] if name else []
    if MACHINE.search(text):
        return [_machine(text, language)]
    if counts(text) and not (_BUTTON.search(text) and _ADD.search(text) and shown.buttons):
        return _counter(text, language)
    if _TOGGLE.search(text):
        return _toggle(text)
    if _BUTTON.search(text):
        return _buttons(text, shown, language)
    return []


def _counter(text: str, language: str) -> list[Deed]:
    name = name_in(text).strip() or ("zähler" if language == "de" else "count")
    key, label = slug(name), name.replace("_", " ").capitalize()
    start, step = _START.search(text), _STEP.search(text)
    begin, by = int(start[1]) if start else 0, int(step[1]) if step else 1
    made = [
        _bound("+", f"inc_{key}" if key != "count" else "inc", "inc", key, by),
        _bound("-", f"dec_{key}" if key != "count" else "dec", "dec", key, by),
    ]
    if _RESET.search(text):
        made.append(_reset_button(key, begin, language))
    return [
        Deed(kind="value", name=key, value=begin),
        Deed(kind="labels", entries=({"type": "label", "label": label, "var": key},)),
        Deed(kind="buttons", entries=tuple(made)),
    ]


def _bound(label: str, action: str, operation: str, key: str, step: int) -> Json:
    payload = {"op": operation, "var": key}
    return {
        "label": label, "action": action,
        "payload": payload if step == 1 else {**payload, "step": step},
    }  # fmt: skip


def _reset_button(key: str, value: Json, language: str) -> Json:
    label = "Zurücksetzen" if language == "de" else "Reset"
    payload = {"op": "set", "var": key, "value": value}
    return {
        "label": label,
        "action": f"reset_{key}" if key != "count" else "reset",
        "payload": payload,
    }


def _toggle(text: str) -> list[Deed]:
    name = name_in(text).strip() or "switch"
    key, label = slug(name), name.replace("_", " ").capitalize()
    button = {"label": label, "action": f"toggle_{key}", "payload": {"op": "toggle", "var": key}}
    return [
        Deed(kind="value", name=key, value=False),
        Deed(kind="labels", entries=({"type": "label", "label": label, "var": key},)),
        Deed(kind="buttons", entries=(button,)),
    ]


def _buttons(text: str, shown: Shown, language: str) -> list[Deed]:
    keeps = bool(_ADD.search(text))
    kept = tuple(map(_plain, shown.buttons)) if keeps else ()
    variable = _variable(shown)
    if _RESET.search(text) and variable:
        button = _reset_button(variable, 0, language)
        kept = tuple(entry for entry in kept if entry["action"] != button["action"])
        return [Deed(kind="buttons", entries=(*kept, button))]
    labels = QUOTES.findall(text) or listing(text) or _named_before(text)
    made = tuple({"label": label, "action": slug(label)} for label in labels)
    return [Deed(kind="buttons", entries=(*kept, *made))] if made else []


def _named_before(text: str) -> list[str]:
    """``a help button``, ``einen Start-Knopf``."""
    name = name_in(text).strip()
    return [name.capitalize()] if name else ["Reset"] if _RESET.search(text) else ["Button"]


def _plain(button: Json) -> Json:
    return {key: value for key, value in button.items() if key not in ("type", "value")}


def _variable(shown: Shown) -> str:
    bound = [fields(b.get("payload")).get("var") for b in shown.buttons]
    bound += [label.get("var") for label in shown.labels]
    return next((str(name) for name in bound if name), "")


def _machine(text: str, language: str) -> Deed:
    german = language == "de"
    light = re.search(r"traffic ?light|ampel", text, re.IGNORECASE)
    steps = re.search(r"wizard|assistent|stepper|steps|workflow|schritt", text, re.IGNORECASE)
    named = [slug(entry) for entry in QUOTES.findall(text) or listing(text)]
    default = _COLOURS if light else _STEPS if steps else _PAGES
    states = list(dict.fromkeys(named)) if len(named) > 1 else list(default[german])
    cycle = bool(light or re.search(r"\bcycle|loop|zyklus|kreis", text, re.IGNORECASE))
    entries = {
        name: {"buttons": _ways(name, states, cycle=cycle, steps=bool(steps))} for name in states
    }
    return Deed(kind="machine", name=machine_name(text), value=entries, initial=states[0])


def _ways(name: str, states: list[str], *, cycle: bool, steps: bool) -> list[Json]:
    place = states.index(name)
    if cycle:
        targets = [states[(place + 1) % len(states)]]
    elif steps:
        targets = [states[n] for n in (place - 1, place + 1) if 0 <= n < len(states)]
    else:
        targets = [other for other in states if other != name]
    return [{"label": target.replace("_", " ").capitalize(), "go": target} for target in targets]


def _machine_meant(text: str, shown: Shown) -> Json:
    low = fold(text)
    for machine in shown.machines:
        name = fold(str(machine.get("id")))
        if name in low or name.replace("_", " ") in low:
            return machine
    return shown.machines[-1] if shown.machines else None


def _wanted_state(text: str, machine: Json) -> str:
    named = QUOTES.findall(text) or listing(text)
    own = set(split(fold(str(machine["id"]).replace("_", " "))))
    for name in named:
        if fold(name) not in own and MACHINE.sub("", name).strip():
            return slug(re.sub(r"\s+(?:to|zu|in|into|auf)\b.*$", "", name, flags=re.IGNORECASE))
    words = [w for w in split(text) if w.lower() not in STOP | NOUNS and fold(w) not in own]
    return slug(words[0]) if words else ""


def _removal(text: str, shown: Shown) -> list[Deed]:
    machine = _machine_meant(text, shown)
    named = machine and fold(str(machine["id"]).replace("_", " ")) in fold(text).replace("_", " ")
    if machine and (named or MACHINE.search(text)):
        everything = re.search(r"\b(all|alle)\b", text, re.IGNORECASE)
        gone = shown.machines if everything else (machine,)
        return [Deed(kind="destroy", name=str(m["id"])) for m in gone]
    if (
        COUNTER.search(text)
        or _TOGGLE.search(text)
        or re.search(r"\b(all|alle)\b", text, re.IGNORECASE)
    ):
        return [Deed(kind="labels"), Deed(kind="buttons")] if shown.buttons or shown.labels else []
    if _BUTTON.search(text) and shown.buttons:
        low = fold(text)
        kept = [b for b in shown.buttons if fold(b["label"]) not in low]
        kept = [] if len(kept) == len(shown.buttons) else kept
        return [Deed(kind="buttons", entries=tuple(map(_plain, kept)))]
    return []


def _resetting(text: str, shown: Shown) -> list[Deed]:
    machine = _machine_meant(text, shown)
    variable = _variable(shown)
    if variable and (COUNTER.search(text) or not machine):
        return [Deed(kind="value", name=variable, value=0)]
    return [Deed(kind="reset", name=str(machine["id"]))] if machine else []


def _setting(found: "re.Match[str]", shown: Shown) -> list[Deed]:
    raw = found[2].strip().strip("\"'")
    name, variable = slug(found[1]), _variable(shown)
    if COUNTER.search(found[1]) and variable:
        name = variable
    try:
        value: Json = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        value = raw
    return [Deed(kind="value", name=name, value=value)]
