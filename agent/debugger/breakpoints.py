"""Where a run is to be held: breakpoints as they are kept, and whether one matches a moment.

Invariant: matching changes nothing. A breakpoint on a budget holds a run once; who holds remembers
that, not the breakpoint.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from agent.core.errors import BadCondition, Unprocessable
from agent.core.ids import is_name
from agent.core.json import Json
from agent.debugger.conditions import Condition

At = Literal["before", "after"]
On = Literal["tool", "model", "error", "retry", "budget", "divergence"]
MOST = 200
"""Breakpoints of one channel."""
EFFECTS: tuple[On, ...] = ("tool", "model", "retry")


class Breakpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place to hold at. What is left out matches everything."""

    id: str | None = None
    """A name; one is given when it is left out."""
    at: At = "before"
    frame: int | None = None
    """Number of the frame, from 1."""
    node: str | None = None
    """Role of the node."""
    when: str | None = None
    """A condition."""
    on: On | None = None
    """What to wait for, instead of a frame or node."""
    tool: str | None = None
    """Name of the tool, with `on` `tool`."""
    baseline: str | None = None
    """Run to compare with, with `on` `divergence`."""
    enabled: bool = True


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A place a run comes to, for one node."""

    at: At
    frame: int
    node: str
    effect: str = ""
    """``model`` or ``tool``; empty between frames and nodes."""
    tool: str = ""
    again: bool = False
    """A model is asked anew, after an answer that could not be used or a call that failed."""
    error: str = ""
    """Why the node, or one of its effects, failed."""
    diverges: Callable[[str], bool]
    """Whether the run differs from that baseline here."""
    names: Callable[[str], Json]
    """What a condition can ask."""


class Watch:
    """Breakpoints, ready to be matched.

    Args:
        breakpoints: as they came.

    Raises:
        Unprocessable: one of them cannot be.
    """

    def __init__(self, breakpoints: Iterable[Breakpoint] = ()) -> None:
        self.breakpoints = _named(tuple(breakpoints))
        for one in self.breakpoints:
            _check(one)
        conditions = [_condition(one) for one in self.breakpoints]
        pairs = zip(self.breakpoints, conditions, strict=True)
        self._enabled = [(one, condition) for one, condition in pairs if one.enabled]

    def __bool__(self) -> bool:
        return bool(self._enabled)

    @property
    def baselines(self) -> frozenset[str]:
        """The runs that are compared with."""
        return frozenset(one.baseline for one, _ in self._enabled if one.baseline)

    def matching(self, moment: Moment) -> Iterator[Breakpoint]:
        """Give the breakpoints that hold at ``moment``, in their order."""
        for one, condition in self._enabled:
            if _fits(one, moment) and (condition is None or condition(moment.names)):
                yield one


def reason(one: Breakpoint, moment: Moment) -> str:
    """Say why a run is held."""
    what = one.on or f"{moment.at} frame {moment.frame}"
    where = f" {moment.tool}" if moment.tool and one.on == "tool" else ""
    why = f" when {one.when}" if one.when else ""
    told = f": {moment.error}" if one.on == "error" else ""
    return f"breakpoint {one.id}: {what}{where} ({moment.node}){why}{told}"


def _fits(one: Breakpoint, moment: Moment) -> bool:
    if one.frame not in (None, moment.frame) or one.node not in (None, moment.node):
        return False
    match one.on:
        case None:
            return not moment.effect and one.at == moment.at
        case "model":
            return moment.effect == "model"
        case "tool":
            return moment.effect == "tool" and one.tool in (None, moment.tool)
        case "retry":
            return moment.again
        case "error":
            return bool(moment.error)
        case "budget":
            return True
        case "divergence":
            return moment.diverges(one.baseline or "")


def _named(breakpoints: tuple[Breakpoint, ...]) -> tuple[Breakpoint, ...]:
    """Give a name to those that have none: ``b1``, ``b2`` and so on."""
    if len(breakpoints) > MOST:
        raise Unprocessable(f"expected at most {MOST} breakpoints, got {len(breakpoints)}")
    taken = [one.id for one in breakpoints if one.id]
    if len({*taken}) < len(taken):
        raise Unprocessable("every breakpoint needs an `id` of its own, or none")
    free = (f"b{n}" for n in range(1, 2 * MOST + 1) if f"b{n}" not in taken)
    return tuple(
        one if one.id else msgspec.structs.replace(one, id=next(free)) for one in breakpoints
    )


def _condition(one: Breakpoint) -> Condition | None:
    try:
        return Condition(one.when) if one.when else None
    except BadCondition as error:
        raise BadCondition(f"breakpoint {one.id}: {error}") from None


def _check(one: Breakpoint) -> None:
    """Refuse what could never hold, or not as it is meant."""
    for fault in _faults(one):
        raise Unprocessable(f"breakpoint {one.id}: {fault}")


def _faults(one: Breakpoint) -> Iterator[str]:
    if not is_name(one.id or ""):
        yield "`id` expected letters, digits, '_', '.' or '-', at most 64"
    if one.frame is not None and one.frame < 1:
        yield f"`frame` expected 1 or more, got {one.frame}"
    if one.tool is not None and one.on != "tool":
        yield '`tool` goes with "on": "tool" only'
    if one.at == "after" and one.on in EFFECTS:
        yield f'"on": "{one.on}" holds before the effect; leave `at` out'
    if one.on == "budget" and not one.when:
        yield '"on": "budget" needs a `when`, such as "tokens > 5000 or cost > 0.05 or ms > 3000"'
    if (one.on == "divergence") != (one.baseline is not None):
        yield '"on": "divergence" and `baseline`, the id of a run, go together'
