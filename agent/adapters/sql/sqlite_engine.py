"""A SQLite connection that refuses by itself, whatever text it is given.

Three fences stand here, each on its own: the file is opened read-only, the authorizer knows a
short list of things that may happen, and every query is bounded in time and size. None of them
trusts the parser in front, with one exception: a single step of SQLite cannot be interrupted, and
that ``printf`` and ``trim`` take no second in one is seen to by the parser.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from agent.adapters.sql.catalogue import Catalogue, Column, Comments, Table
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


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """How much one query may take and give."""

    seconds: float = 2.0
    rows: int = 1_000
    size: int = 1 << 20
    """Bytes of the rows as JSON."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a query gave; every value can be written as JSON."""

    columns: list[str]
    rows: list[list[Json]]
    truncated: bool = False


class Stopped(Exception):  # noqa: N818 - an outcome, not a defect
    """The query was ended by the clock or by whoever asked for it."""


class Flight:
    """One query on its way: who asked may stop it from another thread."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = monotonic() + seconds
        self._stop = threading.Event()
        self._connection: sqlite3.Connection | None = None

    def board(self, connection: sqlite3.Connection) -> None:
        """Use ``connection`` from now on."""
        self._connection = connection
        connection.set_progress_handler(self.over, TICK)

    def over(self) -> bool:
        """Whether it has been stopped or has used up its time."""
        return self._stop.is_set() or self._monotonic() > self._until

    def stop(self) -> None:
        """End it now, in the middle of whatever it does."""
        self._stop.set()
        try:
            if self._connection is not None:
                self._connection.interrupt()
        except sqlite3.ProgrammingError:
            return  # it landed by itself


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open ``path`` with the driver's own fences.

    Raises:
        sqlite3.Error: there is no such file, or it cannot be read.
    """
    connection = sqlite3.connect(
        path.absolute().as_uri() + "?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=0,
    )
    connection.text_factory = _text
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA trusted_schema = 0")
    connection.execute("PRAGMA cache_size = -4000")
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


def fetch(connection: sqlite3.Connection, sql: str, flight: Flight, caps: Caps) -> Answer:
    """Run one statement on a fenced connection.

    Raises:
        Stopped: the clock or whoever asked ended it.
        sqlite3.Error: the engine refused it or it failed.
    """
    flight.board(connection)
    try:
        return _collect(connection.execute(sql), flight, caps)
    except sqlite3.OperationalError as error:
        if flight.over():
            raise Stopped from error
        raise


def _collect(cursor: sqlite3.Cursor, flight: Flight, caps: Caps) -> Answer:
    columns = [str(column[0]) for column in cursor.description or ()]
    rows: list[list[Json]] = []
    size = 0
    for found in cursor:
        if flight.over():
            raise Stopped
        row = [_value(value) for value in found]
        size += len(msgspec.json.encode(row)) + 1
        if len(rows) == caps.rows or size > caps.size:
            return Answer(columns=columns, rows=rows, truncated=True)
        rows.append(row)
    return Answer(columns=columns, rows=rows)


def read_catalogue(connection: sqlite3.Connection, comments: Comments) -> Catalogue:
    """Read what there is, over a connection without a fence; no model's text comes here."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    return Catalogue(tuple(_table(connection, name, comments.get(name, {})) for (name,) in names))


def _table(connection: sqlite3.Connection, name: str, comments: Json) -> Table:
    quoted = '"' + name.replace('"', '""') + '"'
    (rows,) = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()  # noqa: S608 - quoted
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
    return Table(name, rows, comments.get("", ""), columns)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _value(value: Json) -> Json:
    match value:
        case bytes():
            return f"0x{value.hex()}"
        case float() if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        case _:
            return value
