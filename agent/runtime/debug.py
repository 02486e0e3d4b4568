"""The verbs of the debugger, from breakpoints to drop. One held run a channel.

Breakpoints belong to a channel and are kept; an armed pause is not. One owner: verbs and runs share
the event loop's thread, and nothing here waits between looking and acting.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from agent.core.errors import NotHeld, Unprocessable
from agent.core.events import DebugChanged
from agent.core.ids import MAIN, number_of
from agent.core.json import Json
from agent.core.runs import RunStatus
from agent.debugger.baseline import Baseline
from agent.debugger.breakpoints import Breakpoint, Watch
from agent.engine.engine import Pass
from agent.engine.stops import Edit, Stop
from agent.runtime.channels import Channel
from agent.runtime.live import LiveRun
from agent.runtime.operator import Mode, Operator, Taken, Unit
from agent.runtime.parts import RUNTIME, Parts
from agent.runtime.recordings import recording

RECORD = "breakpoints"
NOTHING = Watch()
PATIENCE_S = 10.0
"""How long a step is waited for before it is answered all the same."""
NOT_HELD: Json = {
    "frame": None,
    "node": None,
    "at": None,
    "effect_id": None,
    "reason": "",
    "pending": {},
    "memory": None,
    "ui_state": None,
    "model_request": None,
    "tool": None,
    "tool_result": None,
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: what is held, and whether that was waited for to the end."""

    debug: Json
    settled: bool = True


