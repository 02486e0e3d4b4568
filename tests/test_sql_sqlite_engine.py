"""The driver's own fences, given the model's raw text without any parser in front."""

import hashlib
import sqlite3
from contextlib import closing

import pytest
from sql_statements import statements

from agent.adapters.sql.answer import Caps, Deadline, Stopped
from agent.adapters.sql.sqlite_engine import (
    fence,
    fetch,
    open_readonly,
    read_catalogue,
)

TABLES = ("kunden", "objekte", "nutzeinheiten", "geraete", "ablesungen", "abrechnungen")
BOMBS = statements("sqlite", "bombs")


@pytest.fixture
def connection(demo):
    with closing(open_readonly(demo)) as opened:
        fence(opened, TABLES)
        yield opened


def clock():
    return 0.0


def ask(connection, sql, **caps):
    return fetch(connection, sql, Deadline(1.0, clock), Caps(**caps))


def digest(demo):
    return hashlib.sha256(demo.read_bytes()).hexdigest()


@pytest.mark.slow
def test_no_hostile_text_changes_the_file_or_makes_another(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, beside = digest(demo), sorted(demo.parent.iterdir())
    for sql in statements("sqlite", "hostile"):
        with closing(open_readonly(demo)) as opened:
            fence(opened, TABLES)
            try:
                opened.execute(sql).fetchmany(10)
            except (sqlite3.Error, sqlite3.Warning):
                continue
    assert digest(demo) == before
    assert sorted(demo.parent.iterdir()) == beside
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_hostile_text_that_undoes_the_flags_first_still_changes_nothing(
    demo, tmp_path, monkeypatch
):
    """On one connection, in order, so that a statement could open the way for the next."""
    monkeypatch.chdir(tmp_path)
    before = digest(demo)
    with closing(open_readonly(demo)) as opened:
        fence(opened, TABLES)
        for sql in statements("sqlite", "hostile"):
            try:
                opened.execute(sql).fetchmany(10)
            except (sqlite3.Error, sqlite3.Warning):
                continue
        assert opened.execute("SELECT count(*) FROM kunden").fetchall() == [(240,)]
    assert digest(demo) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA query_only = 0",
        "ATTACH 'x.db' AS x",
        "ATTACH ':memory:' AS x",
        "CREATE TEMP TABLE z (a)",
        "SELECT load_extension('x')",
        "SELECT zeroblob(9)",
        "SELECT randomblob(9)",
        "SELECT file FROM pragma_database_list",
        "SELECT * FROM json_each('[1]')",
        "BEGIN IMMEDIATE",
        "SAVEPOINT a",
        "VACUUM INTO 'x.db'",
        "DELETE FROM kunden",
        "SELECT * FROM sqlite_temp_master",
    ],
)
def test_the_authorizer_says_no_by_itself(connection, sql):
    with pytest.raises(
        sqlite3.DatabaseError, match=r"auth|prohibited|too many attached|constructor"
    ):
        ask(connection, sql)


def test_a_table_that_is_not_in_the_catalogue_cannot_be_read(demo):
    with closing(open_readonly(demo)) as opened:
        fence(opened, ["kunden"])
        assert ask(opened, "SELECT id FROM kunden LIMIT 1").rows == [[1]]
        with pytest.raises(sqlite3.DatabaseError, match="prohibited"):
            ask(opened, "SELECT id FROM objekte")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT " + "hex(" * 8 + f"'{'a' * 100}'" + ")" * 8, "too big"),
        ("SELECT replace(printf('%.*c', 900, 'x'), 'x', printf('%.*c', 900, 'y'))", "too big"),
        ("SELECT group_concat(printf('%.*c', 900, 'x')) FROM kunden", "too big"),
        ("SELECT 'a' LIKE '" + "%a" * 150 + "'", "pattern too complex"),
        ("SELECT " + "+".join(["1"] * 900), "too large"),
        (" UNION ALL ".join(["SELECT 1"] * 60), "too many terms"),
        ("SELECT " + ",".join(["1"] * 300), "too many columns"),
        ("SELECT '" + "a" * 30_000 + "'", "too big|too large"),
    ],
)
def test_sizes_are_bounded(connection, sql, message):
    with pytest.raises((sqlite3.Error, sqlite3.Warning), match=message):
        ask(connection, sql)


def test_rows_and_bytes_are_capped_and_said_so(connection):
    assert ask(connection, "SELECT id FROM kunden", rows=240).truncated is False
    some = ask(connection, "SELECT id FROM kunden", rows=239)
    assert (len(some.rows), some.truncated) == (239, True)
    small = ask(connection, "SELECT printf('%.*c', 100, 'x') FROM kunden", size=1000)
    assert (len(small.rows), small.truncated) == (9, True)


def test_every_value_can_be_written_as_json(connection):
    answer = ask(
        connection, "SELECT NULL, 1, 1.5, 'ä', x'00ff', 9e999, -9e999, CAST(x'ff41' AS TEXT)"
    )
    assert answer.rows == [[None, 1, 1.5, "ä", "0x00ff", "Infinity", "-Infinity", "\ufffdA"]]


def test_the_clock_ends_a_query(connection):
    seconds = iter([0.0, *[0.5] * 20])

    def later():
        return next(seconds, 9.0)

    with pytest.raises(Stopped):
        fetch(connection, BOMBS[0], Deadline(1.0, later), Caps())


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_every_bomb_is_ended_by_the_progress_handler(connection, bomb):
    """Eight looks at the clock are all it gets, so this ends although no time passes."""
    looks = iter([0.0] * 9)
    try:
        fetch(connection, bomb, Deadline(1.0, lambda: next(looks, 9.0)), Caps())
    except Stopped:
        return
    except sqlite3.DataError as error:
        assert "too big" in str(error)  # noqa: PT017 - one of two ends
        return
    pytest.fail("it came to an end by itself")


def test_the_catalogue_knows_keys_types_counts_and_views(tmp_path):
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as made:
        made.executescript(
            'CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, b TEXT NOT NULL);'
            'CREATE TABLE a (a REFERENCES "odd ""name", c REAL);'
            "INSERT INTO a VALUES (NULL, 1), (NULL, 2); CREATE VIEW v AS SELECT c FROM a;"
        )
    with closing(open_readonly(file)) as opened:
        comments = {"a": {"": "things", "c": "a number"}}
        odd, v, t = read_catalogue(opened, comments, Deadline(1.0, clock)).tables
    assert (odd.name, odd.rows, [c.key for c in odd.columns]) == (
        'odd "name',
        0,
        ["PRIMARY KEY", ""],
    )
    assert [c.nullable for c in odd.columns] == [False, False]
    assert (t.rows, t.comment, t.columns[0].references) == (2, "things", 'odd "name(id)')
    assert (t.columns[1].type, t.columns[1].comment) == ("REAL", "a number")
    assert (v.name, v.rows) == ("v", 2)


def test_what_takes_long_to_count_is_not_counted(demo):
    seconds = iter([0.0])  # the deadline is set; whoever looks again is late
    with closing(open_readonly(demo)) as opened:
        found = read_catalogue(opened, {}, Deadline(1.0, lambda: next(seconds, 9.0)))
        assert found.find("ablesungen").rows is None
        assert found.find("ablesungen").text().startswith("TABLE ablesungen\n  id ")
        assert opened.execute("SELECT count(*) FROM kunden").fetchall() == [(240,)]


def test_a_missing_file_is_not_created(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_readonly(tmp_path / "none.db").execute("SELECT 1")
    assert list(tmp_path.iterdir()) == []
