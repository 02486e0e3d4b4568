"""Whoever stands at the gate of one run: holds it, shows it, lets it go on.

Invariant: a run that is told to be held is on disk as held, with its place, before anybody hears of
it. One owner: everything happens on the event loop's thread, in the run's own task or in a verb.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from agent.core.effects import Effect
from agent.core.errors import Overloaded
from agent.core.frames import totals
from agent.core.journal import Held, Spot
from agent.core.json import Json
from agent.core.runs import RunStatus, advance
from agent.debugger.baseline import Baseline
from agent.debugger.breakpoints import Breakpoint, Watch, reason
from agent.debugger.editor import Editor
from agent.debugger.moments import Progress, moments
from agent.engine.stops import AtEffect, AtNode, Between, Edit, Stop
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts

_log = logging.getLogger(__name__)
Unit = Literal["frame", "node"]
Mode = Unit | Literal["end"] | int | None
"""Hold at the next frame or node, from that frame on, not even at breakpoints, or only there."""
ONCE = ("budget", "divergence")


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that another process began is taken up with."""

    held: Held | None
    """Where it is to be held again; ``None`` for one that goes on at once."""
    edits: Editor
    recorded: frozenset[str]
    """Ids of the effects that its unfinished frame has answers to."""


class Operator:
    """At the gate of one run.

    Args:
        live: the run.
        parts: what the runtime is made of.
        watch: its breakpoints.
        baselines: the runs that breakpoints compare with.
        worked_ms: how long it has worked so far, without the time it was held.
        taken: what another process left: edits to be made again, and where it was held.
    """

    def __init__(
        self,
        live: LiveRun,
        parts: Parts,
        watch: Watch,
        baselines: Mapping[str, Baseline],
        worked_ms: Callable[[], float],
        taken: Taken | None = None,
    ) -> None:
        self.watch = watch
        self.stop: Stop | None = None
        """Where the run is held, while it is."""
        self._live = live
        self._parts = parts
        self._worked_ms = worked_ms
        self._taken = taken
        self._arriving = taken.held if taken else None
        self._arrived = asyncio.Event()
        held = taken.held if taken else None
        self._mode: Mode = "node" if held and held.stepping else None
        self._pausing = False
        self._place: Held | None = None
        self._go: asyncio.Future[None] | None = None
        self._met: Breakpoint | None = None
        self._spent: set[str] = {*held.spent} if held else set()
        """Breakpoints that hold a run only once, and have."""
        self._progress = Progress(effects=live.effects, used=self._used, baselines=baselines)

    # What a person says

    def pause(self) -> None:
        """Have the run held wherever it comes next."""
        self._pausing = True

    def release(self, mode: Mode = None) -> None:
        """Let the run go on, as far as ``mode`` says."""
        self._mode, self._pausing = mode, False
        if self._go is not None and self.stop is not None:
            self.stop = None
            self._go_on()
            self._go.set_result(None)

    async def edit(self, edits: Sequence[Edit]) -> None:
        """Edit what the run goes on with; on disk when this returns.

        Raises:
            Unprocessable: a path or value does not fit; nothing was changed then.
        """
        stop, place = self.stop, self._place
        if stop is not None and place is not None:
            stop.edit(edits)
            await self._live.held(place)  # the same place again, behind the edits

    # What the gate asks

    @property
    def stepping(self) -> bool:
        """Whether the nodes of a frame are dispatched one after the other."""
        return self._mode == "node"

    def edits(self, frame: int, node: str, place: str) -> Iterable[Effect]:
        """Return what was edited there before another process ended."""
        return self._taken.edits.edits(frame, node, place) if self._taken else ()

    def wants(self, stop: Stop) -> str:
        """Return why the run is to be held at ``stop``; empty when it is not."""
        if self._taken is not None and self._arriving is not None:
            return self._arrival(stop, self._taken, self._arriving)
        if self._taken is not None and stop.effect_id in self._taken.recorded:
            return ""  # it is answered already
        if self._pausing and stop.node:
            return "pause"
        if self._mode == "end":
            return ""
        if stop.node and self._stepped(stop):
            return "step" if isinstance(self._mode, str) else f"run to frame {self._mode}"
        return self._breakpoint(stop)

    def _arrival(self, stop: Stop, taken: Taken, held: Held) -> str:
        """Hold where the other process did; never let the run get past that unseen."""
        same = (stop.frame, stop.node, stop.place) == (held.frame, held.node, held.place)
        beyond = bool(stop.node) and stop.frame > held.frame
        anew = stop.node == held.node and stop.effect_id not in ("", *taken.recorded)
        if not (same or beyond or anew):
            return ""
        stop.spot = held.spot if same else stop.spot
        return held.reason

    def _stepped(self, stop: Stop) -> bool:
        if isinstance(stop, AtNode):
            return self._mode == "node"
        if not isinstance(stop, Between) or self._mode is None:
            return False
        return isinstance(self._mode, str) or stop.frame >= self._mode

    def _breakpoint(self, stop: Stop) -> str:
        for moment in moments(stop, self._progress):
            for one in self.watch.matching(moment):
                if one.id not in self._spent:
                    self._met = one
                    stop.spot = Spot(at=moment.at, frame=moment.frame, node=moment.node)
                    return reason(one, moment)
        return ""

    async def ready(self, stop: AtEffect) -> None:
        """Let nobody reach the world anew before the run is held again where it was."""
        taken, held = self._taken, self._arriving
        if taken is None or held is None:
            return
        if stop.node != held.node and stop.effect_id not in taken.recorded:
            await self._arrived.wait()

    async def quiet(self) -> None:
        """Return when no effect of the run is under way."""
        while any(effect.ended is None for effect in self._live.effects.values()):
            await self._live.settled()

    async def hold(self, stop: Stop) -> None:
        """Keep the run where it is until it is let go."""
        met, self._met = self._met, None
        if met is not None and met.on in ONCE:
            self._spent.add(str(met.id))
        if self._arriving is None:
            await self._keep(stop)
        self._place, self._arriving = self._place or self._arriving, None
        self._arrived.set()
        self._mode, self._pausing = None, False
        self._go = asyncio.get_running_loop().create_future()
        self.stop = stop
        self._live.tell_status()
        self._live.moved()
        try:
            await self._go
        finally:
            self.stop = None

    async def _keep(self, stop: Stop) -> None:
        """Have it on disk that the run is held, and where."""
        live, parts = self._live, self._parts
        self._place = Held(
            spot=stop.spot,
            frame=stop.frame,
            node=stop.node,
            place=stop.place,
            stepping=self.stepping,
            reason=stop.reason,
            worked_ms=self._worked_ms(),
            spent=tuple(sorted(self._spent)),
        )
        run = advance(live.run, RunStatus.PAUSED, parts.clock.now_ms())
        parts.store.update(run)
        try:
            await live.held(self._place)
        except Overloaded as error:  # it is held all the same, until the process ends
            _log.warning("run %s is held, but not on disk: %s", run.run_id, error)
        live.run = run

    def _go_on(self) -> None:
        live, parts = self._live, self._parts
        live.run = advance(live.run, RunStatus.RUNNING, parts.clock.now_ms())
        parts.store.update(live.run)
        live.tell_status()

    # What conditions ask

    def _used(self, name: str) -> Json:
        if name == "ms":
            return self._worked_ms()
        tokens, cost = totals(tuple(self._live.effects.values()))
        return tokens if name == "tokens" else cost
