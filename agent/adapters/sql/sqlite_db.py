"""One SQLite file that a model may ask; blocking, so it lives in a worker process.

Every query has a connection of its own, so nothing one query does reaches the next. It is the plain
driver's connection: SQLAlchemy would register functions of its own on it, past the allow-list.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from time import monotonic as machine_monotonic

from agent.adapters.sql.answer import Answer, Caps, Deadline, Stopped
from agent.adapters.sql.catalogue import Catalogue, Comments
from agent.adapters.sql.guard import Guarded
from agent.adapters.sql.refusal import Unreachable
from agent.adapters.sql.session import too_long
from agent.adapters.sql.sqlite_engine import (
    MAX_VALUE,
    fence,
    fetch,
    names_of,
    open_readonly,
    read_catalogue,
)
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed

COUNTING = 0.5
"""Seconds that counting the rows of all tables may take."""
WAL_PLACE, WAL_MARK = 18, b"\x02\x02"
"""Where a file's header says that it is in WAL mode."""


def _nothing() -> None:
    return


class SqliteDatabase:
    """A file opened for reading only.

    Args:
        path: the database file.
        comments: what the tables and columns mean.
        caps: bounds of one query.
        monotonic: seconds on a clock that never goes back.
        shared: called before a file in WAL mode is opened; SQLite then keeps an index of it in a
            file beside it.
    """

    dialect: Dialect = "sqlite"
    schemas: frozenset[str] = frozenset()

    def __init__(
        self,
        path: Path,
        comments: Comments,
        *,
        caps: Caps = Caps(),  # noqa: B008 - frozen
        monotonic: Callable[[], float] = machine_monotonic,
        shared: Callable[[], None] = _nothing,
    ) -> None:
        self._path = path
        self._comments = comments
        self._caps = caps
        self._monotonic = monotonic
        self._shared = shared
        self._known: tuple[tuple[int, int, int], Catalogue] | None = None

    @property
    def known(self) -> Catalogue | None:
        """What was last read of it, if anything was."""
        return self._known[1] if self._known else None

    def connect(self) -> tuple[str, ...]:
        """Do nothing: every query opens the file."""
        return ()

    def catalogue(self) -> Catalogue:
        """Return what the file holds now; read again only when the file changed.

        Raises:
            Unreachable: the file is missing or is no database.
        """
        try:
            facts = self._path.stat()
            mark = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if self._known is None or self._known[0] != mark:
                with closing(self._open()) as connection:
                    counting = Deadline(COUNTING, self._monotonic)
                    self._known = (mark, read_catalogue(connection, self._comments, counting))
        except (OSError, sqlite3.Error) as error:
            raise self._unreadable(error) from error
        return self._known[1]

    def query(self, statement: Guarded) -> Answer:
        """Run a statement that the guard let through.

        Raises:
            ToolFailed: ``sql_error`` with SQLite's message and a hint, or ``sql_timeout``.
        """
        try:
            connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise self._unreadable(error) from error
        with closing(connection):
            try:
                tables = names_of(connection)
            except sqlite3.Error as error:
                raise self._unreadable(error) from error
            return self._fetch(connection, statement, tables)

    def _fetch(
        self, connection: sqlite3.Connection, statement: Guarded, tables: Iterable[str]
    ) -> Answer:
        deadline = Deadline(self._caps.engine_seconds, self._monotonic)
        fence(connection, tables)
        try:
            return fetch(connection, statement.sql, deadline, self._caps)
        except Stopped as error:
            raise too_long(self._caps.seconds) from error
        except (sqlite3.Error, sqlite3.Warning) as error:
            hint = self._hint(str(error), statement.tables)
            raise ToolFailed("sql_error", f"{error}.{hint}") from error

    def _open(self) -> sqlite3.Connection:
        with self._path.open("rb") as file:
            if file.read(WAL_PLACE + 2).endswith(WAL_MARK):
                self._shared()
        return open_readonly(self._path)

    def _unreadable(self, error: Exception) -> Unreachable:
        reason = error.strerror if isinstance(error, OSError) else error
        return Unreachable(
            f"{self._path.name} cannot be read: {reason}."
            " Check the path and that it is a SQLite file."
        )

    def _hint(self, message: str, used: tuple[str, ...]) -> str:
        what, _, name = message.partition(": ")
        match what:
            case "no such table":
                return self.catalogue().near_table(name)
            case "no such column":
                return self.catalogue().near_column(name, used)
            case "string or blob too big":
                return (
                    f" One value may hold {MAX_VALUE:,} bytes; ask for rows, not for one long text."
                )
            case _:
                return ""
