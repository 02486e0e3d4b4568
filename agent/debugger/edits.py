"""What a fork changes, checked, and where each change is made.

Invariant: every change is an ``operator_edit`` effect of the visit it precedes, so a fork is
replayed from its own journal. What a held run can be edited in (memory, envelopes, a tool's result)
is edited at the same gate; prompts and settings are a ``Note``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from agent.core.controls import NAMES as CONTROLS
from agent.core.effects import Effect
from agent.core.errors import Unprocessable
from agent.core.graph import NodeSpec
from agent.core.json import Json, digest, fields
from agent.core.pointers import steps, write
from agent.engine.stops import BETWEEN

PLACE = "fork"
"""Where an edit of prompts or settings says it was made."""
SETTINGS = ("temperature", "token_budget")
Target = Literal["prompt", "model", "params", "tool_result", "memory", "envelope"]


class ForkEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change."""

    target: Target
    node: str = ""
    """Its role. Prompt, model and params: only there; left out, everywhere."""
    effect: str = ""
    """The tool call whose result is given, such as `3.thinker.1.1`."""
    path: str = ""
    """Name of the prompt or setting, or a JSON pointer into memory, envelope or result."""
    value: Json


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Prompts and settings that are others from a visit on."""

    frame: int
    node: str
    """The first of its frame, whose effect the note is."""
    edits: tuple[ForkEdit, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A fork's changes where they are made."""

    notes: tuple[Note, ...]
    held: tuple[Effect, ...]
    """As the gate finds them in a recording."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the edits are made on."""

    frame: int
    pending: Sequence[str]
    """Roles that wait at that frame, in declared order."""
    roles: Collection[str]
    prompts: Collection[str]
    effects: Mapping[str, Effect]


def plan(edits: Sequence[ForkEdit], known: Known) -> Plan:
    """Check ``edits`` and say where each is made.

    Raises:
        Unprocessable: naming the edit and its field.
    """
    first = known.pending[0]
    between: list[Json] = []
    held: list[Effect] = []
    noted: list[ForkEdit] = []
    for place, edit in enumerate(edits):
        at = f"edits[{place}]"
        match edit.target:
            case "prompt":
                noted.append(_prompt(at, edit, known))
            case "model" | "params":
                noted.append(_setting(at, edit, known))
            case "tool_result":
                held.append(_result(at, edit, known))
            case "memory":
                between.append({"path": f"/memory{_pointer(at, edit)}", "value": edit.value})
            case "envelope":
                role = _waiting(at, edit, known)
                path = f"/pending/{role}{_pointer(at, edit)}"
                between.append({"path": path, "value": edit.value})
    if between:
        held.append(_held(known.frame, first, BETWEEN, between))
    note = Note(frame=known.frame, node=first, edits=tuple(noted))
    return Plan(notes=(note,) if noted else (), held=tuple(held))


def notes_of(effects: Iterable[Effect]) -> tuple[Note, ...]:
    """Return the notes that a recording holds."""
    return tuple(
        Note(
            frame=effect.frame,
            node=effect.node,
            edits=msgspec.convert(effect.request["edits"], tuple[ForkEdit, ...]),
        )
        for effect in effects
        if effect.kind == "operator_edit" and effect.request["place"] == PLACE
    )


def request_of(note: Note) -> Json:
    """Return what the effect of a note asks."""
    return {"place": PLACE, "edits": msgspec.to_builtins(note.edits)}


def applied(spec: NodeSpec, edits: Iterable[ForkEdit]) -> NodeSpec:
    """Return a node's settings with those of ``edits`` that are about it."""
    for edit in edits:
        if edit.node in ("", spec.role) and edit.target in ("model", "params"):
            name = "model" if edit.target == "model" else edit.path
            spec = msgspec.structs.replace(spec, **{name: edit.value})
    return spec


def templates(role: str, edits: Iterable[ForkEdit]) -> dict[str, str]:
    """Return the templates that ``role`` is given instead of the installed ones."""
    return {
        edit.path: edit.value
        for edit in edits
        if edit.target == "prompt" and edit.node in ("", role)
    }


