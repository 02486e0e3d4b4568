"""A lane with its own conversation, state, graph and queue; at most one run at a time.

One worker task owns each channel and takes its inbox in order, which is why nothing here is locked.
"""

import asyncio
from collections import deque

import msgspec

from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.runs import Run
from agent.core.state import Change, at, fresh
from agent.runtime.bell import Bell
from agent.runtime.lineage import SNAPSHOT_EVERY, WINDOW
from agent.runtime.live import LiveRun
from agent.runtime.ports import ChannelRow, End


class Switch:
    """A graph switch that waits its turn in the inbox."""

    __slots__ = ("done", "name")

    def __init__(self, name: str, done: asyncio.Future[None]) -> None:
        self.name = name
        self.done = done


class Inbox:
    """A queue for one reader; unlike asyncio's it never asks for the loop, a system call each.

    Args:
        loop: the loop of its reader.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[LiveRun | Switch] = deque()
        self._bell = Bell(loop)

    def put(self, item: LiveRun | Switch, *, at_once: bool = False) -> None:
        """Append ``item`` and wake the reader: in the loop's next turn, or before this returns."""
        self._items.append(item)
        if at_once:
            self._bell.ring()
        elif not self._bell.done():
            self._bell.set_result(None)

    async def get(self) -> LiveRun | Switch:
        """Take the oldest item, waiting for one."""
        while not self._items:
            self._bell = Bell(self._loop)
            await self._bell
        return self._items.popleft()


class Channel:
    """One lane.

    Args:
        row: what is stored of it.
        loop: the loop it lives on.
    """

    def __init__(self, row: ChannelRow, loop: asyncio.AbstractEventLoop) -> None:
        self.row = row
        self.inbox = Inbox(loop)
        self.task: asyncio.Task[None] | None = None
        """The worker that owns this channel."""
        self.waiting: dict[str, LiveRun] = {}
        """Accepted, not begun, in order."""
        self.active: LiveRun | None = None
        self.state: Json = fresh(row.identity, row.situation)
        self.window: deque[Turn] = deque(maxlen=WINDOW)
        self.history_len = 0
        self.since_snapshot = 0

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.row.name

    @property
    def busy(self) -> bool:
        """Whether a run is active or queued."""
        return self.active is not None or bool(self.waiting)

    def set(self, **fields: Json) -> None:
        """Change stored fields."""
        self.row = msgspec.structs.replace(self.row, **fields)

    def reset(self) -> None:
        """Go back to a state nobody has spoken in; the situation is kept."""
        situation = at(self.state, "memory", "situation")
        self.set(last_sent=0, cleared=True, situation=situation)
        self.begin_with(fresh(self.row.identity, situation))

    def begin_with(self, state: Json) -> None:
        """Go back to before the first run, which is given ``state``."""
        self.set(head=0)
        self.state = state
        self.window.clear()
        self.history_len = 0
        self.since_snapshot = 0

    def restore(self, state: Json, turns: tuple[Turn, ...], ends: list[End]) -> None:
        """Take the state of an earlier run."""
        self.state = state
        self.window = deque(turns, maxlen=WINDOW)
        self.history_len = ends[0].history_len
        self.since_snapshot = ends[0].since_snapshot

    def end(
        self, run: Run, state: Json, turns: tuple[Turn, ...], changes: tuple[Change, ...]
    ) -> End:
        """Return what ``run`` leaves behind, a delta on the head it started from."""
        count = self.since_snapshot + 1
        whole = count >= SNAPSHOT_EVERY or not self.row.head
        return End(
            parent=run.parent,
            history_len=self.history_len + len(turns),
            since_snapshot=0 if whole else count,
            turns=turns,
            changes=changes,
            snapshot=state if whole else None,
        )

    def move(self, row: ChannelRow, state: Json, end: End) -> None:
        """Make the run that left ``end`` the head, which ``row`` says."""
        self.row = row
        self.state = state
        self.window.extend(end.turns)
        self.history_len = end.history_len
        self.since_snapshot = end.since_snapshot
