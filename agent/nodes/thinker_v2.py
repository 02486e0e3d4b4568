"""Executes the plan: asks its model for tool calls, makes them, feeds back results and errors.

It stops as soon as every planned call was made and none of the round failed, so a plan that works
costs one model call; a failed call goes back to the model, for at most three rounds in all.
"""

from agent.core.frames import Envelope
from agent.core.json import Json, fields
from agent.core.state import at
from agent.engine.context import Context
from agent.nodes.calls import Work, converse
from agent.nodes.surroundings import ordered, page


async def thinker_v2(ctx: Context, envelope: Envelope) -> Envelope:
    """Carry out the plan in ``envelope``."""
    plan = at(envelope.data, "plan")
    work = Work(ctx, plan)
    prompt = ctx.render("thinker", plan=ordered(plan), schema=ctx.schema, **page(ctx))
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": envelope.text},
    ]
    await converse(ctx, work, messages)
    data: dict[str, Json] = {**fields(envelope.data), **work.report()}
    return Envelope(kind="work", text=envelope.text, data=data)
