"""Nodes that ask, write, count and remember."""

from agent.core.errors import ToolFailed
from agent.core.frames import Envelope
from agent.core.state import at, put


async def ask_v1(ctx, envelope):
    """Ask the model, then write."""
    await ctx.model([{"role": "user", "content": envelope.text}])
    try:
        await ctx.call("book", {"entry": f"{ctx.run_id} first"})
    except ToolFailed as failure:
        return Envelope(kind="asked", text=failure.code)
    return Envelope(kind="asked", text=envelope.text)


async def count_v1(ctx, envelope):
    """Write again, and say how many messages there were."""
    try:
        await ctx.call("book", {"entry": f"{ctx.run_id} second"})
    except ToolFailed:
        ctx.say("?")
    count = (at(ctx.state, "memory", "count") or 0) + 1
    ctx.remember(put("memory", "count", value=count))
    ctx.say(f"{count}")


async def look_v1(ctx, envelope):
    """Look at the clock, beside the other one."""
    ctx.now()
    return Envelope(kind="looked", text=envelope.text)


async def last_v1(ctx, envelope):
    """Remember what was said."""
    ctx.remember(put("memory", "last", value=envelope.text))
