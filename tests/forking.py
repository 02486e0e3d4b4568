"""Forks in one line, and a node that asks its model."""

from agent.core.frames import Envelope
from agent.debugger.edits import ForkEdit
from agent.runtime.forks import Wish


def edit(target: str, value, **more) -> ForkEdit:
    return ForkEdit(target=target, value=value, **more)


def wish(frame: int, *edits: ForkEdit, **more) -> Wish:
    return Wish(frame=frame, edits=edits, **more)


def asks(text=""):
    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": f"{ctx.role} {text} {envelope.text}"}])
        return Envelope(kind="x", text=f"{ctx.role}:{reply.text}")

    return node
