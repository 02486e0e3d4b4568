"""Answers the user, streaming markdown, from what the nodes before it found or did.

Where an expert's own words were the answer, they have been streamed already; it passes them on.
"""

from agent.core import controls
from agent.core.errors import NodeFailed
from agent.core.frames import Envelope
from agent.core.json import Json, canonical
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context

RESULT_CHARS = 8000


async def output_v1(ctx: Context, envelope: Envelope) -> Envelope | None:
    """Say the answer, unless it has been said."""
    data = envelope.data
    if at(data, "answer"):
        return Envelope(kind="answer", text=at(data, "answer"))
    ui = at(ctx.state, "ui")
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
        language=at(data, "perception", "language") or "en",
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        *conversation(ctx.history),
        {"role": "user", "content": envelope.text},
    ]
    reply = await ctx.model(messages, on_text=ctx.say)
    if not reply.text:
        raise NodeFailed(f"{ctx.role}: the model gave no text (finish {reply.finish!r})")
    return None


def _json(value: Json) -> str:
    return canonical(value).decode()
