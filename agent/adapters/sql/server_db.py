"""A database behind a server, asked over SQLAlchemy Core; blocking: it lives in a worker process.

One connection is held. Before anything else runs on it, it is made read-only and given its limits
by the server itself. Every query is a transaction of its own that is rolled back. Rows come one
after the other, so a result that is too large never comes over: the connection is dropped instead.
"""

from collections.abc import Callable
from time import monotonic
from typing import cast

from sqlalchemy import URL, Connection, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agent.adapters.sql.answer import Answer, Caps, Deadline, Stopped, collect
from agent.adapters.sql.catalogue import Catalogue
from agent.adapters.sql.guard import Guarded
from agent.adapters.sql.reflection import read_catalogue
from agent.adapters.sql.refusal import Unreachable
from agent.adapters.sql.server_kind import Fault, ServerKind
from agent.adapters.sql.session import too_long
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed

COUNTING = 1.0
"""Seconds that counting the rows of all tables may take."""
OPTIONS = {"no_parameters": True, "stream_results": True, "max_row_buffer": 50}
FRESH = 30.0
"""Seconds for which the catalogue is taken to be still true."""


class ServerDatabase:
    """One database of a server.

    Args:
        url: where it is and who asks.
        kind: how such a server is spoken to.
        caps: bounds of one query.
        calling: told each time before the server is called.
    """

    def __init__(
        self, url: URL, kind: ServerKind, *, caps: Caps, calling: Callable[[], None]
    ) -> None:
        self._url = url
        self._kind = kind
        self._caps = caps
        self._calling = calling
        self._connection: Connection | None = None
        self._warnings: tuple[str, ...] = ()
        self._known: tuple[float, Catalogue] | None = None
        self._schema = ""
        self._engine = create_engine(url, poolclass=NullPool, connect_args={**kind.connecting})
        event.listen(self._engine, "connect", self._bind)

    @property
    def dialect(self) -> Dialect:
        """The language it speaks."""
        return self._kind.dialect

    @property
    def schemas(self) -> frozenset[str]:
        """The name the server itself has for it."""
        return frozenset({self._schema}) if self._schema else frozenset()

    @property
    def known(self) -> Catalogue | None:
        """What was last read of it, if anything was."""
        return self._known[1] if self._known else None

    def connect(self) -> tuple[str, ...]:
        """Connect unless that was done; return what its owner should be warned of.

        Raises:
            Unreachable: with what to do about it.
        """
        if self._connection is None:
            self._calling()
            try:
                self._connection = self._engine.connect()
                self._schema = self._connection.dialect.default_schema_name or ""
                extra = self._kind.may_write(self._connection)
                self._connection.rollback()
            except SQLAlchemyError as error:
                self._drop()
                raise self._away(error) from error
            self._warnings = (_may(self._url.username or "", extra),) if extra else ()
        return self._warnings

    def catalogue(self) -> Catalogue:
        """Return what it holds; read again when that was a while ago.

        Raises:
            Unreachable: it cannot be read.
        """
        if self._known is None or monotonic() - self._known[0] > FRESH:
            self._read()
        assert self._known is not None  # noqa: S101 - it was just read
        return self._known[1]

    def query(self, statement: Guarded) -> Answer:
        """Run a statement that the guard let through.

        Raises:
            ToolFailed: ``sql_error`` with the server's message and a hint, or ``sql_timeout``.
        """
        try:
            return self._fetch(statement.sql)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise self._told(self._fault(error), statement) from error
        self._drop()  # the server was away meanwhile: once more, on a new connection
        self.connect()
        try:
            return self._fetch(statement.sql)
        except DBAPIError as error:
            raise self._told(self._fault(error), statement) from error

    def _fetch(self, sql: str) -> Answer:
        """Run one statement in a transaction of its own.

        Raises:
            ToolFailed: ``sql_timeout``, the rows kept coming for too long.
            DBAPIError: the server refused it or has gone.
        """
        connection = self._connection
        assert connection is not None  # noqa: S101 - connect() came first
        deadline = Deadline(self._caps.engine_seconds, monotonic)
        found = connection.exec_driver_sql(sql, execution_options=OPTIONS)
        if not found.returns_rows:
            return Answer(columns=[], rows=[])
        try:
            answer = collect(list(found.keys()), found, deadline, self._caps)
        except Stopped as error:
            self._drop()
            raise too_long(self._caps.seconds) from error
        if answer.truncated and len(answer.rows) < self._caps.rows:
            self._drop()  # large values may follow, and closing would read them all
        else:
            found.close()
            connection.rollback()
        return answer

    def _read(self) -> None:
        self.connect()
        connection = self._connection
        assert connection is not None  # noqa: S101 - connect() came first
        try:
            estimates = self._kind.estimates(connection)
            counting = Deadline(COUNTING, monotonic)
            self._known = (monotonic(), read_catalogue(connection, estimates, counting))
            connection.rollback()
        except SQLAlchemyError as error:
            self._drop()
            raise self._away(error) from error

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _bind(self, raw: DBAPIConnection, _record: object) -> None:
        """Make a new connection safe, before SQLAlchemy itself asks anything on it."""
        cursor = raw.cursor()
        cursor.execute(self._kind.version)
        (version,) = cast("tuple[str]", cursor.fetchone())
        for statement in self._kind.settings(self._caps, version):
            cursor.execute(statement)
        cursor.close()
        raw.commit()

    def _fault(self, error: DBAPIError) -> Fault:
        return self._kind.fault(error.orig or error)

    def _told(self, fault: Fault, statement: Guarded) -> ToolFailed:
        if self._connection is not None:
            self._connection.rollback()
        match fault.what:
            case "timeout":
                return too_long(self._caps.seconds)
            case "table":
                hint = self._anew().near_table(fault.name)
            case "column":
                hint = self._anew().near_column(fault.name, statement.tables)
            case "":
                hint = ""
        return ToolFailed("sql_error", f"{fault.message.rstrip('.')}.{hint}")

    def _anew(self) -> Catalogue:
        """Read the catalogue again: somebody asked for what was not in it."""
        self._read()
        return self.catalogue()

    def _away(self, error: SQLAlchemyError) -> Unreachable:
        where = self._url.render_as_string(hide_password=True)
        orig = error.orig if isinstance(error, DBAPIError) and error.orig else error
        message = self._kind.fault(orig).message.rstrip(".")
        if self._url.password:
            message = message.replace(str(self._url.password), "***")
        return Unreachable(
            f"{where} cannot be asked: {message}. Check that the server runs and that address,"
            " user and password are right."
        )


def _may(user: str, extra: str) -> str:
    return (
        f"the account {user!r} may do more than read ({extra}); give the agent one that has SELECT"
        " alone"
    )