def _prompt(at: str, edit: ForkEdit, known: Known) -> ForkEdit:
    _role(at, edit, known)
    name = edit.path or edit.node
    if name not in known.prompts:
        names = ", ".join(sorted(known.prompts))
        field = "path" if edit.path or not edit.node else "path: name one of the prompts"
        raise Unprocessable(f"{at}.{field}: no prompt {name!r:.80}; there are: {names}")
    if not isinstance(edit.value, str):
        raise Unprocessable(f"{at}.value: expected the template's text, got {edit.value!r:.80}")
    return msgspec.structs.replace(edit, path=name)


def _setting(at: str, edit: ForkEdit, known: Known) -> ForkEdit:
    _role(at, edit, known)
    name = edit.path.removeprefix("/")
    if edit.target == "model":
        if not isinstance(edit.value, str) or not edit.value:
            raise Unprocessable(f"{at}.value: expected a model id, got {edit.value!r:.80}")
        return edit
    if name not in SETTINGS:
        able = " or ".join(SETTINGS)
        raise Unprocessable(f"{at}.path: expected {able}, got {edit.path!r:.80}")
    if not _fits(name, edit.value):
        raise Unprocessable(f"{at}.value: {edit.value!r:.80} is no {name}")
    return msgspec.structs.replace(edit, path=name)


def _fits(name: str, value: Json) -> bool:
    if isinstance(value, bool):
        return False
    if name == "temperature":
        return value is None or (isinstance(value, int | float) and 0 <= value <= 10)
    return isinstance(value, int) and value > 0


def _result(at: str, edit: ForkEdit, known: Known) -> Effect:
    found = known.effects.get(edit.effect)
    if found is None or found.kind != "tool":
        calls = ", ".join(name for name, e in known.effects.items() if e.kind == "tool")
        raise Unprocessable(
            f"{at}.effect: no tool call {edit.effect!r:.80}; there are: {calls or 'none'}"
        )
    if found.frame < known.frame:
        raise Unprocessable(
            f"{at}.effect: {edit.effect} is of frame {found.frame}, before the fork at "
            f"{known.frame}; fork at frame {found.frame} to change it"
        )
    own = fields(found.response).get("result") if found.name in CONTROLS else found.response
    try:
        value = write(own, steps(_pointer(at, edit)), edit.value)
    except Unprocessable as error:
        raise Unprocessable(f"{at}.{error}") from None
    edits: list[Json] = [{"path": "/tool_result", "value": value}]
    return _held(found.frame, found.node, found.effect_id, edits)


def _waiting(at: str, edit: ForkEdit, known: Known) -> str:
    role = edit.node or known.pending[0]
    if role not in known.pending:
        waiting = ", ".join(known.pending)
        raise Unprocessable(
            f"{at}.node: nothing waits for {role!r:.80} at frame {known.frame}, but for: {waiting}"
        )
    return role


def _role(at: str, edit: ForkEdit, known: Known) -> None:
    if edit.node and edit.node not in known.roles:
        names = ", ".join(known.roles)
        raise Unprocessable(f"{at}.node: no node {edit.node!r:.80}; there are: {names}")


def _pointer(at: str, edit: ForkEdit) -> str:
    path = edit.path if not edit.path or edit.path.startswith("/") else f"/{edit.path}"
    try:
        steps(path)
    except Unprocessable as error:
        raise Unprocessable(f"{at}.{error}") from None
    return path


def _held(frame: int, node: str, place: str, edits: list[Json]) -> Effect:
    """Write an edit down as the gate would find it in a recording."""
    request: Json = {"place": place, "edits": edits}
    return Effect(
        effect_id=f"{frame}.{node}.{PLACE}",
        frame=frame,
        node=node,
        visit=1,
        kind="operator_edit",
        request=request,
        request_hash=digest(request),
        started=0.0,
    )
