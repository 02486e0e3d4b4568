"""What happened, frame by frame. A frame is one tick; a record is one node's visit in it."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from agent.core.effects import Effect
from agent.core.json import Json
from agent.core.state import Change

MESSAGE_CHARS, PREVIEW_CHARS = 100, 200
_encode = msgspec.json.Encoder().encode
LISTED = 200
"""Visits that a summary holds; of a larger trace it names the nodes of the others."""
GLANCE_CHARS = 80
"""Characters of a preview in the skeleton of a larger trace."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What travels along an edge."""

    kind: str
    """``message``, ``action``, ``turn`` (to post nodes), ``join``, or what a node calls it."""
    text: str = ""
    data: Json = None
    sender: str = ""
    """Role of the node that sent it; empty for the run's own input."""


class FrameRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One node's visit. Nodes that ran in the same tick share ``frame``."""

    frame: int
    """1 for the first tick of the run."""
    node: str
    """Role of the node in the graph."""
    visit: int
    """1 for the node's first visit in this run."""
    started: float
    """Unix milliseconds."""
    duration_ms: float
    input: Envelope
    output: Envelope | None = None
    said: str = ""
    """What it told the user."""
    route: str = ""
    """Where its output went, such as ``output+ui``; empty at the end."""
    condition: str = ""
    """Why it went there, such as ``reflex=True``."""
    error: str = ""
    changes: tuple[Change, ...] = ()
    """What it changed in the channel's state."""
    effects: tuple[str, ...] = ()
    """Ids of the effects it performed, in order."""

    @property
    def ended(self) -> float:
        """Unix milliseconds."""
        return self.started + self.duration_ms


Outcome = Literal["done", "error", "cancelled", "interrupted"]


class FrameTrace(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Everything one run did."""

    run_id: str
    kind: str
    channel: str
    message: str
    graph: str
    revision: str
    path: str
    """``reflex``, ``director``, ``director+interpreter``, ``local`` …: the nodes that decided."""
    total_frames: int
    total_ms: float
    started: float
    outcome: str
    response: str = ""
    error: str = ""
    frames: tuple[FrameRecord, ...] = ()
    post_frames: tuple[FrameRecord, ...] = ()
    effects: tuple[Effect, ...] = ()
    resumed_from: str = ""
    replay_of: str = ""
    imported_from: str = ""
    fork_of: str = ""


class Summary(msgspec.Struct, gc=False):
    """The wire summary of a trace, put together and encoded once, by whoever needs it first.

    What it is made of is let go then, so that a log of thousands of runs stays small. The writer's
    thread and the event loop may both come first; they would make the same bytes.
    """

    _trace: Callable[[], FrameTrace] | None
    _body: bytes = b""
    _skeleton: bytes = b""

    def encoded(self) -> bytes:
        """Return the JSON of ``summary``."""
        put_together = self._trace
        if put_together is not None:
            trace = put_together()
            self._body = msgspec.json.encode(summary(trace, LISTED))
            if is_large(trace):
                self._skeleton = msgspec.json.encode(skeleton(trace))
            self._trace = None
        return self._body

    def skeleton(self) -> bytes:
        """Return the JSON of ``skeleton`` for a large trace, nothing for one that is not."""
        self.encoded()
        return self._skeleton

    def kept(self) -> None:
        """Let go of the skeleton: it is on disk, where it is read from."""
        self._skeleton = b""


def is_large(trace: FrameTrace) -> bool:
    """Whether a summary cannot hold all visits of ``trace``."""
    return len(trace.frames) + len(trace.post_frames) > LISTED


def summary(trace: FrameTrace, most: int | None = None) -> Json:
    """Return the wire summary of ``/api/frames`` and of the ``frame_trace`` event.

    Of more than ``most`` visits, the others are counted by node in ``left_out``.
    """
    frames, post = trace.frames[:most], trace.post_frames[:most]
    found = _head(trace) | {
        "frames": [_row(record) for record in frames],
        "post_frames": [_row(record) for record in post],
    }
    others = (*trace.frames[len(frames) :], *trace.post_frames[len(post) :])
    return found | {"left_out": _counted(others)} if others else found


def skeleton(trace: FrameTrace) -> Json:
    """Return a large trace without its contents: all visits, and little of what they held."""
    return _head(trace) | {
        "skeleton": True,
        "response": trace.response,
        "error": trace.error,
        "imported_from": trace.imported_from,
        "frames": [_glance(record) for record in trace.frames],
        "post_frames": [_glance(record) for record in trace.post_frames],
    }


def _head(trace: FrameTrace) -> dict[str, Json]:
    tokens, cost = totals(trace.effects)
    return {
        "run_id": trace.run_id,
        "kind": trace.kind,
        "channel": trace.channel,
        "message": trace.message[:MESSAGE_CHARS],
        "graph": trace.graph,
        "revision": trace.revision,
        "total_frames": trace.total_frames,
        "total_ms": round(trace.total_ms, 1),
        "path": trace.path,
        "outcome": trace.outcome,
        "started": round(trace.started, 1),
        "tokens": tokens,
        "cost": cost,
    }


def _counted(records: Iterable[FrameRecord]) -> list[Json]:
    visits: dict[str, int] = {}
    for record in records:
        visits[record.node] = visits.get(record.node, 0) + 1
    return [{"node": node, "visits": count} for node, count in visits.items()]


def _glance(record: FrameRecord) -> Json:
    row = _row(record)
    return row | {name: row[name][:GLANCE_CHARS] for name in ("input", "output", "error")}


def encoded(trace: FrameTrace) -> bytes:
    """Return the JSON of a whole trace.

    It is made piece by piece: whoever encodes a large one beside the event loop must not hold the
    interpreter for all of it.
    """
    bare = msgspec.structs.replace(trace, frames=(), post_frames=(), effects=())
    parts = [_encode(bare)[:-1]]
    for name in ("frames", "post_frames", "effects"):
        pieces = [_encode(piece) for piece in getattr(trace, name)]
        if pieces:
            parts.append(b',"%b":[%b]' % (name.encode(), b",".join(pieces)))
    return b"".join([*parts, b"}"])


def totals(effects: tuple[Effect, ...]) -> tuple[int | None, float | None]:
    """Tokens and US dollars of all model calls; ``None`` as soon as one is unknown."""
    calls = [effect for effect in effects if effect.kind == "model"]
    usages = [call.usage for call in calls]
    costs = [call.cost for call in calls]
    tokens = sum(u.prompt_tokens + u.completion_tokens for u in usages if u is not None)
    money = sum(c for c in costs if c is not None)
    return (
        None if any(u is None for u in usages) else tokens,
        None if any(c is None for c in costs) else round(money, 6),
    )


def _row(record: FrameRecord) -> Json:
    return {
        "frame": record.frame,
        "node": record.node,
        "visit": record.visit,
        "started": round(record.started, 1),
        "duration_ms": round(record.duration_ms, 1),
        "input": preview(record.input),
        "output": preview(record.output, record.said),
        "route": record.route,
        "condition": record.condition,
        "error": record.error,
    }


def preview(envelope: Envelope | None, said: str = "") -> str:
    """Up to 200 characters of what an envelope holds, its text before its data."""
    if envelope is None:
        return said[:PREVIEW_CHARS]
    text = envelope.text or said
    if not text and envelope.data is not None:
        text = msgspec.json.encode(envelope.data).decode()
    return text[:PREVIEW_CHARS]
