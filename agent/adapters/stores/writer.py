"""One thread that writes, in the order it was asked, as many jobs a transaction as have queued up.

There is no timer: a commit takes whatever arrived while the last one was on its way to the disk. A
batch that fails is rolled back whole; the jobs somebody waits for are refused, the others stay in
front of the queue, so order is kept and nothing is lost silently.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from agent.core.errors import AgentError, DiskFull, Overloaded

Work = Callable[[sqlite3.Connection], None]
BATCH = 1024


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
    """

    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
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
        connection = self._connect(self._path)
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
            self._settle(batch, self._write(connection, batch))
        connection.close()

    def _write(self, connection: sqlite3.Connection, batch: list[Job]) -> AgentError | None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                if job.work is not None:
                    job.work(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self.trouble = f"{type(error).__name__}: {error}"
            return _refusal(self._path, error)
        self.trouble = ""
        return None

    def _settle(self, batch: list[Job], refusal: AgentError | None) -> None:
        waiting = [job for job in batch if job.done is not None]
        if refusal is not None:
            self._backlog = [job for job in batch if job.done is None and job.work is not None]
        if waiting and waiting[0].loop is not None:
            try:
                waiting[0].loop.call_soon_threadsafe(_answer, waiting, refusal)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more, and the rows are on disk


def _answer(waiting: list[Job], refusal: AgentError | None) -> None:
    for job in waiting:
        if job.done is None or job.done.done():
            continue
        if refusal is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(refusal)


def _refusal(path: Path, error: sqlite3.Error) -> AgentError:
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return DiskFull(f"the disk that holds {path.name} is full; free some space and try again")
    return Overloaded(f"{path.name} cannot be written ({error}); try again")
