"""Steers from behind: after the answer it writes down where the conversation is going.

What it writes is part of the channel's state, and the next message's thinker or director reads it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.events import Decided
from agent.core.frames import Envelope
from agent.core.json import Json
from agent.core.memory import recap
from agent.core.state import at, put
from agent.engine.context import Context
from agent.nodes.surroundings import page, text

RESPONSE_CHARS = 1500


class Guidance(msgspec.Struct, frozen=True, kw_only=True):
    """Where the conversation is going."""

    aim: Annotated[str, Meta(description="what the user is working towards, one sentence")]
    next_move: Annotated[
        str, Meta(description="what the user probably wants next, one sentence, or empty")
    ]
    keep_in_mind: Annotated[
        list[str], Meta(description="what the next answer must not forget, at most three")
    ]


async def director_v1(ctx: Context, envelope: Envelope) -> None:
    """Update the guidance after the answer."""
    prompt = ctx.render(
        "director_v1",
        memory=text(at(ctx.state, "memory")),
        guidance=text(at(ctx.state, "guidance")),
        recap=recap(ctx.history),
        response=str(at(envelope.data, "response") or "")[:RESPONSE_CHARS],
        **page(ctx),
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": envelope.text},
    ]
    guidance: Json = msgspec.to_builtins(await ctx.structured(Guidance, messages))
    if guidance != at(ctx.state, "guidance"):
        ctx.remember(put("guidance", value=guidance))
    ctx.emit(Decided(**ctx.where, plan=guidance))
