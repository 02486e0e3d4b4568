"""Saying the answer: streamed, never empty, and marked where the model was cut off. Not a node."""

from agent.core.errors import NodeFailed
from agent.core.json import Json
from agent.engine.context import Context


async def answered(ctx: Context, messages: list[Json], language: str) -> str:
    """Stream the model's answer to the user and return it.

    Raises:
        NodeFailed: the model gave no text.
    """
    reply = await ctx.model(messages, on_text=ctx.say)
    if not reply.text:
        raise NodeFailed(f"{ctx.role}: the model gave no text (finish {reply.finish!r})")
    if reply.finish == "length":
        ctx.say("\n\n" + ctx.render("cut_off", language=language).strip())
    return reply.text
