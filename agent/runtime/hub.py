"""One numbered log, many readers.

``publish`` is synchronous and never waits: it stamps the event, keeps it in a ring, and wakes the
readers that sleep. A reader holds a cursor, not a queue, so a slow one costs nothing; the bytes for
the wire are made once per topic, by the first reader that needs them. Whoever falls behind what the
ring keeps gets a ``gap``.

No lock: everything here runs on the event loop's thread.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from agent.core import wire
from agent.core.events import Event, Topic
from agent.core.ids import Seq

KEEP = 1 << 15
BLOCK = 10_000
"""Numbers are reserved on disk in blocks; a start begins at the next block (safety.md P5)."""


class Reserve(Protocol):
    """Writes down, without waiting, that numbers up to ``end`` may have been given out."""

    def __call__(self, end: int) -> None:
        """Reserve."""
        ...


class Entry(msgspec.Struct, gc=False):
    """An event that somebody reads, with its number, and its bytes once they were asked for."""

    seq: int
    at: int
    """Unix nanoseconds."""
    event: Event
    trace: bytes | None = None
    chat: bytes | None = None

    def line(self, topic: Topic) -> bytes:
        """Encode for ``topic``, at most once for all readers; empty when it has no view there."""
        if topic is Topic.CHAT:
            if self.chat is None:
                self.chat = wire.chat_line(self.seq, self.event)
            return self.chat
        if topic is Topic.TEST:
            return wire.test_line(self.seq, self.event)
        if self.trace is None:
            self.trace = wire.trace_line(self.seq, self.at // 1_000_000, self.event)
        return self.trace


class Hub:
    """The process's only event log.

    Args:
        now_ns: wall time in Unix nanoseconds.
        first: the last number that an earlier process may have used.
        reserve: called when a new block of numbers is entered.
        keep: entries the ring holds; a power of two.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        *,
        first: int = 0,
        reserve: Reserve | None = None,
        keep: int = KEEP,
    ) -> None:
        self._now_ns = now_ns
        self._ring: list[Event | Entry | None] = [None] * keep
        """Bare events, as most are never read; an event that was read is in its entry."""
        self._times = [0] * keep
        self._mask = keep - 1
        self._begin = first
        self._last = first
        self._reserve = reserve
        self._enough = first
        """The last number that needs no further block."""
        self._calm = first
        """The last number that nobody sleeps for and that needs no further block."""
        self._sleeping: set[asyncio.Future[None]] = set()
        self._secure()

    def publish(self, event: Event) -> int:
        """Append ``event``, wake the readers, and return its number."""
        seq = self._last = self._last + 1
        # A local: Python 3.11 calls what an attribute holds the slow way (so in the engine, too).
        place, now_ns = seq & self._mask, self._now_ns
        self._ring[place] = event
        self._times[place] = now_ns()
        if seq > self._calm:
            self._attend()
        return seq

    @property
    def last(self) -> Seq:
        """The newest number."""
        return Seq(self._last)

    @property
    def oldest(self) -> Seq:
        """The oldest number still kept (or the next one, when nothing is)."""
        return Seq(max(self._begin, self._last - len(self._ring)) + 1)

    def entries(self, after: int, limit: int) -> Iterator[Entry]:
        """Yield up to ``limit`` kept entries after number ``after``."""
        start = max(after + 1, self.oldest)
        for seq in range(start, min(self._last, start + limit - 1) + 1):
            entry = self._entry(seq)
            if entry is not None:
                yield entry

    def newest(self, topic: Topic, count: int) -> list[bytes]:
        """Return the last ``count`` lines of ``topic``, oldest first."""
        lines: list[bytes] = []
        seq = self._last
        while seq >= self.oldest and len(lines) < count:
            entry = self._entry(seq)
            if entry is not None and topic & type(entry.event).topics:
                lines.append(entry.line(topic))
            seq -= 1
        lines.reverse()
        return lines

    def _entry(self, seq: int) -> Entry | None:
        place = seq & self._mask
        kept = self._ring[place]
        if kept is None or isinstance(kept, Entry):
            return kept
        entry = self._ring[place] = Entry(seq, self._times[place], kept)
        return entry

    def reader(self, topics: Topic, *, since: int | None = None, channel: str = "") -> "Reader":
        """Open a reader after number ``since`` (default: only what comes)."""
        return Reader(self, topics, self._last if since is None else since, channel)

    async def grown(self, after: int) -> None:
        """Wait until there is a number greater than ``after``."""
        while self._last <= after:
            woken = asyncio.get_running_loop().create_future()
            self._sleeping.add(woken)
            self._calm = self._last
            try:
                await woken
            finally:
                self._sleeping.discard(woken)

    def _attend(self) -> None:
        """Do what only some events need: one comparison tells ``publish`` of both."""
        for woken in self._sleeping:
            if not woken.done():
                woken.set_result(None)
        self._sleeping.clear()
        if self._last > self._enough:
            self._secure()
        self._calm = self._enough

    def _secure(self) -> None:
        reserved = (self._last // BLOCK + 2) * BLOCK
        self._enough = reserved - BLOCK // 2
        if self._reserve is not None:
            self._reserve(reserved)


class Reader:
    """A cursor on the log for one client.

    Args:
        hub: the log.
        topics: what to read; with several, lines are in the trace form.
        cursor: the last number already seen.
        channel: only events of this channel; empty for all.
    """

    SCAN = 4096
    """Entries looked at before the loop gets its turn again."""

    def __init__(self, hub: Hub, topics: Topic, cursor: int, channel: str) -> None:
        self._hub = hub
        self._topics = topics
        self._view = topics if topics in (Topic.CHAT, Topic.TEST) else Topic.TRACE
        self._channel = channel
        self.cursor = cursor

    async def next(self, limit: int = 512) -> list[bytes]:
        """Wait for news and return 1 to ``limit`` lines in order; a ``gap`` line comes first."""
        while True:
            lines = self.ready(limit)
            if lines:
                return lines
            if self.cursor >= self._hub.last:
                await self._hub.grown(self.cursor)
            else:
                await asyncio.sleep(0)

    def ready(self, limit: int = 512) -> list[bytes]:
        """Return what is there, up to ``limit`` lines, without waiting."""
        lines = self._gap()
        for entry in self._hub.entries(self.cursor, self.SCAN):
            self.cursor = entry.seq
            event = entry.event
            if not self._topics & type(event).topics:
                continue
            if self._channel and event.channel != self._channel:
                continue
            line = entry.line(self._view)
            if line:
                lines.append(line)
            if len(lines) >= limit:
                break
        return lines

    def _gap(self) -> list[bytes]:
        last, oldest = self._hub.last, self._hub.oldest
        if self.cursor > last:
            missed = (last + 1, self.cursor)
            self.cursor = last
        elif self.cursor < oldest - 1:
            missed = (self.cursor + 1, oldest - 1)
            self.cursor = oldest - 1
        else:
            return []
        view = {"event": "gap", "type": "gap", "node": "runtime"}
        return [
            msgspec.json.encode({**view, "seq": self.cursor, "from": missed[0], "to": missed[1]})
        ]
