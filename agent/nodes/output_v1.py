"""Answers the user, streaming markdown, from what the nodes before it found or did.

Where an expert's own words were the answer, they have been streamed already; it passes them on.
"""

from agent.core import controls
from agent.core.frames import Envelope
from agent.core.json import Json, canonical
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context
from agent.nodes.answers import answered

RESULT_CHARS = 8000


async def output_v1(ctx: Context, envelope: Envelope) -> Envelope | None:
    """Say the answer, unless it has been said."""
    data = envelope.data
    if at(data, "answer"):
        return Envelope(kind="answer", text=at(data, "answer"))
    ui = at(ctx.state, "ui")
    language = at(data, "perception", "language") or "en"
    prompt = ctx.render(
        "output",
        perception=_json(at(data, "perception")),
        memory=_json(at(ctx.state, "memory")),
        plan=_json(at(data, "plan")) if at(data, "plan") else "",
        calls=_json(at(data, "calls")) if at(data, "calls") else "",
        results=_json(at(data, "tool_output"))[:RESULT_CHARS] if at(data, "tool_output") else "",
        interpretation=_json(at(data, "interpretation")) if at(data, "interpretation") else "",
        errors=_json(at(data, "errors")) if at(data, "errors") else "",
        notes=at(data, "notes") or "",
        controls=_json(controls.current(ui)) if at(data, "controls_changed") else "",
        language=language,
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        *conversation(ctx.history),
        {"role": "user", "content": envelope.text},
    ]
    await answered(ctx, messages, language)
    return None


def _json(value: Json) -> str:
    return canonical(value).decode()
