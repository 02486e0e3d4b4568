"""The durable store: one SQLite file, WAL, synchronous=FULL, one writer thread.

Layout, chosen so that a message touches few pages: rows of one run lie side by side because their
key holds the run's number (``n << 20 | index``), and there is no secondary index. A run's row stays
small; what it leaves behind (``ends``) is written once.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import msgspec

from agent.adapters.stores import journal
from agent.adapters.stores.journal import keep
from agent.adapters.stores.opening import (
    connect,
    connect_reading,
    open_checked,
    story,
    unreadable,
)
from agent.adapters.stores.reserve import FILE, SIZE, Reserve
from agent.adapters.stores.storable import encode as _encode
from agent.adapters.stores.writer import Work, Writer, full
from agent.core.frames import Summary
from agent.core.journal import Row
from agent.core.json import Json
from agent.core.runs import Run
from agent.crash import reached
from agent.runtime.lineage import walk
from agent.runtime.ports import ChannelRow, End, Key, Loaded, RunFilter

T = TypeVar("T")
READERS = 3
"""Threads that read, so that a page of a list does not wait for a whole large trace."""
_run = msgspec.json.Decoder(Run).decode
_end = msgspec.json.Decoder(End).decode
_any = msgspec.json.Decoder().decode


class SqliteStore:
    """One file that holds everything.

    Args:
        path: the file; its folder exists.
        reserve: bytes of the disk that are kept free for ending what has begun.
    """

    def __init__(self, path: Path, *, reserve: int = SIZE) -> None:
        self._path = path
        self._reserve = Reserve(path.with_name(FILE), reserve)
        self._writer = Writer(path, connect, self._reserve.free)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._free: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        """Connections that nobody reads with just now."""

    @property
    def trouble(self) -> str:
        """Why nothing can be taken; empty when all is well."""
        return self._writer.trouble or ("" if self._reserve.take() else str(full(self._path)))

    def load(self) -> Loaded:
        """Open or create the file and return what the runtime starts from.

        Raises:
            NewerSchema: the file belongs to a newer version.
            UnreadableStore: it cannot be opened, or is no database.
        """
        with closing(open_checked(self._path)) as connection:
            try:
                found = _loaded(connection)
            except sqlite3.DatabaseError as error:
                raise story(self._path, error) from None
            except msgspec.MsgspecError as error:
                raise unreadable(self._path, error) from None
        self._reserve.take()
        self._writer.start()
        return found

    # Writing

    async def accept(self, run: Run, key: Key | None = None, rows: Sequence[Row] = ()) -> None:
        """Write a new run (and its idempotency key, and the rows it begins with)."""
        if not self._reserve.held and not await asyncio.to_thread(self._reserve.take):
            raise full(self._path)

        def work(db: sqlite3.Connection) -> None:
            row = (run.n, str(run.status), run.kind, run.channel, _encode(run))
            db.execute("INSERT INTO runs VALUES(?,?,?,?,?)", row)
            if key is not None:
                db.execute("INSERT OR REPLACE INTO keys VALUES(?,?)", (key.key, _encode(key)))
            for index, begun in enumerate(rows, 1):
                journal.row_of(run.n, index, begun)(db)
            reached("accept.written")

        await self._writer.commit(work)
        reached("accept.committed")

    def update(self, run: Run) -> None:
        """Write a run's new status."""
        self._writer.post(_run_row(run))

    def append(self, n: int, index: int, row: Row) -> None:
        """Write row ``index`` of run ``n``."""
        self._writer.post(journal.row_of(n, index, row))

    async def secure(self, n: int, index: int, row: Row) -> None:
        """Write row ``index`` of run ``n`` and wait for the disk."""
        put = journal.row_of(n, index, row)

        def work(db: sqlite3.Connection) -> None:
            put(db)
            reached("intent.written")

        await self._writer.commit(work)

    async def finish(
        self,
        run: Run,
        end: End,
        summary: Summary,
        channel: ChannelRow | None,
        *,
        moves: bool = True,
    ) -> None:
        """Write a terminal run, what it leaves, its summary, and the channel's new head."""
        update = _run_row(run)

        def work(db: sqlite3.Connection) -> None:
            update(db)
            row = (run.n, _encode(end), summary.encoded())
            db.execute("INSERT OR REPLACE INTO ends VALUES(?,?,?)", row)
            _put_skeleton(db, run.n, summary)
            if channel is not None:
                _put_channel(db, channel if moves else _where_it_is(db, channel))
            reached("end.written")
            if end.snapshot is not None:
                reached("end.snapshot")

        await self._writer.commit(work)
        reached("end.committed")
        summary.kept()

    async def adopt(
        self,
        run: Run,
        rows: Sequence[Row],
        ends: Mapping[int, End],
        summary: Summary,
        blobs: Mapping[str, str],
    ) -> None:
        """Write a run that was recorded elsewhere, all of it in one transaction."""
        journalled = await asyncio.to_thread(journal.all_of, run.n, rows)

        def work(db: sqlite3.Connection) -> None:
            _run_row(run)(db)
            journalled(db)
            for n, end in ends.items():
                told = summary.encoded() if n == run.n else None
                db.execute("INSERT INTO ends VALUES(?,?,?)", (n, _encode(end), told))
            _put_skeleton(db, run.n, summary)
            for name, text in blobs.items():
                keep(db, name, text)

        await self._writer.commit(work)
        summary.kept()

    async def save_channel(self, channel: ChannelRow) -> None:
        """Write a channel's row."""

        def work(db: sqlite3.Connection) -> None:
            _put_channel(db, channel)
            reached("channel.written")

        await self._writer.commit(work)
        reached("channel.committed")

    def reserve(self, end: int) -> None:
        """Note that event numbers up to ``end`` may have been used."""

        def work(db: sqlite3.Connection) -> None:
            _put_record(db, "seq", end)
            reached("seq.reserved")

        self._writer.post(work)

    def note(self, name: str, value: Json) -> None:
        """Keep a small named value, without waiting."""
        self._writer.post(lambda db: _put_record(db, name, value))

    async def save_record(self, name: str, value: Json) -> None:
        """Keep a small named value."""
        await self._writer.commit(lambda db: _put_record(db, name, value))

    async def put_blobs(self, texts: Mapping[str, str]) -> None:
        """Keep texts under their content hashes, all in one transaction."""

        def work(db: sqlite3.Connection) -> None:
            for name, text in texts.items():
                keep(db, name, text)
                reached("blob.written")

        await self._writer.commit(work)

    # Reading

    async def record(self, name: str) -> Json:
        """Return a named value, or ``None``."""
        found = await self._one("SELECT body FROM records WHERE name=?", name)
        return None if found is None else _any(found)

    async def blob(self, name: str) -> str | None:
        """Return a kept text."""
        return await self._one("SELECT body FROM blobs WHERE name=?", name)

    async def key(self, key: str) -> Key | None:
        """Return what an idempotency key stood for."""
        found = await self._one("SELECT body FROM keys WHERE key=?", key)
        return None if found is None else msgspec.json.decode(found, type=Key)

    async def run(self, n: int) -> Run | None:
        """Return a run."""
        found = await self._one("SELECT body FROM runs WHERE n=?", n)
        return None if found is None else _run(found)

    async def runs(self, wanted: RunFilter) -> list[Run]:
        """Return a page of runs, newest first."""
        where, values = _where(wanted)
        sql = f"SELECT body FROM runs AS r WHERE {where} ORDER BY r.n DESC LIMIT ?"  # noqa: S608
        found = await self._read(lambda db: db.execute(sql, (*values, wanted.limit)).fetchall())
        return [_run(body) for (body,) in found]

    async def rows(self, n: int) -> list[Row]:
        """Return the journal of a run, in order."""
        return await self._read(lambda db: journal.of_run(db, n))

    async def frame_rows(self, n: int, frame: int) -> list[Row]:
        """Return the rows of one frame of a run."""
        return await self._read(lambda db: journal.of_frame(db, n, frame))

    async def skeleton(self, n: int) -> bytes | None:
        """Return the skeleton of a large run, the summary of another."""
        found = await self._one("SELECT body FROM records WHERE name=?", _skeleton(n))
        return found or await self._one("SELECT summary FROM ends WHERE n=?", n)

    async def end(self, n: int) -> End | None:
        """Return what a finished run left."""
        found = await self._one("SELECT body FROM ends WHERE n=?", n)
        return None if found is None else _end(found)

    async def lineage(self, head: int, *, turns: int, snapshot: bool) -> list[End]:
        """Return ends from ``head`` back along the parents."""

        def work(db: sqlite3.Connection) -> list[End]:
            def get(n: int) -> End | None:
                found = db.execute("SELECT body FROM ends WHERE n=?", (n,)).fetchone()
                return None if found is None else _end(found[0])

            return walk(get, head, turns, snapshot=snapshot)

        return await self._read(work)

    async def summaries(self, wanted: RunFilter) -> list[bytes]:
        """Return a page of wire summaries, newest first."""
        where, values = _where(wanted)
        sql = (
            "SELECT e.summary FROM ends AS e JOIN runs AS r ON r.n = e.n "  # noqa: S608
            f"WHERE {where} ORDER BY e.n DESC LIMIT ?"
        )
        found = await self._read(lambda db: db.execute(sql, (*values, wanted.limit)).fetchall())
        return [body for (body,) in found]

    async def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        return await asyncio.to_thread(
            lambda: sum(f.stat().st_size for f in self._path.parent.glob(f"{self._path.name}*"))
        )

    async def close(self) -> None:
        """Write what is queued, then let go of the file.

        The writer goes last: it alone can put everything that is in the log into the file.
        """
        await asyncio.to_thread(self._pool.shutdown)
        while not self._free.empty():
            self._free.get().close()
        await self._writer.stop()

    async def _one(self, sql: str, value: Json) -> Json:
        found = await self._read(lambda db: db.execute(sql, (value,)).fetchone())
        return None if found is None else found[0]

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._in_reader, work)

    def _in_reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            reader = self._free.get_nowait()
        except Empty:
            reader = connect_reading(self._path)
        try:
            return work(reader)
        except sqlite3.DatabaseError as error:
            raise story(self._path, error) from None
        finally:
            self._free.put(reader)


