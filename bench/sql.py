"""What a model's SQL costs: the guard by statement, the way to the worker and back, and its end.

The guard is measured on the honest statements of the tests, in this process. The rest goes through
real worker processes: a question that needs no database (``DESCRIBE``) is the way there and back, a
small query is all of it, a query that never ends shows when it dies and how long the event loop was
kept waiting meanwhile.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.adapters.sql.database import Database, Source
from agent.adapters.sql.databases import open_databases
from agent.adapters.sql.demo import ensure_demo
from agent.adapters.sql.guard import guard
from agent.adapters.sql.sources import sqlite_url
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed
from bench.figures import Json, Target, percentile, report, say

TARGETS = (
    Target(figure="guard_p50_ms", limit=3.0),
    Target(figure="worker_p50_ms", limit=1.0),
    Target(figure="ended_after_s", limit=2.2),
    Target(figure="loop_lag_ms", limit=100.0),
)
STATEMENTS = Path(__file__).resolve().parent.parent / "tests" / "data"
DIALECTS: tuple[Dialect, ...] = ("sqlite", "mysql", "postgres")
QUERY = "SELECT ort, COUNT(*) AS n FROM kunden GROUP BY ort ORDER BY n DESC LIMIT 5"
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
TICK = 0.002


def statements(dialect: Dialect) -> list[str]:
    """Return the honest statements of ``dialect``."""
    files = (STATEMENTS / f"sql_{name}_honest.txt" for name in (dialect, "portable"))
    lines = [line.removeprefix("~ ") for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def guarding(rounds: int) -> Json:
    """Guard every statement some times."""
    figures: Json = {}
    medians: list[float] = []
    for dialect in DIALECTS:
        took: list[float] = []
        for sql in statements(dialect):
            tries: list[float] = []
            for _ in range(rounds):
                begin = time.perf_counter()
                guard(sql, dialect, schemas=("eras", "eras2_production"))
                tries.append(time.perf_counter() - begin)
            took.append(statistics.median(tries) * 1000)
        medians.append(statistics.median(took))
        figures[f"guard_{dialect}_p50_ms"] = medians[-1]
        figures[f"guard_{dialect}_p95_ms"] = percentile(took, 0.95)
    say({name: round(float(str(value)), 2) for name, value in figures.items()})
    return {"guard_p50_ms": max(medians), **figures}


@asynccontextmanager
async def demo() -> AsyncGenerator[Database]:
    """The demo database behind a worker."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "eras.db"
        ensure_demo(path)
        source = Source(name="eras", url=sqlite_url(path), names=("eras",))
        async with open_databases([source]) as opened:
            await opened.schemas()
            database = opened.find("eras")
            assert database is not None
            yield database


async def trips(database: Database, sql: str, rounds: int) -> float:
    """Return the median milliseconds of asking ``sql``."""
    took: list[float] = []
    for _ in range(rounds):
        begin = time.perf_counter()
        await database.ask(sql, lambda _: None)
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)


async def explosion(database: Database) -> Json:
    """Ask what never ends; tell when it died, and the longest the loop was kept waiting."""
    lag = 0.0

    async def tick() -> None:
        nonlocal lag
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(TICK)
            lag = max(lag, time.perf_counter() - begin - TICK)

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        begin = time.perf_counter()
        with suppress(ToolFailed):
            await database.ask(ENDLESS, lambda _: None)
        ended = time.perf_counter() - begin
        ticking.cancel()
    return {"ended_after_s": ended, "loop_lag_ms": lag * 1000}


async def cancelled(database: Database) -> float:
    """Return the milliseconds from cancelling a query to the answer of the next one."""
    began = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(database.ask(ENDLESS, lambda _: began.set()))
        await began.wait()
        begin = time.perf_counter()
        task.cancel()
    await database.ask(QUERY, lambda _: None)
    return (time.perf_counter() - begin) * 1000


async def asking(rounds: int) -> Json:
    """Measure what goes through a worker."""
    async with demo() as database:
        await trips(database, QUERY, 5)
        figures: Json = {
            "worker_p50_ms": await trips(database, "DESCRIBE kunden", rounds),
            "query_p50_ms": await trips(database, QUERY, rounds),
            **await explosion(database),
        }
        await asyncio.sleep(1.0)  # a spare stands ready again
        return {**figures, "answered_after_cancel_ms": await cancelled(database)}


def measure(quick: bool) -> Json:
    """Measure guard and worker."""
    return {**guarding(1 if quick else 5), **asyncio.run(asking(20 if quick else 500))}


if __name__ == "__main__":
    report("sql", measure, TARGETS)
