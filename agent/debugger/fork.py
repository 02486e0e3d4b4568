"""Forks: a recorded run goes on from a frame with something changed, and only what must is done.

Every visit behind the frame is made again against the recording: what it asks is looked up by place
and request, so a visit whose inputs (envelope, state, prompt, settings, tool results) are the same
costs nothing, whatever else was edited. The estimate does the same, asks nobody, and takes
for granted that a dirty visit leaves what it left then, and that whatever follows is dirty.

Invariant: no tool that writes is called unless that was permitted.
"""

from collections.abc import Callable, Iterable

import msgspec

from agent.core.effects import Effect, EffectKey
from agent.core.errors import Diverged, Unconfirmed
from agent.core.events import Event
from agent.core.frames import Envelope, FrameRecord
from agent.core.json import Json
from agent.core.redact import Redactor
from agent.debugger.account import Account, Anew, Write, dirty_of
from agent.debugger.ground import Place, Stand
from agent.debugger.replay import Sink
from agent.engine.context import Context
from agent.engine.effects import Ask, Call, EffectPort, LivePort, OnText
from agent.engine.engine import ENGINE, Pass
from agent.engine.mixed import MixedPort
from agent.engine.program import Bound, Node, Program


class Careful:
    """A live port that calls no tool that writes.

    Args:
        live: the port that is asked for everything else.
    """

    def __init__(self, live: EffectPort) -> None:
        self._live = live

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Have it answered, unless it writes.

        Raises:
            Unconfirmed: it does.
        """
        if ask.write:
            raise Unconfirmed(f"tool {ask.name!r} ({key}) writes; fork again and confirm")
        return await self._live.perform(key, ask, call, on_text)

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Have it answered."""
        return self._live.instant(key, ask, value)


def forking(
    stand: Stand, live: EffectPort, journal: Sink, emit: Callable[[Event], object], moved: float
) -> Pass:
    """Return the pass that is the fork; what is kept of the recording is written down first."""
    stand.ground.copy(journal, moved=moved)
    port = MixedPort(stand.ground.effects, journal, live, on_miss="live")
    return stand.going(stand.fit(), port, journal, emit, moved=moved)


async def estimate(stand: Stand, redactor: Redactor, *, post: bool) -> Account:
    """Return what a fork would come to; asks nobody.

    Raises:
        Unprocessable: an edit does not fit where it is to be made.
    """
    trial = _Trial(stand, redactor)
    await trial.run(post=post)
    return trial.account()


class _Forgetful:
    """A journal of which only the effects are looked at."""

    def __init__(self) -> None:
        self.effects: dict[str, Effect] = {}

    def intent(self, effect: Effect) -> None:
        """Keep it."""
        self.effects[effect.effect_id] = effect

    async def secure(self, effect: Effect) -> None:
        """Keep it."""
        self.intent(effect)

    def result(self, effect: Effect) -> None:
        """Keep it."""
        self.intent(effect)

    def closed(self, records: tuple[FrameRecord, ...], *, post: bool) -> None:
        """Leave it."""


class _Probe:
    """Stands where the world would: notes what it is asked for first, and answers nothing."""

    def __init__(self, by_hand: EffectPort) -> None:
        self._by_hand = by_hand
        self.asked: dict[Place, Anew] = {}
        self.writes: list[Write] = []

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Refuse, unless an operator has given the answer."""
        if ask.policy != "live":
            return await self._by_hand.perform(key, ask, call, on_text)
        if ask.write:
            self.writes.append(Write(frame=key.frame, node=key.node, tool=ask.name))
        raise self._refused(key, ask)

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Refuse, unless it is an operator's."""
        if ask.kind == "operator_edit":
            return self._by_hand.instant(key, ask, value)
        raise self._refused(key, ask)

    def _refused(self, key: EffectKey, ask: Ask) -> Diverged:
        anew = Anew(effect_id=str(key), kind=ask.kind, name=ask.name, request=ask.request)
        self.asked.setdefault((key.frame, key.node, key.visit), anew)
        return Diverged(f"an estimate asks nobody for {key}")


