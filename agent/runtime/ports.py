"""What the runtime asks of a store.

Contract: writes are done in the order they were asked for, in batches that are one transaction
each. A plain method returns at once and its write rides the queue; an ``async`` one returns when it
is on disk. Nothing else may be assumed: only accept, a write's intent, a hold and the terminal
state wait for the disk.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from agent.core.frames import Summary
from agent.core.journal import Row
from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.runs import Run
from agent.core.state import Change


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What is kept of a channel."""

    name: str
    graph: str
    head: int = 0
    """Number of the run whose state is current; 0 for a fresh state."""
    last_sent: int = 0
    """Number of the newest run that came through ``/api/send``."""
    cleared: bool = False
    """Nothing was sent since the last clear."""
    identity: str = "anonymous"
    situation: Json = ""


class End(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a finished run leaves to the channel: a delta on its parent, sometimes a snapshot."""

    parent: int
    history_len: int
    """Turns in the conversation up to and with this run."""
    since_snapshot: int
    """Ends between this one and the nearest snapshot before it."""
    turns: tuple[Turn, ...] = ()
    changes: tuple[Change, ...] = ()
    snapshot: Json = None


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An idempotency key and what it stood for."""

    key: str
    body_hash: str
    n: int = 0


class Loaded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a store holds when it is opened."""

    next_n: int
    first_seq: int
    """No event number up to this one may be used again."""
    channels: tuple[ChannelRow, ...]
    unfinished: tuple[Run, ...]
    """Runs that are not terminal, oldest first."""


class RunFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which runs a page holds."""

    channel: str | None = None
    status: str | None = None
    kind: str | None = None
    path: str | None = None
    graph: str | None = None
    node: str | None = None
    """A role that took part; for summaries only."""
    text: str = ""
    """Part of the message, in any case."""
    before: int | None = None
    since: int | None = None
    """The lowest number that is looked at."""
    only: int | None = None
    """Just this run."""
    limit: int = 50
    own: bool = False
    """Without replays and forks."""


class Store(Protocol):
    """Where everything that must survive is."""

    def load(self) -> Loaded:
        """Open it and return what it holds; called once, before anything else."""
        ...

    async def accept(self, run: Run, key: Key | None = None, rows: Sequence[Row] = ()) -> None:
        """Write a new run (and its idempotency key, and the rows it begins with)."""
        ...

    def update(self, run: Run) -> None:
        """Write a run's new status."""
        ...

    def append(self, n: int, index: int, row: Row) -> None:
        """Write row ``index`` of run ``n``."""
        ...

    async def secure(self, n: int, index: int, row: Row) -> None:
        """Write row ``index`` of run ``n`` and wait for the disk."""
        ...

    async def finish(
        self,
        run: Run,
        end: End,
        summary: Summary,
        channel: ChannelRow | None,
        *,
        moves: bool = True,
    ) -> None:
        """Write a terminal run, what it leaves, its summary, and the channel's new head.

        One that ``moves`` nothing leaves the head as the writes before it made it: what the
        caller knows of it may be older.
        """
        ...

    async def adopt(
        self,
        run: Run,
        rows: Sequence[Row],
        ends: Mapping[int, End],
        summary: Summary,
        blobs: Mapping[str, str],
    ) -> None:
        """Write a run that was recorded elsewhere, all of it in one transaction.

        ``ends`` holds what it leaves, and under a number of no run what it started from.
        """
        ...

    async def save_channel(self, channel: ChannelRow) -> None:
        """Write a channel's row."""
        ...

    def reserve(self, end: int) -> None:
        """Note that event numbers up to ``end`` may have been used."""
        ...

    def note(self, name: str, value: Json) -> None:
        """Keep a small named value, without waiting."""
        ...

    async def save_record(self, name: str, value: Json) -> None:
        """Keep a small named value."""
        ...

    async def record(self, name: str) -> Json:
        """Return a named value, or ``None``."""
        ...

    async def put_blobs(self, texts: Mapping[str, str]) -> None:
        """Keep texts under their content hashes, all or none of them."""
        ...

    async def blob(self, name: str) -> str | None:
        """Return a kept text."""
        ...

    async def key(self, key: str) -> Key | None:
        """Return what an idempotency key stood for."""
        ...

    async def run(self, n: int) -> Run | None:
        """Return a run."""
        ...

    async def runs(self, wanted: RunFilter) -> list[Run]:
        """Return a page of runs, newest first."""
        ...

    async def rows(self, n: int) -> list[Row]:
        """Return the journal of a run, in order."""
        ...

    async def frame_rows(self, n: int, frame: int) -> list[Row]:
        """Return the rows of one frame of a run; costs what they are, not what the run is."""
        ...

    async def skeleton(self, n: int) -> bytes | None:
        """Return the skeleton of a finished run that is large, its summary when it is not."""
        ...

    async def end(self, n: int) -> End | None:
        """Return what a finished run left."""
        ...

    async def lineage(self, head: int, *, turns: int, snapshot: bool) -> list[End]:
        """Return ends from run ``head`` back along the parents, newest first.

        Far enough to hold ``turns`` turns and, when ``snapshot``, to reach a snapshot.
        """
        ...

    async def summaries(self, wanted: RunFilter) -> list[bytes]:
        """Return a page of wire summaries, newest first."""
        ...

    async def size(self) -> int:
        """Bytes on disk."""
        ...

    async def close(self) -> None:
        """Write what is queued, then let go."""
        ...
