"""Why two runs part: the earliest input that differs and feeds the visit where they first do.

Everything before that visit was the same, its envelope and what it asked up to there included. So
what made the difference came in from outside: an operator, another prompt, model or memory, what a
tool answered, other code or another graph; or nothing did, and the model varied.
"""

import re
from typing import Literal

import msgspec

from agent.core.effects import Effect
from agent.core.frames import FrameRecord
from agent.core.graph import GraphSpec
from agent.core.json import Json, canonical, fields
from agent.core.revisions import changed
from agent.debugger.diff import Parting, Side
from agent.debugger.edits import notes_of, templates

Cause = Literal[
    "prompt", "model", "memory", "tool_result", "operator_edit", "graph", "code", "model_variance"
]
SETTINGS = ("model", "temperature", "max_tokens")
_FILLED = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
"""What a template fills in."""


def cause(left: Side, right: Side, parting: Parting) -> Cause | None:
    """Return why two runs part; ``None`` where they were given something else to begin with."""
    if _operated(left, right, parting):
        return "operator_edit"
    if parting.effects is None:
        asked_otherwise = parting.spot.field.startswith("input")
        return _given(left, right) if asked_otherwise else _inside(left, right, parting)
    old, new = parting.effects
    if old is None or new is None:
        return _inside(left, right, parting)
    if old.request_hash != new.request_hash:
        if old.kind == "model":
            return _requested(left, right, parting, old, new)
        return _inside(left, right, parting)
    return "model_variance" if old.kind == "model" else "tool_result"


def _operated(left: Side, right: Side, parting: Parting) -> bool:
    """Whether an operator edited one of the visits in another way than the other."""
    pair = parting.pair
    return _edits(left, pair.left) != _edits(right, pair.right)


def _edits(side: Side, record: FrameRecord | None) -> list[str]:
    names = set(record.effects if record else ())
    return [
        effect.request_hash
        for effect in side.trace.effects
        if effect.effect_id in names and effect.kind == "operator_edit"
        if not notes_of((effect,))
    ]


def _given(left: Side, right: Side) -> Cause | None:
    return "graph" if "graph" in _parts(left, right) else None


def _requested(left: Side, right: Side, parting: Parting, old: Effect, new: Effect) -> Cause | None:
    one, two = fields(old.request), fields(new.request)
    if any(canonical(one.get(name)) != canonical(two.get(name)) for name in SETTINGS):
        return "model"
    said, says = canonical(one.get("messages")), canonical(two.get("messages"))
    if said != says and (_noted(left, right, old) or _worded(left, right, said, says)):
        return "prompt"
    return _inside(left, right, parting)


def _noted(left: Side, right: Side, effect: Effect) -> bool:
    """Whether a fork gave the node other templates."""

    def prompts(side: Side) -> Json:
        held = [note for note in notes_of(side.trace.effects) if note.frame <= effect.frame]
        return templates(effect.node, [edit for note in held for edit in note.edits])

    return prompts(left) != prompts(right)


def _worded(left: Side, right: Side, said: bytes, says: bytes) -> bool:
    """Whether words of a template that only one side has are only in what that side asked."""
    for part in _parts(left, right):
        if part.startswith("prompt:"):
            one, two = _lines(left, part), _lines(right, part)
            gone, come = one - two, two - one
            if any((line in said) != (line in says) for line in gone | come):
                return True
    return False


def _lines(side: Side, part: str) -> set[bytes]:
    """Return the pieces of a template that stand in a request as they are."""
    pieces = _FILLED.split(side.texts.get(part, ""))
    lines = [line.strip() for piece in pieces for line in piece.splitlines()]
    return {canonical(line)[1:-1] for line in lines if line}


def _inside(left: Side, right: Side, parting: Parting) -> Cause | None:
    """Say why a node did something else, though it was given and told the same."""
    parts = _parts(left, right)
    if _recoded(left, right, _role(parting), parts):
        return "code"
    if "graph" in parts or left.trace.graph != right.trace.graph:
        return "graph"
    if "schemas" in parts:
        return "tool_result"
    if _remembered(left) != _remembered(right):
        return "memory"
    if any(part.startswith("prompt:") for part in parts):
        return "prompt"
    known = left.manifest is not None and right.manifest is not None
    return "code" if known and canonical(left.given) == canonical(right.given) else None


def _recoded(left: Side, right: Side, role: str, parts: list[str]) -> bool:
    """Whether the node's own code is another, or what it shares, or the tools it is shown."""
    own = {f"node:{_impl(left, role)}", f"node:{_impl(right, role)}"}
    shared = ("shared:", "tool:", "tools")
    return any(part in own or part.startswith(shared) for part in parts)


def _role(parting: Parting) -> str:
    record = parting.pair.left or parting.pair.right
    return record.node if record else ""


def _impl(side: Side, role: str) -> str:
    text = side.texts.get("graph")
    nodes = msgspec.json.decode(text, type=GraphSpec).nodes if text else ()
    return next((node.impl for node in nodes if node.role == role), "")


def _remembered(side: Side) -> bytes:
    return canonical([side.state, [(turn.role, turn.content) for turn in side.history]])


def _parts(left: Side, right: Side) -> list[str]:
    if left.manifest is None or right.manifest is None:
        return []
    return changed(left.manifest, right.manifest)
