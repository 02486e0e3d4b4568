"""Distils a finished turn into memory. Facts are only ever added, or disproved."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.events import Updated
from agent.core.frames import Envelope
from agent.core.json import Json, canonical, fields, items
from agent.core.memory import changes_to, facts_of, merge_facts, merge_topics
from agent.core.state import at
from agent.engine.context import Context

RESPONSE_CHARS = 1500


class Distilled(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn adds to memory."""

    user_name: Annotated[str, Meta(description="name of the user; as known when not said")]
    user_mood: Annotated[str, Meta(description="mood of the user, one word")]
    topic: Annotated[str, Meta(description="what the turn was about, one to four words")]
    language: Annotated[str, Meta(description="ISO 639-1 code of the user's language")]
    style_hint: Annotated[str, Meta(description="how the user likes to be answered")]
    new_facts: Annotated[
        list[str],
        Meta(description="lasting facts the user stated in this turn that are not known yet"),
    ]
    disproved_facts: Annotated[
        list[str], Meta(description="known facts, word for word, that this turn proved wrong")
    ]
    situation: Annotated[str, Meta(description="where the user is in their work, or empty")] = ""


async def memorizer_v1(ctx: Context, envelope: Envelope) -> None:
    """Update memory after the answer."""
    known = at(ctx.state, "memory")
    prompt = ctx.render(
        "memorizer",
        memory=canonical(known).decode(),
        response=str(at(envelope.data, "response") or "")[:RESPONSE_CHARS],
    )
    messages: list[Json] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": envelope.text},
    ]
    wanted = _merge(known, await ctx.structured(Distilled, messages))
    ctx.remember(*changes_to(known, wanted))
    ctx.emit(Updated(**ctx.where, memory=at(ctx.state, "memory")))


def _merge(known: Json, turn: Distilled) -> Json:
    memory = fields(known)
    topic = turn.topic or memory.get("topic")
    return {
        "user_name": turn.user_name or memory.get("user_name"),
        "user_mood": turn.user_mood or memory.get("user_mood"),
        "topic": topic,
        "topic_history": merge_topics(
            items(memory.get("topic_history")), memory.get("topic"), topic
        ),
        "situation": turn.situation or memory.get("situation"),
        "language": turn.language or memory.get("language"),
        "style_hint": turn.style_hint or memory.get("style_hint"),
        "facts": merge_facts(facts_of(known), turn.new_facts, turn.disproved_facts),
    }