class Debug:
    """Holds runs and lets them go.

    Args:
        parts: what the runtime is made of.
        channel: finds (or opens) a channel by name.
    """

    def __init__(self, parts: Parts, channel: Callable[[str], Channel]) -> None:
        self._parts = parts
        self._channel = channel
        self._watches: dict[str, Watch] = {}
        self._baselines: dict[str, Baseline] = {}
        self._armed: set[str] = set()
        """Channels whose next run is held before its first frame."""
        self._passes: dict[int, Pass] = {}
        """Runs at work, by number."""
        self._operators: dict[int, Operator] = {}

    async def load(self) -> None:
        """Take up the breakpoints of an earlier process."""
        kept: Json = await self._parts.store.record(RECORD)
        known = msgspec.convert(kept or {}, dict[str, tuple[Breakpoint, ...]])
        self._watches = {name: Watch(breakpoints) for name, breakpoints in known.items()}
        for watch in self._watches.values():
            for name in watch.baselines:
                with suppress(Unprocessable):  # it is gone: nothing differs from it
                    await self._compare(name)

    # What the worker tells

    def begin(self, live: LiveRun, going: Pass, taken: Taken | None = None) -> None:
        """Know ``live`` while it works; it gets an operator only when somebody wants one."""
        run = live.run
        self._passes[run.n] = going
        if not (taken or self._armed or self._watches):
            return
        again = taken is not None and (taken.held is not None or bool(taken.edits))
        armed = run.channel in self._armed and not (taken and taken.held)
        if armed or again or run.channel in self._watches:
            operator = self._operator(live, going, taken)
            if armed:
                self._arm(run.channel, armed=False)
                operator.pause()

    def end(self, live: LiveRun) -> None:
        """Forget a run that has ended."""
        n = live.run.n
        del self._passes[n]
        if self._operators:
            self._operators.pop(n, None)

    def _watch(self, name: str) -> Watch:
        return self._watches.get(name, NOTHING)

    def _operator(self, live: LiveRun, going: Pass, taken: Taken | None = None) -> Operator:
        operator = self._operators.get(live.run.n)
        if operator is None:
            watch = self._watch(live.run.channel)
            operator = Operator(live, self._parts, watch, self._baselines, going.worked_ms, taken)
            self._operators[live.run.n] = operator
            going.attach(operator)
        return operator

    # Breakpoints

    def breakpoints(self, channel: str = MAIN) -> tuple[Breakpoint, ...]:
        """Return the breakpoints of a channel."""
        return self._watch(self._channel(channel).name).breakpoints

    async def set_breakpoints(
        self, breakpoints: Sequence[Breakpoint], channel: str = MAIN
    ) -> tuple[Breakpoint, ...]:
        """Replace the breakpoints of a channel, also for the run at work.

        Raises:
            Unprocessable: one of them cannot be.
        """
        lane = self._channel(channel)
        before, watch = self._watch(lane.name), Watch(breakpoints)
        for name in watch.baselines:
            await self._compare(name)
        self._watches.pop(lane.name, None)
        if watch.breakpoints:
            self._watches[lane.name] = watch
        if lane.active is not None and lane.active.run.n in self._passes:
            self._take(lane.active, watch)
        if watch.breakpoints != before.breakpoints:
            self._tell(lane.name)
        kept = {name: watch.breakpoints for name, watch in self._watches.items()}
        await self._parts.store.save_record(RECORD, msgspec.to_builtins(kept))
        return watch.breakpoints

    def _arm(self, channel: str, *, armed: bool) -> None:
        if armed != (channel in self._armed):
            self._armed ^= {channel}
            self._tell(channel)

    def _tell(self, channel: str) -> None:
        """Have everybody who looks know what holds in a channel, or that an edit was made there."""
        breakpoints = msgspec.to_builtins(self._watch(channel).breakpoints)
        event = DebugChanged(
            node=RUNTIME,
            run_id="",
            channel=channel,
            breakpoints=tuple(breakpoints),
            armed=channel in self._armed,
        )
        self._parts.hub.publish(event)

    async def _compare(self, name: str) -> None:
        """Have the recording of a run at hand."""
        if name in self._baselines:
            return
        store = self._parts.store
        run = await store.run(number_of(name) or 0)
        if run is None or name not in (run.run_id, run.alias) or not run.status.terminal:
            raise Unprocessable(f"baseline {name!r:.80}: expected a run that has ended")
        self._baselines[name] = Baseline(await recording(store, self._parts.library, run))

    def _take(self, live: LiveRun, watch: Watch) -> None:
        known = self._operators.get(live.run.n)
        if known is not None:
            known.watch = watch
        elif watch:
            self._operator(live, self._passes[live.run.n])

    # Looking

    async def show(self, channel: str = MAIN) -> Json:
        """Return what is held in a channel, and what can be edited there."""
        lane = self._channel(channel)
        await self._arrived(lane)
        return self._shown(lane, lane.active)

    async def _arrived(self, lane: Channel) -> None:
        """Wait while a held run is on its way to its place: to the disk, or after a restart."""
        live = lane.active
        if live and live.run.status is RunStatus.PAUSED and self._stop(live) is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await live.move()

    def _shown(self, lane: Channel, live: LiveRun | None) -> Json:
        stop = self._stop(live)
        return {
            "held": stop is not None,
            "run_id": live.run.run_id if live else None,
            "status": str(live.run.status) if live else None,
            "channel": lane.name,
            "armed": lane.name in self._armed,
            **(NOT_HELD if stop is None else stop.view()),
        }

    def _stop(self, live: LiveRun | None) -> Stop | None:
        operator = self._operators.get(live.run.n) if live else None
        return operator.stop if operator else None

    # Holding and letting go

    async def pause(self, channel: str = MAIN) -> Shown:
        """Hold the run at work wherever it comes next; with none, the next at its first frame."""
        lane = self._channel(channel)
        await self._arrived(lane)
        live = lane.active
        if self._stop(live) is not None:
            return Shown(debug=await self.show(channel))
        if live is None or live.run.n not in self._passes:
            self._arm(lane.name, armed=True)
            return Shown(debug=await self.show(channel))
        self._operator(live, self._passes[live.run.n]).pause()
        return await self._moved(lane, live)

    async def resume(self, channel: str = MAIN) -> Json:
        """Let the held run go on to the next breakpoint; or take back a pause that was armed.

        Raises:
            NotHeld: there is nothing to let go.
        """
        lane = self._channel(channel)
        if lane.name in self._armed and self._stop(lane.active) is None:
            self._arm(lane.name, armed=False)
            return await self.show(channel)
        live, operator = await self._held(lane)
        operator.release()
        return self._shown(lane, live)

    async def step(self, unit: Unit, channel: str = MAIN) -> Shown:
        """Let the held run go on to the next frame or node.

        Raises:
            NotHeld: there is none.
        """
        return await self._release(unit, channel)

    async def run_to(self, frame: int, channel: str = MAIN) -> Shown:
        """Let the held run go on to a frame.

        Raises:
            NotHeld: there is none.
        """
        return await self._release(frame, channel)

    async def _release(self, mode: Mode, channel: str) -> Shown:
        lane = self._channel(channel)
        live, operator = await self._held(lane)
        operator.release(mode)
        return await self._moved(lane, live)

    async def _moved(self, lane: Channel, live: LiveRun) -> Shown:
        """Wait until ``live`` is held again or has ended, for as long as a caller is patient."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await live.move()
        except TimeoutError:
            return Shown(debug=self._shown(lane, live), settled=False)
        return Shown(debug=self._shown(lane, live))

    async def finish(self, channel: str = MAIN) -> Json:
        """Let the held run go on to its end; only a pause holds it again.

        Raises:
            NotHeld: there is none.
        """
        lane = self._channel(channel)
        live, operator = await self._held(lane)
        operator.release("end")
        return self._shown(lane, live)

    async def drop(self, channel: str = MAIN) -> Json:
        """End the held run where it is; it is cancelled.

        Raises:
            NotHeld: there is none.
        """
        lane = self._channel(channel)
        live, _operator = await self._held(lane)
        live.stop()
        await live.wait()
        return self._shown(lane, live)

    async def _held(self, lane: Channel) -> tuple[LiveRun, Operator]:
        await self._arrived(lane)
        live = lane.active
        operator = self._operators.get(live.run.n) if live else None
        if live is None or operator is None or operator.stop is None:
            raise NotHeld(
                f"no run is held in channel {lane.name!r}; set a breakpoint or POST "
                "/api/debug/pause first"
            )
        return live, operator

    # Editing

    async def edit(self, edits: Sequence[Edit], channel: str = MAIN) -> Json:
        """Edit what the held run goes on with; on disk when this returns.

        Raises:
            NotHeld: there is no such run.
            Unprocessable: a path or value does not fit; nothing was changed then.
        """
        lane = self._channel(channel)
        _live, operator = await self._held(lane)
        redactor = self._parts.redactor
        masked = [msgspec.structs.replace(e, value=redactor.json(e.value)) for e in edits]
        await operator.edit(masked)
        self._tell(lane.name)
        return await self.show(channel)
