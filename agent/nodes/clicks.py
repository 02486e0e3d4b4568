"""A click in the words of a message, for nodes that treat both alike. Not a node."""

from agent.core import controls
from agent.core.frames import Envelope
from agent.core.json import Json, fields
from agent.core.state import at
from agent.engine.context import Context


def asked(ctx: Context, envelope: Envelope) -> tuple[str, Json]:
    """Return what was said and how it was perceived; a click is said with its button's label."""
    if envelope.kind != "action":
        return envelope.text, at(envelope.data, "perception")
    return f"(clicked {_label(ctx, envelope)})", _perception(ctx, envelope)


def _label(ctx: Context, envelope: Envelope) -> str:
    found = controls.clicked(at(ctx.state, "ui"), envelope.text, at(envelope.data, "data"))
    return envelope.text if found is None else str(found["label"])


def _perception(ctx: Context, envelope: Envelope) -> Json:
    memory = fields(at(ctx.state, "memory"))
    return {
        "who": memory.get("user_name") or ctx.identity,
        "language": memory.get("language") or "en",
        "intent": "action",
        "topic": envelope.text,
        "tone": "casual",
        "complexity": "simple",
        "context": "a button was clicked",
    }
