"""The demo data on a server: the same tables, rows, keys and comments as in the embedded file.

Text is compared by its bytes there too, so that the same question gets the same answer everywhere.
"""

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    NullPool,
    Table,
    Text,
    create_engine,
    inspect,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from agent.adapters.sql.demo import rows_of_tables
from agent.adapters.sql.demo_schema import INDEXES, TABLE, TABLES

_TEXT: TypeEngine[Any] = Text(collation="C").with_variant(
    mysql.VARCHAR(190, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
"""190 characters fit into an index of every storage format."""
_TYPES: dict[str, TypeEngine[Any]] = {"INTEGER": Integer(), "REAL": Double(), "TEXT": _TEXT}


class NotWritten(Exception):  # noqa: N818
    """Nothing was changed; the text says why, and what to do."""


def write_demo(url: str, *, replace: bool = False) -> None:
    """Write the demo data to the database at ``url``.

    Args:
        url: of the database, for an account that may create tables.
        replace: drop tables of the same names first.

    Raises:
        NotWritten: such tables are there, the driver is not installed, or the server refused.
    """
    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            _write(connection, replace=replace)
    except ImportError as error:
        raise NotWritten(f"the driver is not installed ({error}); see docs/settings.md") from error
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise NotWritten(str(reason).splitlines()[0]) from error


def _write(connection: Connection, *, replace: bool) -> None:
    tables = _metadata()
    there = sorted(set(inspect(connection).get_table_names()) & tables.tables.keys())
    if there and not replace:
        raise NotWritten(f"there are tables {', '.join(there)} already; --replace drops them")
    tables.drop_all(connection)
    tables.create_all(connection)
    for name, rows in rows_of_tables().items():
        table = tables.tables[name]
        names = [column.name for column in table.columns]
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def _metadata() -> MetaData:
    found = MetaData()
    for name, columns in TABLES.items():
        own = [_column(one, *spec) for one, spec in columns.items() if one != TABLE]
        Table(name, found, *own, comment=columns[TABLE][1])
    for name, table, columns, unique in INDEXES:
        Index(name, *(found.tables[table].columns[one] for one in columns), unique=unique)
    return found


def _column(name: str, definition: str, comment: str) -> Column[Any]:
    kind, *words = definition.split()
    rest = " ".join(words)
    points = [ForeignKey(_dotted(rest.split("REFERENCES ")[1]))] if "REFERENCES" in rest else []
    return Column(
        name,
        _TYPES[kind],
        *points,
        primary_key="PRIMARY KEY" in rest,
        nullable="NOT NULL" not in rest and "PRIMARY KEY" not in rest,
        unique="UNIQUE" in rest or None,
        autoincrement=False,
        comment=comment,
    )


def _dotted(target: str) -> str:
    """Return ``table.column`` for ``table(column)``."""
    return target.replace("(", ".").rstrip(")")
