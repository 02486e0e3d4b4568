"""What the worker process needs of a database, and the statements that need no database at all."""

from typing import Protocol

from agent.adapters.sql.answer import Answer
from agent.adapters.sql.catalogue import Catalogue, Table, describing, listing
from agent.adapters.sql.guard import Guarded
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed


class Session(Protocol):
    """One database as the worker holds it; blocking, for one question at a time."""

    @property
    def dialect(self) -> Dialect:
        """The language it speaks."""
        ...

    @property
    def schemas(self) -> frozenset[str]:
        """Names that may stand before a table's name, beside those the database is known by."""
        ...

    @property
    def known(self) -> Catalogue | None:
        """What was last read of it, if anything was."""
        ...

    def connect(self) -> tuple[str, ...]:
        """Connect unless that was done; return what its owner should be warned of.

        Raises:
            Unreachable: with what to do about it.
        """
        ...

    def catalogue(self) -> Catalogue:
        """Return what it holds.

        Raises:
            Unreachable: it cannot be read.
        """
        ...

    def query(self, statement: Guarded) -> Answer:
        """Run a statement that the guard let through.

        Raises:
            ToolFailed: ``sql_error`` with the database's message and a hint, or ``sql_timeout``.
        """
        ...


def answer(session: Session, statement: Guarded) -> Answer:
    """Answer ``statement``: from the catalogue, or by the database.

    Raises:
        ToolFailed: ``sql_error`` or ``sql_timeout``.
    """
    match statement.kind:
        case "describe":
            columns, rows = describing(table_of(session.catalogue(), statement.tables[0]))
        case "tables":
            columns, rows = listing(session.catalogue())
        case "query":
            return session.query(statement)
    return Answer(columns=columns, rows=rows)


def table_of(catalogue: Catalogue, name: str) -> Table:
    """Return the table called ``name``.

    Raises:
        ToolFailed: ``sql_error``, there is none; near names are told.
    """
    found = catalogue.find(name)
    if found is None:
        raise ToolFailed("sql_error", f"no such table: {name}.{catalogue.near_table(name)}")
    return found


def too_long(seconds: float) -> ToolFailed:
    """Return the failure of a query that used up its time."""
    return ToolFailed(
        "sql_timeout",
        f"The query ran longer than {seconds:g} s and was ended."
        " Ask for less: filter earlier, join on keys, or aggregate.",
    )
