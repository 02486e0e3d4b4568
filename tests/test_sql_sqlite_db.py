"""Asking a SQLite file, as the worker process does: answers, hints and bounds."""

import json
import sqlite3
from contextlib import closing

import pytest
from sql_statements import SCHEMAS, statements

from agent.adapters.sql.demo_schema import COMMENTS, TABLE
from agent.adapters.sql.guard import Guarded, guard
from agent.adapters.sql.session import answer
from agent.adapters.sql.sqlite_db import SqliteDatabase
from agent.core.errors import ToolFailed


@pytest.fixture
def database(demo):
    return SqliteDatabase(demo, COMMENTS)


def failure(database, statement):
    with pytest.raises(ToolFailed) as caught:
        answer(database, guard(statement) if isinstance(statement, str) else statement)
    return caught.value


def test_an_answer(database):
    found = answer(database, guard("SELECT id, ort AS stadt FROM kunden WHERE id < 3 ORDER BY id"))
    assert found.columns == ["id", "stadt"]
    assert [row[0] for row in found.rows] == [1, 2]
    assert found.truncated is False


def test_a_thousand_rows_at_most(database):
    found = answer(database, guard("SELECT id FROM ablesungen"))
    assert (len(found.rows), found.truncated) == (1_000, True)


@pytest.mark.slow
def test_every_honest_statement_gives_what_its_own_text_gives(database, demo):
    """The regenerated SQL means the same as what the model wrote."""
    with closing(sqlite3.connect(demo)) as plain:
        for sql in statements("sqlite", "honest"):
            passed = guard(sql, schemas=SCHEMAS)
            found = answer(database, passed)
            assert json.dumps(found.rows, allow_nan=False)
            if passed.kind == "query" and "eras" not in sql and "'0x" not in str(found.rows):
                expected = [list(row) for row in plain.execute(sql).fetchmany(1_000)]
                assert found.rows == expected, sql


def test_the_same_question_gets_the_same_answer(database):
    statement = guard(
        "SELECT o.ort, count(*) FROM objekte o JOIN kunden k ON k.id = o.kunde_id GROUP BY o.ort"
    )
    assert answer(database, statement) == answer(database, statement)


def test_describe_and_show_tables_are_answered_with_comments(database):
    described = answer(database, guard("DESCRIBE Objekte"))
    assert described.columns == ["column", "type", "nullable", "key", "references", "comment"]
    assert [
        "kunde_id",
        "INTEGER",
        "NO",
        "",
        "kunden(id)",
        "the customer it belongs to",
    ] in described.rows
    listed = answer(database, guard("SHOW TABLES"))
    assert {row[0] for row in listed.rows} == set(COMMENTS)
    assert listed.rows[0] == ["kunden", 240, COMMENTS["kunden"][TABLE]]


def test_the_schema_text_holds_everything(database):
    text = database.catalogue().text()
    for table, columns in COMMENTS.items():
        assert f"TABLE {table} -- " in text
        for column, comment in columns.items():
            assert f"  {column} " in text or column == TABLE
            assert comment in text
    assert "objekt_id INTEGER NOT NULL REFERENCES objekte(id)" in text


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
def test_the_engines_error_comes_with_a_hint(database, sql, message):
    error = failure(database, sql)
    assert error.code == "sql_error"
    assert message in str(error)


def test_a_statement_that_slipped_past_the_guard_is_refused_by_the_engine(database):
    for sql in ("DELETE FROM kunden", "PRAGMA query_only = 0", "ATTACH 'x' AS y"):
        error = failure(database, Guarded(sql=sql, kind="query"))
        assert error.code == "sql_error"


@pytest.mark.parametrize("content", [None, b"no database" * 100])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "x.db"
    if content:
        file.write_bytes(content)
    error = failure(SqliteDatabase(file, {}), "SELECT 1")
    assert error.code == "sql_error"
    assert "x.db cannot be read" in str(error)


def test_a_changed_file_is_read_anew(tmp_path):
    file = tmp_path / "a.db"
    database = SqliteDatabase(file, {})
    for made, sql in enumerate(["CREATE TABLE a (x)", "CREATE TABLE b (y)"], 1):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(sql)
        assert len(database.catalogue().tables) == made
    assert database.catalogue() is database.catalogue()
