"""A run at work: where its rows go, how far it is, and how to stop it."""

import asyncio
from collections.abc import Callable

from agent.core.effects import Effect
from agent.core.errors import Overloaded
from agent.core.events import (
    Controls,
    Decided,
    Event,
    Interpreted,
    Perceived,
    Streaming,
    Thinking,
    ToolCalled,
    Updated,
)
from agent.core.frames import MESSAGE_CHARS, FrameRecord
from agent.core.journal import Closed, Fold, Held, Intent, Row, settled
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.crash import TRAP, reached
from agent.runtime.parts import status_event
from agent.runtime.ports import Store

Waiting = tuple[asyncio.Future[None], ...]
STAGES: dict[type, str] = {
    Thinking: "thinking",
    Perceived: "perceived",
    Decided: "decided",
    Streaming: "streaming",
    ToolCalled: "tool_call",
    Interpreted: "interpreted",
    Updated: "updated",
}


def _shown(status: RunStatus) -> str:
    return "running" if status is RunStatus.QUEUED else str(status)


class LiveRun:
    """A run from its acceptance to its terminal state. Journal and recorder of its own rows.

    Args:
        run: as accepted.
        store: where the rows go.
        publish: the log.
        loop: the loop it runs on; asking asyncio for it each time costs a system call.
        take: hears of tool calls.
    """

    stage = "queued"
    text = ""
    task: asyncio.Task[None] | None = None
    """The task that executes it, while it does."""
    controls: Json = None
    """What the page shows since this run said so; ``None`` before."""
    cancelled = False
    answered = False
    over = False
    """It is in a terminal state and on disk."""
    _rows = 0
    _waiting: Waiting = ()
    _watching: Waiting = ()
    _quiet: Waiting = ()

    def __init__(
        self,
        run: Run,
        store: Store,
        publish: Callable[[Event], object],
        loop: asyncio.AbstractEventLoop,
        take: Callable[[Event], None] | None = None,
    ) -> None:
        self.run = run
        self._title = run.text[:MESSAGE_CHARS]
        self.effects: dict[str, Effect] = {}
        self._said: list[str] = []
        self._store = store
        self._publish = publish
        self._loop = loop
        self._take = take

    def take_up(self, fold: Fold) -> None:
        """Go on behind the rows of an earlier process."""
        self.effects.update(fold.effects)
        self._rows = fold.count
        self._said = [fold.response] if fold.response else []
        self.stage = "streaming" if fold.response else "input"

    # Journal and recorder

    def closed(self, records: tuple[FrameRecord, ...], *, post: bool) -> None:
        """Write what a tick did, state changes included, in one row."""
        trapped = TRAP.stage  # asked here, as a tick is nothing but what is done all the time
        if trapped:
            reached("frame.merged")
        self._store.append(self.run.n, self._next(), Closed(records=records, post=post))
        if trapped:
            reached("frame.posted")

    def intent(self, effect: Effect) -> None:
        """Write that an effect is about to happen."""
        self.effects[effect.effect_id] = effect
        self._store.append(self.run.n, self._next(), Intent(effect=effect))

    async def secure(self, effect: Effect) -> None:
        """Write it and wait for the disk; refused, it leaves an empty row and not a hole."""
        self.effects[effect.effect_id] = effect
        reached("intent.asked")
        try:
            await self._secure(Intent(effect=effect))
        except Overloaded:
            del self.effects[effect.effect_id]
            raise
        reached("intent.committed")

    async def held(self, place: Held) -> None:
        """Write where the run is held and wait for the disk."""
        await self._secure(place)

    async def _secure(self, row: Row) -> None:
        index = self._next()
        try:
            await self._store.secure(self.run.n, index, row)
        except Overloaded:
            self._store.append(self.run.n, index, Closed(records=()))
            raise

    def result(self, effect: Effect) -> None:
        """Write how an effect ended."""
        self.effects[effect.effect_id] = effect
        reached("result.known")
        self._store.append(self.run.n, self._next(), settled(effect))
        reached("result.posted")
        quiet, self._quiet = self._quiet, ()
        _let_go(quiet)

    def _next(self) -> int:
        self._rows += 1
        return self._rows

    # Progress

    def tell_status(self) -> None:
        """Publish what its status is now; the events of a run share one copy of its title."""
        publish = self._publish
        publish(status_event(self.run, self._title))

    def emit(self, event: Event) -> None:
        """Publish, and note how far the run is."""
        publish = self._publish
        publish(event)
        stage = STAGES.get(type(event))
        if stage is None:
            if isinstance(event, Controls):
                self.controls = event.controls
            elif self._take is not None:
                self._take(event)
            return
        self.stage = stage
        if isinstance(event, Streaming):
            self._said.append(event.text)
            self.text = ""
        else:
            self.text = event.text if isinstance(event, Thinking) else ""

    @property
    def said(self) -> str:
        """All that was streamed so far; the answer as it stands once that is complete."""
        return self.run.response or "".join(self._said)

    def progress(self) -> Json:
        """Return the answer of ``/api/result`` while it works."""
        return {
            "status": "running" if self.run.status.terminal else _shown(self.run.status),
            "id": self.run.alias,
            "run_id": self.run.run_id,
            "stage": self.stage,
            "event": self.stage,
            "text": self.said if self.stage == "streaming" else self.text,
        }

    # Stopping and waiting

    def stop(self) -> None:
        """Have it cancelled at the next await of whatever it is doing."""
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()

    async def wait(self) -> None:
        """Return when it is in a terminal state and on disk."""
        if not self.over:
            done = self._loop.create_future()
            self._waiting += (done,)
            await done

    def ended(self) -> None:
        """Let go of everybody who waits."""
        self.over = True
        waiting, self._waiting = self._waiting, ()
        _let_go(waiting)
        self.moved()

    async def settled(self) -> None:
        """Return when the next effect has a result."""
        done = self._loop.create_future()
        self._quiet += (done,)
        await done

    async def move(self) -> None:
        """Return when the run is held, or has ended."""
        if not self.over:
            done = self._loop.create_future()
            self._watching += (done,)
            await done

    def moved(self) -> None:
        """Let go of everybody who waits for the run to be held."""
        watching, self._watching = self._watching, ()
        _let_go(watching)


def _let_go(waiting: Waiting) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)
