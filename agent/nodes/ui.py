"""Shows the controls, and resolves clicks that need no model."""

from agent.core import controls
from agent.core.events import Controls, MachineTransition
from agent.core.frames import Envelope
from agent.core.state import at
from agent.engine.context import Context


async def ui(ctx: Context, envelope: Envelope) -> None:
    """Publish what the page shows from now on; it is sent whole, so a page that differs heals."""
    if envelope.kind == "action":
        data = at(envelope.data, "data")
        clicked = controls.resolve(at(ctx.state, "ui"), envelope.text, data)
        if clicked is not None:
            ctx.remember(*clicked.changes)
            ctx.emit(
                MachineTransition(
                    **ctx.where, id=clicked.id, before=clicked.before, after=clicked.after
                )
            )
    ctx.emit(Controls(**ctx.where, controls=controls.current(at(ctx.state, "ui"))))
