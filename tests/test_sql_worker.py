"""Databases behind worker processes: answered, ended, replaced, and never in the loop's way."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from sql_rig import STALL, one, rows, source
from sql_statements import statements

from agent.adapters.sql import limits, wire
from agent.adapters.sql.databases import open_databases
from agent.adapters.sql.process import Worker, WorkerDied
from agent.adapters.sql.worker import TOO_BIG, Desk
from agent.core.errors import ToolFailed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
BOMBS = statements("sqlite", "bombs")
ENDLESS = BOMBS[0]


@pytest.fixture(scope="module")
async def database(demo):
    async with one(source(demo)) as opened:
        yield opened


async def failure(database, sql):
    with pytest.raises(ToolFailed) as caught:
        await database.ask(sql, lambda ran: None)
    return caught.value


class Started:
    """A question that was let through and runs now."""

    def __init__(self, database, group, sql=ENDLESS):
        self._passed = asyncio.Event()
        self.task = group.create_task(self._fail(database, sql))

    async def runs(self):
        await self._passed.wait()

    async def _fail(self, database, sql):
        with pytest.raises(ToolFailed) as caught:
            await database.ask(sql, lambda ran: self._passed.set())
        return caught.value


def pid_of(database):
    return database._worker._process.pid


def is_there(pid):
    return Path(f"/proc/{pid}").exists()


async def gone(pid):
    async with asyncio.timeout(STALL):
        while is_there(pid):
            await asyncio.sleep(0.01)


async def test_what_runs_is_told_before_the_rows(database):
    told = []
    answer = await database.ask("select count(*) as n from eras.kunden -- all", told.append)
    assert told == ["SELECT COUNT(*) AS n FROM kunden"]
    assert (answer.columns, answer.rows, answer.truncated) == (["n"], [[240]], False)


async def test_each_failure_has_its_name(database):
    assert (await failure(database, "DROP TABLE kunden")).code == "sql_refused"
    assert (await failure(database, "")).code == "sql_refused"
    assert (await failure(database, "SELECT '\ud800'")).code == "sql_refused"
    error = await failure(database, "SELECT nmae FROM kunden")
    assert error.code == "sql_error"
    assert "Did you mean kunden.name?" in str(error)


async def test_many_questions_at_once_do_not_mix(database):
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(rows(database, f"SELECT {n}, name FROM kunden WHERE id = {n}"))
            for n in range(1, 30)
        ]
    assert [task.result()[0][0] for task in tasks] == list(range(1, 30))


async def test_a_cancelled_question_ends_its_process_and_the_next_one_is_answered(database):
    async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
        started = Started(database, group)
        await started.runs()
        pid = pid_of(database)
        started.task.cancel()
    await gone(pid)
    assert await rows(database, "SELECT 1") == [[1]]


async def test_a_question_cancelled_in_the_queue_disturbs_nobody(database):
    async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
        first = group.create_task(rows(database, "SELECT count(*) FROM ablesungen a, kunden b"))
        second = group.create_task(rows(database, "SELECT 2"))
        await asyncio.sleep(0)
        pid = pid_of(database)
        second.cancel()
    assert first.result()[0][0] > 1_000_000
    assert pid_of(database) == pid


async def test_a_worker_that_dies_is_named_and_replaced(database):
    async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
        started = Started(database, group)
        await started.runs()
        os.kill(pid_of(database), signal.SIGKILL)
        error = await started.task
    assert error.code == "sql_error"
    assert "worker process of database eras2_production ended (signal 9)" in str(error)
    assert await rows(database, "SELECT 1") == [[1]]


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_ends_in_time_and_the_event_loop_goes_on(demo, bomb):
    longest, ticks, last, running = 0.0, 0, monotonic(), True

    async def tick():
        nonlocal longest, ticks, last
        while running:
            await asyncio.sleep(0.001)
            now = monotonic()
            longest, ticks, last = max(longest, now - last), ticks + 1, now

    async with one(source(demo), seconds=0.2) as database:
        await database.looked()
        async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
            group.create_task(tick())
            error = await failure(database, bomb)
            running = False
    assert error.code in {"sql_timeout", "sql_error", "sql_refused"}
    assert error.code != "sql_error" or "too big" in str(error)
    assert ticks > 10 or error.code != "sql_timeout"
    assert longest < STALL / 4


async def test_the_wall_is_two_seconds_unless_told_otherwise(database):
    begun = monotonic()
    async with asyncio.timeout(STALL):
        error = await failure(database, ENDLESS)
    assert error.code == "sql_timeout"
    assert "longer than 2 s" in str(error)
    assert monotonic() - begun > 1.5


async def test_a_worker_that_does_not_end_by_itself_is_killed(database):
    """A worker that stands still hears no clock of its own."""
    async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
        started = Started(database, group)
        await started.runs()
        pid = pid_of(database)
        os.kill(pid, signal.SIGSTOP)
        assert "longer than 2 s" in str(await started.task)
    await gone(pid)
    assert await rows(database, "SELECT 1") == [[1]]


async def test_leaving_ends_all_processes(demo):
    async with one(source(demo)) as database:
        await database.ask("SELECT 1", lambda ran: None)
        pid = pid_of(database)
        assert is_there(pid)
    await gone(pid)


async def test_workers_end_with_the_server_even_in_the_middle_of_a_query(demo, tmp_path):
    script = tmp_path / "server.py"
    script.write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "from sql_rig import one, source\n"
        "async def main():\n"
        f"    async with one(source(Path({str(demo)!r})), seconds=60.0) as database:\n"
        "        def passed(sql):\n"
        "            print(database._worker._process.pid, flush=True)\n"
        f"        await database.ask({ENDLESS!r}, passed)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": PATHS},
    ) as server:
        pid = int(await asyncio.to_thread(server.stdout.readline))
        assert is_there(pid)
        server.kill()
    await gone(pid)


async def test_a_database_that_is_away_is_told_and_recovers_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.adapters.sql.database.AGAIN_SECONDS", 0.05)
    file = tmp_path / "late.db"
    async with asyncio.timeout(STALL), open_databases([source(file, comments={})]) as opened:
        schemas = await opened.schemas()
        told = "late.db cannot be read: No such file or directory"
        assert told in schemas.text
        assert opened.degraded() == ["eras2_production"]
        database = opened.find("eras")
        assert told in str(await failure(database, "SELECT 1"))
        with closing(sqlite3.connect(file)) as made:
            made.execute("CREATE TABLE t (x INTEGER)")
        assert await rows(database, "SELECT count(*) FROM t") == [[0]]
        while opened.degraded():
            await asyncio.sleep(0.01)
        assert (await opened.schemas()).text == "TABLE t -- 0 rows\n  x INTEGER"


async def test_it_is_looked_for_again_without_anybody_asking(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.adapters.sql.database.AGAIN_SECONDS", 0.05)
    file = tmp_path / "late.db"
    async with asyncio.timeout(STALL), open_databases([source(file, comments={})]) as opened:
        await opened.schemas()
        with closing(sqlite3.connect(file)) as made:
            made.execute("CREATE TABLE t (x INTEGER)")
        while opened.degraded():
            await asyncio.sleep(0.01)


async def test_a_new_table_is_seen_when_somebody_stumbles_over_it(tmp_path):
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE a (x)")
    async with open_databases([source(file, comments={})]) as opened:
        before = await opened.schemas()
        assert (await opened.schemas()) is before
        with closing(sqlite3.connect(file)) as made:
            made.execute("CREATE TABLE b (y)")
        await failure(opened.find("eras"), "SELECT y FROM c")
        assert (await opened.schemas()).text == "TABLE a -- 0 rows\n  x\n\nTABLE b -- 0 rows\n  y"


async def test_several_databases_have_a_block_each_and_a_process_each(demo, tmp_path):
    file = tmp_path / "b.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE b (y INTEGER)")
    other = source(file, name="other", names=("other",), comments={})
    async with open_databases([source(demo), other]) as opened:
        schemas = await opened.schemas()
        assert schemas.names == ("eras2_production", "other")
        assert schemas.of("other") == "TABLE b -- 0 rows\n  y INTEGER"
        assert schemas.of("eras").startswith("TABLE kunden -- 240 rows")
        assert schemas.text == (
            f"DATABASE eras2_production\n\n{schemas.of('eras')}\n\n"
            "DATABASE other\n\nTABLE b -- 0 rows\n  y INTEGER"
        )
        unknown = "There is no database 'none'. Configured: eras2_production, other."
        assert schemas.of("none") == unknown
        assert pid_of(opened.find("eras")) != pid_of(opened.find("other"))
        assert opened.names == ["eras2_production", "other", "eras"]


async def test_a_file_in_wal_mode_that_nobody_has_open_can_be_read(tmp_path):
    file = tmp_path / "wal.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE t (x)")
    async with one(source(file, comments={})) as database:
        assert await rows(database, "SELECT count(*) FROM t") == [[0]]


async def test_a_sort_that_would_spill_needs_no_file(database):
    sql = "SELECT DISTINCT a.wert + b.id FROM ablesungen a, kunden b WHERE b.id < 9 ORDER BY 1"
    assert len(await rows(database, sql)) == 1_000


LIMITED = """
import resource, sys, os
from agent.adapters.sql import limits
limits.confine(); limits.seal(); limits.spend(2.0)
{}
"""


PATHS = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])


def limited(code, **options):
    options["env"] = {**os.environ, "PYTHONPATH": PATHS}
    return subprocess.run(
        [sys.executable, "-c", LIMITED.format(code)], capture_output=True, text=True, check=False,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("bytearray(600 << 20)", "MemoryError"),
        ("open('made', 'wb', buffering=0).write(b'x')", "File too large"),
        ("[os.open('/dev/null', os.O_RDONLY) for _ in range(100)]", "Too many open files"),
    ],
)
def test_the_limits_hold(tmp_path, code, told):
    assert told in limited(code, cwd=tmp_path).stderr


def test_processor_time_is_limited():
    assert limited("while True: pass").returncode == -signal.SIGXCPU


def test_the_allowance_of_one_query_does_not_count_for_the_next(monkeypatch):
    told = {}
    monkeypatch.setattr(resource, "setrlimit", lambda what, pair: told.update({what: pair}))
    monkeypatch.setattr(
        resource, "getrusage", lambda who: resource.struct_rusage([7.2, 0.5, *[0] * 14])
    )
    limits.spend(3.5)
    assert told[resource.RLIMIT_CPU][0] == 12


async def test_a_worker_knows_no_secret(monkeypatch):
    monkeypatch.setenv("AGENT_LLM_API_KEY", "sk-very-secret")
    worker = await Worker.start(())
    try:
        environment = Path(f"/proc/{worker._process.pid}/environ").read_bytes()
        assert b"PATH=" in environment
        assert b"secret" not in environment
    finally:
        await worker.close()


async def test_a_worker_is_waited_for_however_often_that_is_cancelled():
    worker = await Worker.start(())
    closing_it = asyncio.ensure_future(worker.close())
    for _ in range(3):
        await asyncio.sleep(0)
        closing_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_it
    assert not is_there(worker._process.pid)


async def test_a_worker_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr("agent.adapters.sql.process.MODULE", "agent.nix")
    with pytest.raises(WorkerDied, match=r"exit code 1: .*No module named agent\.nix"):
        await Worker.start(())


async def test_a_driver_that_is_not_there_does_not_keep_a_worker_from_starting():
    worker = await Worker.start(("nix",))
    await worker.close()


async def test_a_start_that_fails_is_the_failure_of_the_question(demo, monkeypatch):
    monkeypatch.setattr("agent.adapters.sql.process.MODULE", "agent.nix")
    async with asyncio.timeout(STALL), open_databases([source(demo)]) as opened:
        error = await failure(opened.find("eras"), "SELECT 1")
        assert error.code == "sql_error"
        assert "No module named agent.nix" in str(error)
        assert "cannot be asked now" in (await opened.schemas()).text


class Hungry:
    """A session whose every query needs too much memory."""

    dialect, schemas, known = "sqlite", frozenset(), None

    def connect(self):
        return ()

    def query(self, statement):
        raise MemoryError


def test_a_query_that_needs_too_much_memory_ends_its_worker(monkeypatch):
    monkeypatch.setattr("agent.adapters.sql.worker.open_session", lambda *_, **__: Hungry())
    monkeypatch.setattr("agent.adapters.sql.limits.spend", lambda seconds: None)
    told = []
    desk = Desk(wire.Open(url="sqlite:////x", names=("a",), seconds=1.0), told.append)
    desk.take(wire.Ask("SELECT 1"))
    assert told == [wire.Passed("SELECT 1"), wire.Failed("sql_error", TOO_BIG, spent=True)]


async def test_a_worker_that_is_spent_is_replaced(database, monkeypatch):
    await rows(database, "SELECT 1")
    pid, receive = pid_of(database), Worker.receive

    async def spent(worker):
        word = await receive(worker)
        return (
            wire.Failed("sql_error", TOO_BIG, spent=True) if isinstance(word, wire.Rows) else word
        )

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "receive", spent)
        assert "more memory" in str(await failure(database, "SELECT 1"))
    assert await rows(database, "SELECT 1") == [[1]]
    assert pid_of(database) != pid


def test_a_frame_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most 8,388,608 are sent"):
        wire.length(b"\xff\xff\xff\xff")
    head, body = wire.frame(wire.Ask("x"))[:4], wire.frame(wire.Ask("x"))[4:]
    assert wire.length(head) == len(body)
    assert wire.request_of(body) == wire.Ask("x")
