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
from agent.core.frames import FrameRecord
from agent.core.journal import Closed, Fold, Held, Intent, Row, settled
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.crash import reached
from agent.runtime.ports import Store

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

    def __init__(
        self,
        run: Run,
        store: Store,
        publish: Callable[[Event], object],
        loop: asyncio.AbstractEventLoop,
        take: Callable[[Event], None] | None = None,
    ) -> None:
        self.run = run
        self.effects: dict[str, Effect] = {}
        self.stage = "queued"
        self.text = ""
        self.task: asyncio.Task[None] | None = None
        """The task that executes it, while it does."""
        self.controls: Json = None
        """What the page shows since this run said so; ``None`` before."""
        self.cancelled = False
        self.answered = False
        self.over = False
        """It is in a terminal state and on disk."""
        self._said: list[str] = []
        self._rows = 0
        self._store = store
        self._publish = publish
        self._loop = loop
        self._take = take
        self._waiting: list[asyncio.Future[None]] = []
        self._watching: list[asyncio.Future[None]] = []
        self._quiet: list[asyncio.Future[None]] = []

    def take_up(self, fold: Fold) -> None:
        """Go on behind the rows of an earlier process."""
        self.effects.update(fold.effects)
        self._rows = fold.count
        self._said = [fold.response] if fold.response else []
        self.stage = "streaming" if fold.response else "input"

    # Journal and recorder

    def closed(self, records: tuple[FrameRecord, ...], *, post: bool) -> None:
        """Write what a tick did, state changes included, in one row."""
        reached("frame.merged")
        self._store.append(self.run.n, self._next(), Closed(records=records, post=post))
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
        if self._quiet:
            _let_go(self._quiet)

    def _next(self) -> int:
        self._rows += 1
        return self._rows

    # Progress

    def emit(self, event: Event) -> None:
        """Publish, and note how far the run is."""
        self._publish(event)
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
            await self._wait(self._waiting)

    def ended(self) -> None:
        """Let go of everybody who waits."""
        self.over = True
        _let_go(self._waiting)
        self.moved()

    async def settled(self) -> None:
        """Return when the next effect has a result."""
        await self._wait(self._quiet)

    async def move(self) -> None:
        """Return when the run is held, or has ended."""
        if not self.over:
            await self._wait(self._watching)

    def moved(self) -> None:
        """Let go of everybody who waits for the run to be held."""
        _let_go(self._watching)

    async def _wait(self, waiting: list[asyncio.Future[None]]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        waiting.append(done)
        await done


def _let_go(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)
    waiting.clear()
