"""One database as the server sees it: an inbox, and one task that owns the worker behind it.

The owner asks its worker one thing at a time, and kills it when the wall is reached or when whoever
asked has gone. A worker that died is replaced before the next question. What was asked is answered
exactly once: with rows, or with a named failure; a database that was away is looked for again.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from agent.adapters.sql import wire
from agent.adapters.sql.answer import Answer
from agent.adapters.sql.guard import check_text
from agent.adapters.sql.nursery import Nursery
from agent.adapters.sql.process import Worker, WorkerDied
from agent.adapters.sql.session import too_long
from agent.core.errors import ToolFailed

CALL_SECONDS = 6.0
"""How long connecting to a database may take; it has a shorter limit of its own."""
AGAIN_SECONDS = 10.0
"""Pause before a database that was away is looked for again."""
_log = logging.getLogger(__name__)


def _ignore(_sql: str) -> None:
    return


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A database as it was configured."""

    name: str
    url: str
    names: tuple[str, ...]
    """All names it goes by, ``name`` among them."""
    comments: dict[str, dict[str, str]] = {}
    """What tables and columns mean, where the database cannot say it."""


class Job:
    """A question on its way.

    Args:
        request: for the worker.
        passed: told what really runs.
    """

    def __init__(
        self, request: wire.Look | wire.Ask, passed: Callable[[str], None] = _ignore
    ) -> None:
        self.request = request
        self.passed = passed
        self.answer: asyncio.Future[wire.Last] = asyncio.get_running_loop().create_future()


class Database:
    """Asks one database through a worker process.

    Args:
        source: which one.
        nursery: where workers come from.
        seconds: the wall of one query.
    """

    def __init__(self, source: Source, nursery: Nursery, *, seconds: float) -> None:
        self.source = source
        self.schema = ""
        """What it holds, as a prompt shows it; empty until it was read."""
        self.trouble = ""
        """Why it could not be asked the last time."""
        self.warnings: tuple[str, ...] = ()
        self._nursery = nursery
        self._seconds = seconds
        self._inbox: asyncio.Queue[Job] = asyncio.Queue()
        self._looked = asyncio.Event()
        self._begun = False
        self._worker: Worker | None = None
        self._current: Job | None = None

    async def ask(self, sql: str, passed: Callable[[str], None]) -> Answer:
        """Have one statement guarded and answered; leaving early ends it where it runs.

        Args:
            sql: what the model wrote.
            passed: told what really runs, when the guard has let it through.

        Raises:
            ToolFailed: ``sql_refused``, ``sql_error`` or ``sql_timeout``.
        """
        check_text(sql)
        job = Job(wire.Ask(sql), passed)
        self._inbox.put_nowait(job)
        try:
            match await job.answer:
                case wire.Rows(columns, rows, truncated):
                    return Answer(columns=columns, rows=rows, truncated=truncated)
                case wire.Failed(code, detail):
                    raise ToolFailed(code, detail)
                case wire.Looked():
                    raise AssertionError("an answer to another question")
        except asyncio.CancelledError:
            if self._current is job and self._worker is not None:
                self._worker.kill()
            raise

    def begin(self) -> None:
        """Have the schema read, unless that was asked for before."""
        if not self._begun:
            self._begun = True
            self._inbox.put_nowait(Job(wire.Look()))

    @property
    def seen(self) -> bool:
        """Whether the schema was read, or could not be."""
        return self._looked.is_set()

    async def looked(self) -> None:
        """Return when the schema was read, or could not be."""
        self.begin()
        await self._looked.wait()

    async def run(self) -> None:
        """Answer what is asked, until cancelled."""
        try:
            while True:
                job = await self._next()
                if not job.answer.done():
                    self._current = job
                    await self._take(job)
                    self._current = None
        finally:
            while not self._inbox.empty():
                self._inbox.get_nowait().answer.cancel()
            if self._worker is not None:
                await self._worker.close()

    async def _next(self) -> Job:
        if not self.trouble:
            return await self._inbox.get()
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                return await self._inbox.get()
        except TimeoutError:
            return Job(wire.Look())

    async def _take(self, job: Job) -> None:
        try:
            worker = await self._ready()
            if job.answer.done():
                return
            worker.send(job.request)
            last = await self._heard(worker, job)
            if isinstance(last, wire.Failed) and last.spent:
                worker.kill()
        except WorkerDied as error:
            last = self._died(job, error)
        except TimeoutError:
            last = self._late(job)
        if not job.answer.done():
            job.answer.set_result(last)
        self._note(job, last)

    async def _ready(self) -> Worker:
        """Return the worker that has this database, a new one where the last has died."""
        if self._worker is not None and not self._worker.alive:
            await self._worker.close()
            self._worker = None
        if self._worker is None:
            self._worker = await self._nursery.take()
            source = self.source
            self._worker.send(
                wire.Open(
                    url=source.url,
                    names=source.names,
                    comments=source.comments,
                    seconds=self._seconds,
                )
            )
        return self._worker

    async def _heard(self, worker: Worker, job: Job) -> wire.Last:
        """Listen until the last word; the wall stands still while the database is called.

        Raises:
            TimeoutError: the wall is reached.
            WorkerDied: it will never come.
        """
        looking = isinstance(job.request, wire.Look)
        now = asyncio.get_running_loop().time
        until = now() + (wire.LOOK_SECONDS if looking else self._seconds)
        calling: float | None = None
        async with asyncio.timeout_at(until) as wall:
            while True:
                word = await worker.receive()
                if calling is not None:
                    until, calling = until + now() - calling, None
                    wall.reschedule(until)
                match word:
                    case wire.Connecting():
                        calling = now()
                        wall.reschedule(calling + CALL_SECONDS)
                    case wire.Passed(sql):
                        if not job.answer.done():
                            job.passed(sql)
                    case wire.Schema(text):
                        self.schema = text
                    case wire.Ready():
                        raise WorkerDied("it began anew")
                    case wire.Looked() | wire.Rows() | wire.Failed():
                        return word

    def _late(self, job: Job) -> wire.Last:
        if self._worker is not None:
            self._worker.kill()
        if isinstance(job.request, wire.Look):
            detail = f"{self.source.name} did not say within {wire.LOOK_SECONDS:g} s what it holds"
            return wire.Failed("sql_error", detail, unreachable=True)
        failure = too_long(self._seconds)
        return wire.Failed(failure.code, str(failure))

    def _died(self, job: Job, error: WorkerDied) -> wire.Last:
        if not job.answer.cancelled():
            _log.warning("the worker of database %s ended: %s", self.source.name, error)
        return wire.Failed(
            "sql_error",
            f"The worker process of database {self.source.name} ended ({error})."
            " The next query gets a new one; ask for less if this query needs very much memory.",
            unreachable=isinstance(job.request, wire.Look),
        )

    def _note(self, job: Job, last: wire.Last) -> None:
        """Keep what ``last`` tells of the database itself."""
        if isinstance(last, wire.Failed) and last.unreachable:
            if last.detail != self.trouble:
                _log.warning("database %s: %s", self.source.name, last.detail)
            self.trouble = last.detail
        elif isinstance(last, wire.Looked):
            if self.trouble:
                _log.info("database %s is back", self.source.name)
            self.trouble = ""
            self._warn(last.warnings)
        elif self.trouble:
            self._inbox.put_nowait(Job(wire.Look()))
        if isinstance(job.request, wire.Look):
            self._looked.set()

    def _warn(self, warnings: tuple[str, ...]) -> None:
        for warning in warnings:
            if warning not in self.warnings:
                _log.warning("database %s: %s", self.source.name, warning)
        self.warnings = warnings
