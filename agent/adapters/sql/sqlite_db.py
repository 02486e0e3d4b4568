"""One SQLite file that a model may ask.

Every query has a connection and a worker thread of its own, so nothing one query does reaches the
next and the event loop never waits for SQLite. Leaving a query early, by cancellation or by the
clock, interrupts it inside SQLite; the thread closes its connection itself.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic as machine_monotonic

from agent.adapters.sql.catalogue import Catalogue, Comments, Table, describing, listing
from agent.adapters.sql.guard import Guarded
from agent.adapters.sql.sqlite_engine import (
    MAX_VALUE,
    Answer,
    Caps,
    Flight,
    Stopped,
    fence,
    fetch,
    open_readonly,
    read_catalogue,
)
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed

GRACE = 0.5
"""Seconds past the wall after which a query is interrupted from outside, should one long step
keep SQLite from looking at the clock."""


class SqliteDatabase:
    """A file opened for reading only.

    Args:
        path: the database file.
        comments: what the tables and columns mean.
        caps: bounds of one query.
        monotonic: seconds on a clock that never goes back.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self,
        path: Path,
        comments: Comments,
        *,
        caps: Caps = Caps(),  # noqa: B008 - frozen
        monotonic: Callable[[], float] = machine_monotonic,
    ) -> None:
        self._path = path
        self._comments = comments
        self._caps = caps
        self._monotonic = monotonic
        self._known: tuple[tuple[int, int, int], Catalogue] | None = None

    async def run(self, statement: Guarded) -> Answer:
        """Answer a statement that the guard let through.

        Raises:
            ToolFailed: ``sql_error`` with SQLite's message and a hint, or ``sql_timeout``.
        """
        flight = Flight(self._caps.seconds, self._monotonic)
        try:
            async with asyncio.timeout(self._caps.seconds + GRACE):
                return await asyncio.to_thread(self._answer, statement, flight)
        except (Stopped, TimeoutError) as error:
            raise ToolFailed(
                "sql_timeout",
                f"The query ran longer than {self._caps.seconds:g} s and was ended."
                " Ask for less: filter earlier, join on keys, or aggregate.",
            ) from error
        finally:
            flight.stop()

    def catalogue(self) -> Catalogue:
        """Return what the file holds now; read again only when the file changed.

        Raises:
            ToolFailed: ``sql_error``, the file is missing or is no database.
        """
        try:
            facts = self._path.stat()
            mark = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if self._known is None or self._known[0] != mark:
                with closing(open_readonly(self._path)) as connection:
                    self._known = (mark, read_catalogue(connection, self._comments))
        except (OSError, sqlite3.Error) as error:
            raise ToolFailed("sql_error", f"{self._path.name} cannot be read: {error}") from error
        return self._known[1]

    def schema_text(self) -> str:
        """Return all tables with columns, types, keys, comments and row counts, for a prompt."""
        return self.catalogue().text()

    def describe(self, table: str) -> str:
        """Return one table as ``schema_text`` shows it.

        Raises:
            ToolFailed: ``sql_error``, there is no such table; near names are told.
        """
        return self._table(self.catalogue(), table).text()

    def _answer(self, statement: Guarded, flight: Flight) -> Answer:
        catalogue = self.catalogue()
        match statement.kind:
            case "describe":
                columns, rows = describing(self._table(catalogue, statement.tables[0]))
            case "tables":
                columns, rows = listing(catalogue)
            case "query":
                return self._query(statement, catalogue, flight)
        return Answer(columns=columns, rows=rows)

    def _query(self, statement: Guarded, catalogue: Catalogue, flight: Flight) -> Answer:
        try:
            with closing(open_readonly(self._path)) as connection:
                fence(connection, [table.name for table in catalogue.tables])
                return fetch(connection, statement.sql, flight, self._caps)
        except (sqlite3.Error, sqlite3.Warning) as error:
            hint = _hint(str(error), catalogue, statement.tables)
            raise ToolFailed("sql_error", f"{error}.{hint}") from error

    def _table(self, catalogue: Catalogue, name: str) -> Table:
        found = catalogue.find(name)
        if found is None:
            hint = catalogue.near_table(name)
            raise ToolFailed("sql_error", f"no such table: {name}.{hint}")
        return found


def _hint(message: str, catalogue: Catalogue, used: tuple[str, ...]) -> str:
    what, _, name = message.partition(": ")
    match what:
        case "no such table":
            return catalogue.near_table(name)
        case "no such column":
            return catalogue.near_column(name, used)
        case "string or blob too big":
            return f" One value may hold {MAX_VALUE:,} bytes; ask for rows, not for one long text."
        case _:
            return ""
