"""A SQLite connection that refuses by itself, whatever text it is given.

Three fences stand here, each on its own: the file is opened read-only, the authorizer knows a
short list of things that may happen, and every query is bounded in time and size. None of them
trusts the parser in front, with one exception: a single step of SQLite cannot be interrupted, and
that ``printf`` and ``trim`` take no second in one is seen to by the parser.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from agent.adapters.sql.answer import Answer, Caps, Deadline, Stopped, collect
from agent.adapters.sql.catalogue import Catalogue, Column, Comments, Table, parents_first
from agent.adapters.sql.vocabulary import VOCABULARIES
from agent.core.json import Json

TICK = 500
"""Steps of SQLite's machine between two looks at the clock."""
MAX_VALUE = 20_000
"""Bytes of one value. ``instr`` and ``replace`` take quadratic time in a single step, which neither
the clock nor an interrupt can end, so it is the size that keeps them short."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_FUNCTIONS = VOCABULARIES["sqlite"].functions | {"->", "->>", "substring"}
_MASTER = VOCABULARIES["sqlite"].system_tables


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open ``path`` with the driver's own fences.

    Raises:
        sqlite3.Error: there is no such file, or it cannot be read.
    """
    connection = sqlite3.connect(
        path.absolute().as_uri() + "?mode=ro", uri=True, isolation_level=None, cached_statements=0
    )
    try:
        connection.text_factory = _text
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA trusted_schema = 0")
        connection.execute("PRAGMA cache_size = -4000")
        connection.execute("PRAGMA temp_store = MEMORY")  # the worker may write no file
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def fence(connection: sqlite3.Connection, tables: Iterable[str]) -> None:
    """Allow ``connection`` to read ``tables`` and nothing else, in bounded pieces."""
    readable = frozenset(tables) | _MASTER

    def decide(code: int, first: str | None, second: str | None, *_: str | None) -> int:
        match code:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
                allowed = True
            case sqlite3.SQLITE_READ:
                allowed = second == "" or first in readable
            case sqlite3.SQLITE_FUNCTION:
                allowed = (second or "").lower() in _FUNCTIONS
            case _:
                allowed = False
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.set_authorizer(decide)


def fetch(connection: sqlite3.Connection, sql: str, deadline: Deadline, caps: Caps) -> Answer:
    """Run one statement on a fenced connection.

    Raises:
        Stopped: the clock ended it.
        sqlite3.Error: the engine refused it or it failed.
    """
    connection.set_progress_handler(deadline.over, TICK)
    try:
        cursor = connection.execute(sql)
        columns = [str(column[0]) for column in cursor.description or ()]
        return collect(columns, cursor, deadline, caps)
    except sqlite3.OperationalError as error:
        if deadline.over():
            raise Stopped from error
        raise


def names_of(connection: sqlite3.Connection) -> list[str]:
    """Return the tables and views, over a connection without a fence."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    )
    return [str(name) for (name,) in found]


def read_catalogue(
    connection: sqlite3.Connection, comments: Comments, counting: Deadline
) -> Catalogue:
    """Read what there is, over a connection without a fence; no model's text comes here."""
    tables = [_table(connection, name, comments.get(name, {})) for name in names_of(connection)]
    connection.set_progress_handler(counting.over, TICK)
    counted = [replace(table, rows=_count(connection, table.name)) for table in tables]
    connection.set_progress_handler(None, 0)
    return Catalogue(parents_first(counted))


def _count(connection: sqlite3.Connection, table: str) -> int | None:
    """Count the rows; ``None`` when that takes too long, or a view cannot be read.

    Without the inner LIMIT it would be one step of SQLite's machine, which no clock can end.
    """
    inner = f"SELECT 1 FROM {_quoted(table)} LIMIT {1 << 62}"  # noqa: S608 - quoted
    try:
        (rows,) = connection.execute(f"SELECT count(*) FROM ({inner})").fetchone()  # noqa: S608
    except sqlite3.OperationalError:
        return None
    return int(rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(connection: sqlite3.Connection, name: str, comments: Json) -> Table:
    keys = connection.execute(
        'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', (name,)
    )
    points = {own: f"{table}({column or 'id'})" for own, table, column in keys}
    found = connection.execute(
        'SELECT name, type, pk, "notnull" FROM pragma_table_info(?)', (name,)
    )
    columns = tuple(
        Column(
            own,
            kind,
            "PRIMARY KEY" if key else "",
            points.get(own, ""),
            comments.get(own, ""),
            not (key or notnull),
        )
        for own, kind, key, notnull in found
    )
    return Table(name, None, comments.get("", ""), columns)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
