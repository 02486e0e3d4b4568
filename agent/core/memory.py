"""What is remembered of a conversation: how a distilled turn changes it, and what models see.

Invariant: a fact that is known is never dropped unless it was disproved, is never held twice, and
there are at most ``MAX_FACTS``; a fact that does not fit is not taken.
"""

import re
from collections.abc import Iterable, Sequence

from agent.core.json import Json, fields, items
from agent.core.messages import Turn
from agent.core.state import Change, put

MAX_FACTS = 20
MAX_FACT_CHARS = 300
MAX_TOPICS = 10
SUMMARY_TURNS, SUMMARY_CHARS = 6, 160
_NOISE = re.compile(r"[\W_]+")


def merge_facts(
    known: Sequence[str], new: Iterable[str], disproved: Iterable[str] = ()
) -> list[str]:
    """Return the facts after a turn: the known ones without the disproved, then the new ones."""
    gone = {_essence(fact) for fact in disproved}
    kept: dict[str, str] = {}
    for fact in known:
        if _essence(fact) not in gone:
            kept.setdefault(_essence(fact), fact)
    for fact in new:
        text = fact.strip()[:MAX_FACT_CHARS]
        if _essence(text) and len(kept) < MAX_FACTS:
            kept.setdefault(_essence(text), text)
    return list(kept.values())[:MAX_FACTS]


def merge_topics(topics: Sequence[Json], old: Json, new: Json) -> list[Json]:
    """Return the topics before ``new``, newest last."""
    if not old or old == new:
        return list(topics)
    return [*(topic for topic in topics if topic != old), old][-MAX_TOPICS:]


def changes_to(memory: Json, wanted: Json) -> tuple[Change, ...]:
    """Return what has to be written so that ``memory`` holds ``wanted``; nothing for the rest."""
    known = fields(memory)
    return tuple(
        put("memory", key, value=value)
        for key, value in fields(wanted).items()
        if key not in known or known[key] != value
    )


def facts_of(memory: Json) -> list[str]:
    """Return the facts in ``memory``."""
    return [fact for fact in items(fields(memory).get("facts")) if isinstance(fact, str)]


def conversation(history: Sequence[Turn]) -> list[Json]:
    """Return the turns as messages for a model."""
    return [{"role": turn.role, "content": turn.content} for turn in history]


def recap(history: Sequence[Turn]) -> str:
    """Return the last turns as a few short lines, for a node that only needs the gist."""
    lines = [f"{turn.role}: {_short(turn.content)}" for turn in history[-SUMMARY_TURNS:]]
    return "\n".join(lines)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY_CHARS else f"{line[: SUMMARY_CHARS - 1]}…"


def _essence(fact: str) -> str:
    return _NOISE.sub(" ", fact).strip().casefold()
