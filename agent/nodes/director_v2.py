"""Decides: turns a perceived message, or a click, into a plan with the tool calls it takes."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core import controls
from agent.core.events import Decided
from agent.core.frames import Envelope
from agent.core.json import Json, canonical, fields
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context


class ToolStep(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call of the plan."""

    tool: Annotated[str, Meta(description="name of a tool")]
    args: Annotated[dict[str, Json], Meta(description="its arguments")]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about the message."""

    goal: Annotated[str, Meta(description="what the user should have afterwards, one sentence")]
    steps: Annotated[list[str], Meta(description="how to get there, in order")]
    tool_sequence: Annotated[
        list[ToolStep], Meta(description="the tool calls it takes, in order; empty when none")
    ]
    answer_hint: Annotated[
        str, Meta(description="what the answer should say or look like, or empty")
    ] = ""


async def director_v2(ctx: Context, envelope: Envelope) -> Envelope:
    """Make the plan for one message or click."""
    clicked = envelope.kind == "action"
    perception = _of_click(ctx, envelope) if clicked else at(envelope.data, "perception")
    text = _click(ctx, envelope) if clicked else envelope.text
    messages: list[Json] = [
        {"role": "system", "content": _prompt(ctx, envelope, perception)},
        *conversation(ctx.history),
        {"role": "user", "content": text},
    ]
    plan: Json = msgspec.to_builtins(await ctx.structured(Plan, messages))
    ctx.emit(Decided(**ctx.where, plan=plan))
    return Envelope(kind="plan", text=text, data={"perception": perception, "plan": plan})


def _prompt(ctx: Context, envelope: Envelope, perception: Json) -> str:
    ui = at(ctx.state, "ui")
    return ctx.render(
        "director",
        tools=[canonical(spec["function"]).decode() for spec in ctx.tools],
        schema=ctx.schema,
        perception=_json(perception),
        memory=_json(at(ctx.state, "memory")),
        sensor=_json(ctx.sensor) if ctx.sensor else "",
        values=_json(at(ui, "state")),
        controls=_json(controls.current(ui)),
        machines=_json(at(ui, "machines")),
        mismatch=controls.mismatch(ui, ctx.dashboard),
        click=_json(envelope.data) if envelope.kind == "action" else "",
    )


def _json(value: Json) -> str:
    return canonical(value).decode()


def _click(ctx: Context, envelope: Envelope) -> str:
    """Return a click as words: the label of the button, where one is known."""
    action = envelope.text
    for control in controls.current(at(ctx.state, "ui")):
        if control.get("action") == action:
            return f"(clicked {control['label']})"
    return f"(clicked {action})"


def _of_click(ctx: Context, envelope: Envelope) -> Json:
    memory = fields(at(ctx.state, "memory"))
    return {
        "who": memory.get("user_name") or ctx.identity,
        "language": memory.get("language") or "en",
        "intent": "action",
        "topic": envelope.text,
        "tone": "casual",
        "complexity": "simple",
        "context": "a button was clicked",
    }
