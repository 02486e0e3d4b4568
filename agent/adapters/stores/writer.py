"""One thread that writes, in the order it was asked, as many jobs a transaction as have queued up.

There is no timer: a commit takes whatever arrived while the last one was on its way to the disk. A
batch that the disk refuses is rolled back whole; the jobs somebody waits for are refused, the
others stay in front of the queue, so order is kept and nothing is lost silently. A job that could
never be written (a value that no row can hold) is refused alone: the rest of its batch goes on.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from agent.adapters.stores.opening import hint_of
from agent.adapters.stores.reserve import room
from agent.core.errors import AgentError, DiskFull, Overloaded

Work = Callable[[sqlite3.Connection], None]
BATCH = 1024
TIGHT = 1 << 16
"""Bytes; a disk with less is full."""
THE_JOBS_FAULT = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What SQLite raises when trying again could not help; its other errors are the disk's trouble."""

_log = logging.getLogger(__name__)


class Job:
    """One write, and who waits for it."""

    __slots__ = ("done", "loop", "work")

    def __init__(
        self,
        work: Work | None,
        done: asyncio.Future[None] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.work = work
        self.done = done
        self.loop = loop


class Writer:
    """The only connection that writes.

    Args:
        path: the database file.
        connect: opens it with all pragmas set.
        spare: gives a full disk some room; false when there is none to give.
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[Path], sqlite3.Connection],
        spare: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = path
        self._connect = connect
        self._spare = spare
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._backlog: list[Job] = []
        self.trouble: str = ""
        """Why the last commit failed; empty when it went well."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, work: Work) -> None:
        """Have ``work`` done in order, without waiting."""
        self._jobs.put(Job(work))

    async def commit(self, work: Work) -> None:
        """Have ``work`` done in order and return when it is on disk.

        Raises:
            DiskFull: there is no room; nothing of it was written.
            Overloaded: it could not be written for another reason.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._jobs.put(Job(work, done, loop))
        await done

    async def stop(self) -> None:
        """Write what is queued and end the thread."""
        if self._thread.is_alive():
            self._jobs.put(Job(None))
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        running = True
        while running:
            batch = [*self._backlog, self._jobs.get()]
            self._backlog = []
            while len(batch) < BATCH:
                try:
                    batch.append(self._jobs.get_nowait())
                except Empty:
                    break
            running = all(job.work is not None for job in batch)
            connection = self._take(connection, batch)
        if connection is not None:
            connection.close()

    def _take(
        self, connection: sqlite3.Connection | None, batch: list[Job]
    ) -> sqlite3.Connection | None:
        try:
            if connection is None:
                connection = self._connect(self._path)
            self._write(connection, batch)
        except Exception as error:  # noqa: BLE001 - the thread's boundary: it outlives any job
            if not isinstance(error, sqlite3.Error) or isinstance(error, THE_JOBS_FAULT):
                if len(batch) > 1:
                    return self._one_by_one(connection, batch)
                _log.error("a write was dropped, no row can hold it: %r", error)
                self._answer(batch, Overloaded(f"this cannot be stored ({error})"))
                return connection
            if _is_full(self._path, error) and self._spare():
                return self._take(connection, batch)
            self.trouble = f"{type(error).__name__}: {error}"
            self._backlog = [job for job in batch if job.done is None and job.work is not None]
            self._answer(batch, _refusal(self._path, error))
        else:
            self.trouble = ""
            self._answer(batch, None)
        return connection

    def _one_by_one(
        self, connection: sqlite3.Connection | None, batch: list[Job]
    ) -> sqlite3.Connection | None:
        for place, job in enumerate(batch):
            connection = self._take(connection, [job])
            if self._backlog:  # the disk gave up half-way: what follows may not overtake
                self._backlog += [later for later in batch[place + 1 :] if later.done is None]
                self._answer(batch[place + 1 :], Overloaded(f"{self.trouble}; try again"))
                break
        return connection

    def _write(self, connection: sqlite3.Connection, batch: list[Job]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                if job.work is not None:
                    job.work(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def _answer(self, batch: Iterable[Job], refusal: AgentError | None) -> None:
        waiting = [job for job in batch if job.done is not None]
        if waiting and waiting[0].loop is not None:
            try:
                waiting[0].loop.call_soon_threadsafe(_answer, waiting, refusal)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more


def _answer(waiting: list[Job], refusal: AgentError | None) -> None:
    for job in waiting:
        if job.done is None or job.done.done():
            continue
        if refusal is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(refusal)


def _is_full(path: Path, error: sqlite3.Error) -> bool:
    """Whether there was no room; for some files SQLite calls that an I/O error."""
    if not isinstance(error, sqlite3.OperationalError):
        return False
    return "full" in str(error) or ("I/O" in str(error) and room(path.parent) < TIGHT)


def full(path: Path) -> DiskFull:
    """Return the error that says that nothing new can be taken."""
    return DiskFull(f"the disk that holds {path.name} is full; free some space and try again")


def _refusal(path: Path, error: sqlite3.Error) -> Overloaded:
    if _is_full(path, error):
        return full(path)
    return Overloaded(f"{path.name} cannot be written ({error}); {hint_of(error)}")
