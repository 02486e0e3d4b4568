"""A store that forgets everything with the process; what the durable one is compared with."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from agent.core.frames import Summary
from agent.core.journal import Row, frame_of
from agent.core.json import Json
from agent.core.runs import Run
from agent.runtime.lineage import walk
from agent.runtime.ports import ChannelRow, End, Key, Loaded, RunFilter


class Held(msgspec.Struct, gc=False):
    """All that is known of one run."""

    run: Run
    rows: list[Row]
    end: End | None = None
    summary: Summary | None = None


class MemoryStore:
    """Keeps references; never copies, encodes or waits."""

    def __init__(self) -> None:
        self._runs: dict[int, Held] = {}
        self._foreign: dict[int, End] = {}
        """What runs left that were adopted as the past of another one."""
        self._keys: dict[str, Key] = {}
        self._records: dict[str, Json] = {}

    def load(self) -> Loaded:
        """Return nothing: a memory store is always new."""
        return Loaded(next_n=1, first_seq=0, channels=(), unfinished=())

    async def accept(self, run: Run, key: Key | None = None, rows: Sequence[Row] = ()) -> None:
        """Keep a new run."""
        self._runs[run.n] = Held(run, [*rows])
        if key is not None:
            self._keys[key.key] = key

    def update(self, run: Run) -> None:
        """Keep a run's new status."""
        self._runs[run.n].run = run

    def append(self, n: int, index: int, row: Row) -> None:
        """Keep a row."""
        del index
        self._runs[n].rows.append(row)

    async def secure(self, n: int, index: int, row: Row) -> None:
        """Keep a row."""
        self.append(n, index, row)

    async def finish(
        self,
        run: Run,
        end: End,
        summary: Summary,
        channel: ChannelRow | None,
        *,
        moves: bool = True,
    ) -> None:
        """Keep a terminal run."""
        del channel, moves
        held = self._runs[run.n]
        held.run, held.end, held.summary = run, end, summary

    async def adopt(
        self,
        run: Run,
        rows: Sequence[Row],
        ends: Mapping[int, End],
        summary: Summary,
        blobs: Mapping[str, str],
    ) -> None:
        """Keep a run that was recorded elsewhere."""
        others = {**ends}
        self._runs[run.n] = Held(run, [*rows], others.pop(run.n, None), summary)
        self._foreign.update(others)
        self._records.update(blobs)

    async def save_channel(self, channel: ChannelRow) -> None:
        """Nothing to do: the runtime holds the channel."""

    def reserve(self, end: int) -> None:
        """Nothing to do: no other process follows."""

    def note(self, name: str, value: Json) -> None:
        """Keep a small named value."""
        self._records[name] = value

    async def save_record(self, name: str, value: Json) -> None:
        """Keep a small named value."""
        self._records[name] = value

    async def record(self, name: str) -> Json:
        """Return a named value, or ``None``."""
        return self._records.get(name)

    async def put_blobs(self, texts: Mapping[str, str]) -> None:
        """Keep texts under their content hashes."""
        self._records.update(texts)

    async def blob(self, name: str) -> str | None:
        """Return a kept text."""
        return self._records.get(name)

    async def key(self, key: str) -> Key | None:
        """Return what an idempotency key stood for."""
        return self._keys.get(key)

    async def run(self, n: int) -> Run | None:
        """Return a run."""
        held = self._runs.get(n)
        return held and held.run

    async def runs(self, wanted: RunFilter) -> list[Run]:
        """Return a page of runs, newest first."""
        return [*islice((held.run for held in self._fitting(wanted)), wanted.limit)]

    def _fitting(self, wanted: RunFilter) -> Iterator[Held]:
        for n in sorted(self._runs, reverse=True):
            if _within(n, wanted) and _fits(self._runs[n].run, wanted):
                yield self._runs[n]

    async def rows(self, n: int) -> list[Row]:
        """Return the journal of a run."""
        held = self._runs.get(n)
        return held.rows if held else []

    async def frame_rows(self, n: int, frame: int) -> list[Row]:
        """Return the rows of one frame of a run."""
        return [row for row in await self.rows(n) if frame_of(row) == frame]

    async def skeleton(self, n: int) -> bytes | None:
        """Return the skeleton of a large run, the summary of another."""
        held = self._runs.get(n)
        if held is None or held.summary is None:
            return None
        return held.summary.skeleton() or held.summary.encoded()

    async def end(self, n: int) -> End | None:
        """Return what a finished run left."""
        return self._end(n)

    def _end(self, n: int) -> End | None:
        held = self._runs.get(n)
        return held.end if held else self._foreign.get(n)

    async def lineage(self, head: int, *, turns: int, snapshot: bool) -> list[End]:
        """Return ends from ``head`` back along the parents."""
        return walk(self._end, head, turns, snapshot=snapshot)

    async def summaries(self, wanted: RunFilter) -> list[bytes]:
        """Return a page of wire summaries, newest first."""
        lines = (held.summary.encoded() for held in self._fitting(wanted) if held.summary)
        role = f'"node":"{wanted.node}"'.encode()
        return [*islice((x for x in lines if wanted.node is None or role in x), wanted.limit)]

    async def size(self) -> int:
        """Nothing on disk."""
        return 0

    async def close(self) -> None:
        """Nothing to write."""


def _within(n: int, wanted: RunFilter) -> bool:
    return (wanted.since or 0) <= n and (wanted.before is None or n < wanted.before)


def _fits(run: Run, wanted: RunFilter) -> bool:
    return (
        (wanted.only is None or run.n == wanted.only)
        and (wanted.channel is None or run.channel == wanted.channel)
        and (wanted.status is None or run.status == wanted.status)
        and (wanted.kind is None or run.kind == wanted.kind)
        and (wanted.path is None or run.path == wanted.path)
        and (wanted.graph is None or run.graph == wanted.graph)
        and not (wanted.own and run.kind in ("replay", "fork"))
        and wanted.text.lower() in run.text.lower()
    )
