"""Asking a SQLite file: answers, hints, bombs, and an event loop that goes on meanwhile."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from itertools import count
from time import monotonic

import pytest
from sql_statements import SCHEMAS, statements

from agent.adapters.sql.demo_schema import COMMENTS, TABLE
from agent.adapters.sql.guard import Guarded, guard
from agent.adapters.sql.sqlite_db import SqliteDatabase
from agent.adapters.sql.sqlite_engine import Caps
from agent.core.errors import ToolFailed

pytestmark = pytest.mark.anyio
BOMBS = statements("sqlite", "bombs")
STALL = 20.0
"""Seconds after which a test is stuck, on a machine however busy."""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def database(demo):
    return SqliteDatabase(demo, COMMENTS)


async def failure(database, statement):
    with pytest.raises(ToolFailed) as caught:
        await database.run(guard(statement) if isinstance(statement, str) else statement)
    return caught.value


async def test_an_answer(database):
    answer = await database.run(
        guard("SELECT id, ort AS stadt FROM kunden WHERE id < 3 ORDER BY id")
    )
    assert answer.columns == ["id", "stadt"]
    assert [row[0] for row in answer.rows] == [1, 2]
    assert answer.truncated is False


async def test_a_thousand_rows_at_most(database):
    answer = await database.run(guard("SELECT id FROM ablesungen"))
    assert (len(answer.rows), answer.truncated) == (1_000, True)


@pytest.mark.slow
async def test_every_honest_statement_gives_what_its_own_text_gives(database, demo):
    """The regenerated SQL means the same as what the model wrote."""
    with closing(sqlite3.connect(demo)) as plain:
        for sql in statements("sqlite", "honest"):
            passed = guard(sql, schemas=SCHEMAS)
            answer = await database.run(passed)
            assert json.dumps(answer.rows, allow_nan=False)
            if passed.kind == "query" and "eras" not in sql and "'0x" not in str(answer.rows):
                expected = [list(row) for row in plain.execute(sql).fetchmany(1_000)]
                assert answer.rows == expected, sql


async def test_the_same_question_gets_the_same_answer(database):
    statement = guard(
        "SELECT o.ort, count(*) FROM objekte o JOIN kunden k ON k.id = o.kunde_id GROUP BY o.ort"
    )
    assert await database.run(statement) == await database.run(statement)


async def test_describe_and_show_tables_are_answered_with_comments(database):
    described = await database.run(guard("DESCRIBE Objekte"))
    assert described.columns == ["column", "type", "nullable", "key", "references", "comment"]
    assert [
        "kunde_id",
        "INTEGER",
        "NO",
        "",
        "kunden(id)",
        "the customer it belongs to",
    ] in described.rows
    listed = await database.run(guard("SHOW TABLES"))
    assert [row[0] for row in listed.rows] == list(COMMENTS)
    assert listed.rows[0] == ["kunden", 240, COMMENTS["kunden"][TABLE]]


async def test_the_schema_text_holds_everything(database):
    text = database.schema_text()
    for table, columns in COMMENTS.items():
        assert f"TABLE {table} -- " in text
        for column, comment in columns.items():
            assert f"  {column} " in text or column == TABLE
            assert comment in text
    assert "objekt_id INTEGER NOT NULL REFERENCES objekte(id)" in text
    assert database.describe("KUNDEN") == text.split("\n\n")[0]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM kunde", "no such table: kunde. Did you mean kunden?"),
        ("SELECT nmae FROM kunden", "no such column: nmae. Did you mean kunden.name?"),
        ("SELECT k.stadt FROM kunden k", "no such column: k.stadt. Did you mean kunden.strasse"),
        ("DESCRIBE kundn", "no such table: kundn. Did you mean kunden?"),
        ("SELECT total(1, 2) FROM kunden", "wrong number of arguments"),
        ("SELECT group_concat(nutzer) FROM nutzeinheiten", "One value may hold 20,000 bytes"),
    ],
)
async def test_the_engines_error_comes_with_a_hint(database, sql, message):
    error = await failure(database, sql)
    assert error.code == "sql_error"
    assert message in str(error)


async def test_a_statement_that_slipped_past_the_guard_is_refused_by_the_engine(database):
    for sql in ("DELETE FROM kunden", "PRAGMA query_only = 0", "ATTACH 'x' AS y"):
        error = await failure(database, Guarded(sql=sql, kind="query"))
        assert error.code == "sql_error"


@pytest.mark.parametrize("content", [None, b"no database" * 100])
async def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "x.db"
    if content:
        file.write_bytes(content)
    error = await failure(SqliteDatabase(file, {}), "SELECT 1")
    assert error.code == "sql_error"
    assert "x.db cannot be read" in str(error)


async def test_a_changed_file_is_read_anew(tmp_path):
    file = tmp_path / "a.db"
    database = SqliteDatabase(file, {})
    for made, sql in enumerate(["CREATE TABLE a (x)", "CREATE TABLE b (y)"], 1):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(sql)
        assert len(database.catalogue().tables) == made
    assert database.catalogue() is database.catalogue()


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_ends_in_time_and_the_event_loop_goes_on(demo, bomb):
    database = SqliteDatabase(demo, COMMENTS, caps=Caps(seconds=0.1))
    statement = Guarded(sql=bomb, kind="query")  # as if the guard had let everything through
    longest, ticks, last, running = 0.0, 0, monotonic(), True

    async def tick():
        nonlocal longest, ticks, last
        while running:
            await asyncio.sleep(0)
            now = monotonic()
            longest, ticks, last = max(longest, now - last), ticks + 1, now

    async with asyncio.timeout(STALL), asyncio.TaskGroup() as group:
        group.create_task(tick())
        error = await failure(database, statement)
        running = False
    assert error.code in {"sql_timeout", "sql_error"}
    assert error.code == "sql_timeout" or "too big" in str(error)
    assert ticks > 10
    assert longest < STALL / 4


@pytest.mark.slow
async def test_the_wall_is_two_seconds_unless_told_otherwise(database):
    begun = monotonic()
    async with asyncio.timeout(STALL):
        error = await failure(database, BOMBS[0])
    assert error.code == "sql_timeout"
    assert "longer than 2 s" in str(error)
    assert monotonic() - begun > 1.5


async def test_cancelling_interrupts_sqlite_itself(demo):
    begun, looks = threading.Event(), count()

    def clock():
        if next(looks) > 2:  # SQLite's own looks, in the middle of the query
            begun.set()
        return monotonic()

    database = SqliteDatabase(demo, COMMENTS, caps=Caps(seconds=2 * STALL), monotonic=clock)
    async with asyncio.timeout(STALL):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(database.run(Guarded(sql=BOMBS[0], kind="query")))
            await asyncio.to_thread(begun.wait)
            task.cancel()
        assert task.cancelled()
        await asyncio.get_running_loop().shutdown_default_executor()  # joins the worker thread


async def test_many_questions_at_once_do_not_mix(database):
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(database.run(guard(f"SELECT {n}, name FROM kunden WHERE id = {n}")))
            for n in range(1, 30)
        ]
    assert [task.result().rows[0][0] for task in tasks] == list(range(1, 30))
