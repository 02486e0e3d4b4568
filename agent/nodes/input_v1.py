"""Perceives: who speaks, in which language, what is wanted and how hard it is."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.core.events import Perceived
from agent.core.frames import Envelope
from agent.core.json import Json, canonical
from agent.core.memory import recap
from agent.core.state import at
from agent.engine.context import Context


class Perception(msgspec.Struct, frozen=True, kw_only=True):
    """How a message was understood."""

    who: Annotated[str, Meta(description="name of the speaker when known, else user")]
    language: Annotated[str, Meta(description="ISO 639-1 code of the message's language")]
    intent: Annotated[
        Literal["question", "request", "social", "action", "feedback"],
        Meta(description="what the speaker wants"),
    ]
    topic: Annotated[str, Meta(description="what it is about, one to four words")]
    tone: Literal["casual", "frustrated", "playful", "urgent"]
    complexity: Annotated[
        Literal["trivial", "simple", "complex"],
        Meta(description="trivial: can be answered without looking anything up or doing anything"),
    ]
    context: Annotated[str, Meta(description="what of the conversation matters for it, or empty")]


async def input_v1(ctx: Context, envelope: Envelope) -> Envelope:
    """Turn a message into a perception."""
    prompt = ctx.render(
        "input",
        memory=canonical(at(ctx.state, "memory")).decode(),
        recap=recap(ctx.history),
        identity=ctx.identity,
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": envelope.text},
    ]
    perception: Json = msgspec.to_builtins(await ctx.structured(Perception, messages))
    ctx.emit(Perceived(**ctx.where, perception=perception))
    return Envelope(kind="perception", text=envelope.text, data={"perception": perception})