def _loaded(db: sqlite3.Connection) -> Loaded:
    (newest,) = db.execute("SELECT max(n) FROM runs").fetchone()
    seq = db.execute("SELECT body FROM records WHERE name='seq'").fetchone()
    terminal = ("done", "error", "cancelled", "interrupted")
    unfinished = db.execute(
        "SELECT body FROM runs WHERE status NOT IN (?,?,?,?) ORDER BY n", terminal
    )
    return Loaded(
        next_n=(newest or 0) + 1,
        first_seq=_any(seq[0]) if seq else 0,
        channels=tuple(
            msgspec.json.decode(body, type=ChannelRow)
            for (body,) in db.execute("SELECT body FROM channels")
        ),
        unfinished=tuple(_run(body) for (body,) in unfinished),
    )


def _run_row(run: Run) -> Work:
    def work(db: sqlite3.Connection) -> None:
        row = (run.n, str(run.status), run.kind, run.channel, _encode(run))
        db.execute("INSERT OR REPLACE INTO runs VALUES(?,?,?,?,?)", row)

    return work


def _put_skeleton(db: sqlite3.Connection, n: int, summary: Summary) -> None:
    body = summary.skeleton()
    if body:
        db.execute("INSERT OR REPLACE INTO records VALUES(?,?)", (_skeleton(n), body))


