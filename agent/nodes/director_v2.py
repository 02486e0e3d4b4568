"""Decides: turns a perceived message, or a click, into a plan with the tool calls it takes."""

import msgspec

from agent.core.events import Decided
from agent.core.frames import Envelope
from agent.core.json import Json
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context
from agent.nodes.clicks import asked
from agent.nodes.plans import Plan
from agent.nodes.surroundings import page, signatures, text


async def director_v2(ctx: Context, envelope: Envelope) -> Envelope:
    """Make the plan for one message or click."""
    said, perception = asked(ctx, envelope)
    messages: list[Json] = [
        {"role": "system", "content": _prompt(ctx, envelope, perception)},
        *conversation(ctx.history),
        {"role": "user", "content": said},
    ]
    plan: Json = msgspec.to_builtins(await ctx.structured(Plan, messages))
    ctx.emit(Decided(**ctx.where, plan=plan))
    return Envelope(kind="plan", text=said, data={"perception": perception, "plan": plan})


def _prompt(ctx: Context, envelope: Envelope, perception: Json) -> str:
    return ctx.render(
        "director",
        tools=signatures(ctx),
        schema=ctx.schema,
        perception=text(perception),
        memory=text(at(ctx.state, "memory")),
        sensor=text(ctx.sensor),
        guidance=text(at(ctx.state, "guidance")),
        click=text(envelope.data) if envelope.kind == "action" else "",
        **page(ctx),
    )
