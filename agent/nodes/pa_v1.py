"""The personal assistant: knows the user, answers small things, and hands jobs to experts.

It alone sees conversation and memory, so a job it hands over must say everything the expert needs.
Which experts there are, and what each can do, it reads off the graph's edges.
"""

from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.core.events import Decided
from agent.core.frames import Envelope
from agent.core.graph import NOBODY, NodeSpec
from agent.core.json import Json, fields
from agent.core.memory import conversation
from agent.core.state import at
from agent.engine.context import Context
from agent.nodes.clicks import asked
from agent.nodes.surroundings import page, tables, text

_JOB = "the complete job in the user's words, understandable without the conversation; else empty"


@cache
def routing(experts: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return the shape of a decision when there are these experts."""
    names = (*experts, NOBODY)
    who: Json = Literal[names]
    told = {
        "job": _JOB,
        "thinking_message": "one short sentence the user sees while the expert works, or empty",
        "response_hint": "what the answer should say or ask, or empty",
        "language": "ISO 639-1 code of the answer's language",
    }
    expert = Annotated[who, Meta(description=f"who gets the job; {NOBODY} to answer yourself")]
    texts = [(name, Annotated[str, Meta(description=text)]) for name, text in told.items()]
    return msgspec.defstruct("PARouting", [("expert", expert), *texts], frozen=True, kw_only=True)


async def pa_v1(ctx: Context, envelope: Envelope) -> Envelope:
    """Decide who deals with one message or click."""
    said, perception = asked(ctx, envelope)
    messages: list[Json] = [
        {"role": "system", "content": _prompt(ctx, envelope, perception)},
        *conversation(ctx.history),
        {"role": "user", "content": said},
    ]
    decided = await ctx.structured(routing((*ctx.experts,)), messages)
    route: dict[str, Json] = msgspec.to_builtins(decided)
    ctx.emit(Decided(**ctx.where, plan=route))
    understood: Json = {**fields(perception), "language": route["language"]}
    data: dict[str, Json] = {"perception": understood, "plan": route, "expert": route["expert"]}
    if route["expert"] == NOBODY:
        return Envelope(kind="route", text=said, data=data)
    if route["thinking_message"].strip():
        ctx.say(f"{route['thinking_message'].strip()}\n\n")
    return Envelope(kind="job", text=route["job"].strip() or said, data=data)


def _prompt(ctx: Context, envelope: Envelope, perception: Json) -> str:
    return ctx.render(
        "pa",
        experts=[text(_card(ctx, name, expert)) for name, expert in ctx.experts.items()],
        perception=text(perception),
        memory=text(at(ctx.state, "memory")),
        sensor=text(ctx.sensor),
        click=text(envelope.data) if envelope.kind == "action" else "",
        identity=ctx.identity,
        **page(ctx),
    )


def _card(ctx: Context, name: str, expert: NodeSpec) -> Json:
    """Return what the assistant knows of an expert."""
    card: dict[str, Json] = {"expert": name, "does": expert.description}
    if expert.database:
        known = tables(ctx, expert.database)
        card["knows"] = [brief.head.removeprefix("TABLE ") for brief in known]
    return card
