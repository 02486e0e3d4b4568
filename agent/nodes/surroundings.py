"""What the prompts of several nodes tell alike: the page, the tools, JSON as text. Not a node."""

from collections.abc import Mapping

import msgspec

from agent.core import controls
from agent.core.json import Json, canonical
from agent.core.schemas import Brief, briefs
from agent.core.state import at
from agent.engine.context import Context


def text(value: Json) -> str:
    """Return ``value`` as JSON with sorted keys; nothing for what is empty."""
    return canonical(value).decode() if value else ""


def ordered(value: Json) -> str:
    """Return ``value`` as JSON in the order it was written: states of a machine have one."""
    return msgspec.json.encode(value).decode()


def signatures(ctx: Context) -> list[Json]:
    """Return the node's tools, each with name, description and parameters as JSON."""
    return [canonical(spec["function"]).decode() for spec in ctx.tools]


def tables(ctx: Context, database: str) -> tuple[Brief, ...]:
    """Return what is known of the tables of ``database``; nothing when it is not configured."""
    return briefs(ctx.schema_of(database))


def page(ctx: Context) -> Mapping[str, Json]:
    """Return the template values that tell what the page shows."""
    ui = at(ctx.state, "ui")
    return {
        "values": canonical(at(ui, "state")).decode(),
        "controls": canonical(controls.current(ui)).decode(),
        "machines": canonical(at(ui, "machines")).decode(),
        "mismatch": controls.mismatch(ui, ctx.dashboard),
    }
