"""What a breakpoint can look at, wherever a run comes to.

A stop between two frames is several moments: after each record of the frame before, then before
each node of the frame that comes. A stop before a stepped node or at an effect is one.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from agent.core.effects import Effect
from agent.core.frames import Envelope, FrameRecord
from agent.core.json import Json
from agent.core.state import at
from agent.debugger.baseline import Baseline
from agent.debugger.breakpoints import Moment
from agent.engine.stops import STATE, AtEffect, AtNode, Between, Stop


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is, looked up only when somebody asks."""

    effects: Mapping[str, Effect]
    used: Callable[[str], Json]
    """``tokens``, ``cost`` or ``ms`` so far."""
    baselines: Mapping[str, Baseline]
    """Runs to compare with, by the name a breakpoint gives them."""


def moments(stop: Stop, progress: Progress) -> Iterator[Moment]:
    """Give the moments of ``stop``, in order."""
    match stop:
        case Between():
            for record in stop.tick.closed:
                yield _after(stop, record, progress)
            for role, envelope in stop.pending.items():
                yield _before(stop, role, stop.tick.visits[role], envelope, progress)
        case AtNode():
            visit = stop.rest[0]
            yield _before(stop, stop.node, visit.context.visit, visit.envelope, progress)
        case AtEffect():
            yield _effect(stop, progress)
        case _:
            return


def _after(stop: Between, record: FrameRecord, progress: Progress) -> Moment:
    failed = [progress.effects[name].error for name in record.effects if name in progress.effects]
    error = record.error or next((f"{e.code}: {e.detail}" for e in failed if e), "")
    known: dict[str, Json] = {
        "at": "after",
        "frame": record.frame,
        "node": record.node,
        "visit": record.visit,
        "envelope": msgspec.to_builtins(record.output),
        "route": record.route,
        "condition": record.condition,
        "error": error,
    }
    return Moment(
        at="after",
        frame=record.frame,
        node=record.node,
        error=error,
        diverges=_diverges(stop, record.node, record, progress),
        names=_names(known, stop.state, progress),
    )


def _before(stop: Stop, role: str, visit: int, envelope: Envelope, progress: Progress) -> Moment:
    known = _here(stop, role, visit, envelope)
    return Moment(
        at="before",
        frame=stop.frame,
        node=role,
        diverges=_diverges(stop, role, None, progress),
        names=_names(known, stop.state, progress),
    )


def _effect(stop: AtEffect, progress: Progress) -> Moment:
    visit, ask = stop.visit, stop.ask
    known = _here(stop, stop.node, visit.context.visit, visit.envelope)
    tool = ask.name if ask.kind == "tool" else ""
    known |= {"effect": ask.kind, "request": ask.request, "tool": tool or None}
    known["arguments"] = at(ask.request, "arguments") if tool else None
    return Moment(
        at="before",
        frame=stop.frame,
        node=stop.node,
        effect=ask.kind,
        tool=tool,
        again=ask.again or (ask.kind == "model" and _after_failure(stop, progress.effects)),
        diverges=_diverges(stop, stop.node, None, progress),
        names=_names(known, stop.state, progress),
    )


def _after_failure(stop: AtEffect, effects: Mapping[str, Effect]) -> bool:
    """Whether what the node asked last has failed."""
    before = stop.visit.context.effects
    asked = [effects[name] for name in before[: before.index(stop.effect_id)] if name in effects]
    world = [effect for effect in asked if effect.kind in ("model", "tool")]
    return bool(world) and world[-1].error is not None


def _diverges(
    stop: Stop, node: str, record: FrameRecord | None, progress: Progress
) -> Callable[[str], bool]:
    def diverges(name: str) -> bool:
        baseline = progress.baselines.get(name)
        return baseline is not None and baseline.differs(stop, node, record)

    return diverges


def _here(stop: Stop, role: str, visit: int, envelope: Envelope) -> dict[str, Json]:
    return {
        "at": "before",
        "frame": stop.frame,
        "node": role,
        "visit": visit,
        "envelope": msgspec.to_builtins(envelope),
    }


def _names(known: dict[str, Json], state: Json, progress: Progress) -> Callable[[str], Json]:
    def names(name: str) -> Json:
        if name in known:
            return known[name]
        if name == "state":
            return state
        if name in STATE:
            return at(state, *STATE[name])
        return progress.used(name) if name in ("tokens", "cost", "ms") else None

    return names