def _skeleton(n: int) -> str:
    return f"skeleton:{n}"


def _put_channel(db: sqlite3.Connection, channel: ChannelRow) -> None:
    row = (channel.name, _encode(channel))
    db.execute("INSERT OR REPLACE INTO channels VALUES(?,?)", row)


def _where_it_is(db: sqlite3.Connection, channel: ChannelRow) -> ChannelRow:
    found = db.execute("SELECT body FROM channels WHERE name=?", (channel.name,)).fetchone()
    if found is None:
        return channel
    head = msgspec.json.decode(found[0], type=ChannelRow).head
    return msgspec.structs.replace(channel, head=head)


def _put_record(db: sqlite3.Connection, name: str, value: Json) -> None:
    db.execute("INSERT OR REPLACE INTO records VALUES(?,?)", (name, _encode(value)))


def _where(wanted: RunFilter) -> tuple[str, tuple[Json, ...]]:
    node, text = wanted.node, wanted.text
    body = "CAST(r.body AS TEXT)"
    asked: dict[str, Json] = {
        "r.channel=?": wanted.channel,
        "r.status=?": wanted.status,
        "r.kind=?": wanted.kind,
        "r.n<?": wanted.before,
        "r.n>=?": wanted.since,
        "r.n=?": wanted.only,
        f"json_extract({body},'$.path')=?": wanted.path,
        f"json_extract({body},'$.graph')=?": wanted.graph,
        "instr(CAST(e.summary AS TEXT),?)": None if node is None else _named(node),
        f"instr(lowered(json_extract({body},'$.text')),?)": text.lower() or None,
        "r.kind NOT IN ('replay', ?)": "fork" if wanted.own else None,
    }
    parts = {sql: value for sql, value in asked.items() if value is not None}
    return " AND ".join(parts) or "1", tuple(parts.values())


def _named(role: str) -> str:
    return f'"node":{_encode(role).decode()}'
