"""One node at work in a tick, and what follows from what it left.

Invariant: where a run goes on follows from the records of its last tick alone, in declared order,
so a run that is taken up by another process finds the same envelopes pending.
"""

from collections.abc import Iterable

import msgspec

from agent.core.frames import Envelope, FrameRecord
from agent.core.json import Json, fields, items
from agent.engine.context import Context
from agent.engine.program import Bound

JOIN = "join"


class Visit(msgspec.Struct):
    """One node at work in the current tick."""

    bound: Bound
    envelope: Envelope
    context: Context
    began: float = 0.0
    """On the monotonic clock, seconds."""
    started: float = 0.0
    """Unix milliseconds."""
    took: float = 0.0
    """Milliseconds; 0 while it works."""
    output: Envelope | None = None
    error: str = ""


def follow(following: dict[str, Envelope], targets: Iterable[str], output: Envelope) -> None:
    """Have ``output`` wait for ``targets``; two envelopes for one node become one."""
    for target in targets:
        earlier = following.get(target)
        following[target] = output if earlier is None else _join(earlier, output)


def followed(tick: Iterable[FrameRecord]) -> dict[str, Envelope]:
    """Return what is pending after the records of one tick."""
    following: dict[str, Envelope] = {}
    for record in tick:
        if record.output is not None and record.route:
            follow(following, record.route.split("+"), record.output)
    return following


def _join(first: Envelope, second: Envelope) -> Envelope:
    """Two envelopes for one node in one tick become one, in declared order."""
    parts: list[Json] = [*items(fields(first.data).get("parts"))] if first.kind == JOIN else []
    parts = parts or [_part(first)]
    parts.append(_part(second))
    return Envelope(
        kind=JOIN,
        text=f"{first.text}\n{second.text}",
        data={"parts": parts},
        sender=f"{first.sender}+{second.sender}",
    )


def _part(envelope: Envelope) -> Json:
    return {"sender": envelope.sender, "text": envelope.text, "data": envelope.data}
