"""The barrier where a run can be held: between frames, before stepped nodes, at effects.

Invariant: one stop at a time. Whoever comes to the gate while a stop is held waits behind it, and a
stop is held only when no effect of the run is under way: siblings finish what they are doing first.
What an operator edited in a recording is edited again before anybody is asked.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from agent.core.effects import Effect, EffectKey
from agent.core.json import Json
from agent.engine.effects import Ask, Call, EffectPort, OnText
from agent.engine.police import INSIDE
from agent.engine.presence import adopt
from agent.engine.stops import BETWEEN, NODE, AtEffect, AtNode, Between, Stop, Tick
from agent.engine.visits import Visit


class Operator(Protocol):
    """Whoever decides where a run is held, and lets it go on."""

    @property
    def stepping(self) -> bool:
        """Whether the nodes of a frame are dispatched one after the other."""
        ...

    def edits(self, frame: int, node: str, place: str) -> Iterable[Effect]:
        """Return the recorded edits of a place, in order."""
        ...

    def wants(self, stop: Stop) -> str:
        """Return why the run is to be held at ``stop``; empty when it is not."""
        ...

    async def ready(self, stop: AtEffect) -> None:
        """Return when it is the turn of an effect of a run that was taken up again."""
        ...

    async def quiet(self) -> None:
        """Return when no effect of the run is under way."""
        ...

    async def hold(self, stop: Stop) -> None:
        """Return when the run may go on."""
        ...


class Gate:
    """The way of one run past its operator; also the port of its effects.

    Args:
        operator: who stands there.
        behind: the port that answers.
        monotonic: a clock, in seconds.
        lost: hears of every hold how many seconds it took.
    """

    def __init__(
        self,
        operator: Operator,
        behind: EffectPort,
        monotonic: Callable[[], float],
        lost: Callable[[float], None],
    ) -> None:
        self.behind = behind
        self._operator = operator
        self._monotonic = monotonic
        self._lost = lost
        self._turn = asyncio.Lock()
        self._visits: dict[str, Visit] = {}
        self._passed: Between | None = None

    async def between(self, tick: Tick) -> None:
        """Stand between two frames; ``tick`` is what is pending afterwards."""
        stop = self._passed = Between(self.behind, tick)
        stop.again(self._operator.edits(tick.frame, stop.node, BETWEEN))
        await self._stand(stop)

    def begun(self, visits: Sequence[Visit]) -> None:
        """Take note of the nodes at work; edits made before them become theirs."""
        self._visits = {visit.bound.spec.role: visit for visit in visits}
        passed, self._passed = self._passed, None
        if passed is not None and passed.effects:
            adopt(self._visits[passed.node].context, passed.effects, passed.changes)
        for place, visit in enumerate(visits):
            context = visit.context
            edits = self._operator.edits(context.frame, context.role, NODE)
            AtNode(self.behind, visits[place:]).again(edits)

    async def step(self, rest: Sequence[Visit], *, first: bool) -> bool:
        """Stand before the first of ``rest``; return whether it is dispatched alone."""
        if self._operator.stepping and not first:
            await self._stand(AtNode(self.behind, rest))
        return self._operator.stepping

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Stand before an effect, then have it answered."""
        stop = AtEffect(self.behind, self._visits[key.node], key, ask, call)
        stop.again(self._operator.edits(key.frame, key.node, stop.place))
        await self._operator.ready(stop)
        await self._stand(stop)
        return await self.behind.perform(key, stop.ask, stop.call, on_text)

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Have an effect answered that never waits, not even here."""
        return self.behind.instant(key, ask, value)

    async def _stand(self, stop: Stop) -> None:
        if not self._turn.locked() and not self._operator.wants(stop):
            return
        inside = INSIDE.set(False)
        try:
            async with self._turn:
                reason = stop.reason = self._operator.wants(stop)  # asked anew by who waited
                if reason:
                    await self._operator.quiet()
                    await self._hold(stop)
        finally:
            INSIDE.reset(inside)

    async def _hold(self, stop: Stop) -> None:
        began = self._monotonic()
        try:
            await self._operator.hold(stop)
        finally:  # a run that is dropped was held, too
            self._lost(self._monotonic() - began)