class _Trial:
    def __init__(self, stand: Stand, redactor: Redactor) -> None:
        self._ground = stand.ground
        self._behind = stand.ground.behind
        self._recording = stand.ground.effects
        self._journal = _Forgetful()
        self._probe = _Probe(LivePort(stand.world.clock, self._journal, redactor))
        self._suspected: dict[Place, str] = {}
        port = MixedPort(self._recording, self._journal, self._probe, on_miss="live")
        self._going = stand.going(self._tried(stand.fit()), port, self._journal, _ignore)

    async def run(self, *, post: bool) -> None:
        """Go to the end, as far as the recording knows it."""
        await self._going.run(self._ground.pending)
        if post and not self._going.error:
            await self._going.run_post()

    def account(self) -> Account:
        """Return what came of it."""
        records = (*self._going.frames, *self._going.post_frames)
        asked, effects = self._probe.asked, self._journal.effects
        dirty = dirty_of(self._ground, records, effects, asked, self._suspected)
        calls = self._calls()
        prices = [self._recording[name].cost if name else None for name in calls]
        known = [price for price in prices if price is not None]
        return Account(
            dirty=dirty,
            reused=len(records) - len(dirty),
            model_calls=len(calls),
            cost=None if len(known) < len(prices) else round(sum(known), 6),
            writes=[*self._probe.writes, *self._written()],
        )

    def _calls(self) -> list[str]:
        """Return the recorded model calls that are to be made again; empty for one that is new."""
        calls = [e.effect_id for e in self._open() if e.kind == "model"]
        has = {self._place(self._recording[name]) for name in calls}
        fresh = [p for p, one in self._probe.asked.items() if one.kind == "model" and p not in has]
        return [*calls, *("" for _ in fresh)]

    def _written(self) -> list[Write]:
        return [
            Write(frame=effect.frame, node=effect.node, tool=effect.name)
            for effect in self._open()
            if effect.write
            and effect.effect_id not in {one.effect_id for one in self._probe.asked.values()}
        ]

    def _open(self) -> Iterable[Effect]:
        """Recorded effects of dirty visits that the recording did not answer."""
        for place in {**self._probe.asked, **self._suspected}:
            record = self._behind.get(place)
            for name in record.effects if record else ():
                if name not in self._journal.effects and name in self._recording:
                    yield self._recording[name]

    @staticmethod
    def _place(effect: Effect) -> Place:
        return (effect.frame, effect.node, effect.visit)

    def _tried(self, program: Program) -> Program:
        nodes = {role: self._bound(bound) for role, bound in program.nodes.items()}
        return msgspec.structs.replace(program, nodes=nodes)

    def _bound(self, bound: Bound) -> Bound:
        return msgspec.structs.replace(bound, run=self._node(bound.run))

    def _node(self, run: Node) -> Node:
        async def node(ctx: Context, envelope: Envelope) -> object:
            place = (ctx.frame, ctx.role, ctx.visit)
            old = self._behind.get(place)
            why = self._suspicion(ctx.frame, envelope) if old is not None else ""
            if old is not None and why:
                self._suspected[place] = why
                return _as_then(ctx, old)
            try:
                output = await run(ctx, envelope)
            except Exception:
                if place not in self._probe.asked:
                    raise
                output = None
            if place not in self._probe.asked:
                return output
            return None if old is None else _as_then(ctx, old)

        return node

    def _suspicion(self, frame: int, envelope: Envelope) -> str:
        """Say why a visit is taken for dirty without looking."""
        dirty = {**dict.fromkeys(self._probe.asked), **dict.fromkeys(self._suspected)}
        earlier = [place for place in dirty if place[0] < frame]
        for place in earlier:
            feeds = place[0] == frame - 1 and place[1] in envelope.sender.split("+")
            if feeds or envelope.sender == ENGINE:
                return f"input: {place[1]} may send something else"
        for place in earlier:
            old = self._behind.get(place)
            if old is not None and old.changes:
                return f"state: {place[1]} may leave something else"
        return ""


def _as_then(ctx: Context, old: FrameRecord) -> Envelope | None:
    """Leave what the recorded visit left."""
    ctx.say(old.said.removeprefix(ctx.said))
    ctx.remember(*old.changes)
    return old.output


def _ignore(_event: Event) -> None:
    return
