"""Reads raw tool output, and says only what stands in it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.core.events import Interpreted
from agent.core.frames import Envelope
from agent.core.json import Json, canonical, fields
from agent.core.state import at
from agent.engine.context import Context

RAW_CHARS = 1500


class Interpretation(msgspec.Struct, frozen=True, kw_only=True):
    """What the output says about the question."""

    summary: Annotated[str, Meta(description="the answer to the question, one or two sentences")]
    row_count: Annotated[int, Meta(description="number of rows the tools returned")]
    key_facts: Annotated[
        list[str], Meta(description="names and figures that matter, copied from the output")
    ]
    confidence: Annotated[
        Literal["high", "medium", "low"],
        Meta(description="low when the output does not answer the question"),
    ]


async def interpreter_v1(ctx: Context, envelope: Envelope) -> Envelope:
    """Interpret the tool output in ``envelope``."""
    raw = canonical(at(envelope.data, "tool_output")).decode()
    prompt = ctx.render(
        "interpreter",
        raw=raw[:RAW_CHARS],
        cut=len(raw) > RAW_CHARS,
        goal=at(envelope.data, "plan", "goal") or "",
        language=at(envelope.data, "perception", "language") or "en",
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": envelope.text},
    ]
    read: Json = msgspec.to_builtins(await ctx.structured(Interpretation, messages))
    ctx.emit(Interpreted(**ctx.where, interpretation=read))
    data: Json = {**fields(envelope.data), "interpretation": read}
    return Envelope(kind="interpretation", text=envelope.text, data=data)
