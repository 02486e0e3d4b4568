"""What a server's database holds, read with SQLAlchemy's inspector.

Types are told by one name for all servers where they mean the same, so that the same tables give
the same text wherever they are.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, inspect, types
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SQLAlchemyError

from agent.adapters.sql.answer import Deadline
from agent.adapters.sql.catalogue import Catalogue, Column, Table, parents_first
from agent.adapters.sql.server_kind import COUNTED

_SYNONYMS: tuple[tuple[type[types.TypeEngine[Any]], str], ...] = (
    (types.BigInteger, "BIGINT"),
    (types.SmallInteger, "SMALLINT"),
    (types.Integer, "INTEGER"),
    (types.Float, "REAL"),
    (types.Enum, ""),
    (types.String, "TEXT"),
)
"""The first that fits; an empty name stands for the server's own."""


def read_catalogue(
    connection: Connection, estimates: dict[str, int], counting: Deadline
) -> Catalogue:
    """Read tables and views with their columns, keys, comments and numbers of rows."""
    inspector = inspect(connection)
    tables = [
        replace(table, rows=_count(connection, table.name, estimates, counting))
        for table in _tables(inspector, connection)
    ]
    return Catalogue(parents_first(tables))


def _tables(inspector: Inspector, connection: Connection) -> Iterable[Table]:
    columns = inspector.get_multi_columns(kind=ObjectKind.ANY)
    comments = inspector.get_multi_table_comment(kind=ObjectKind.ANY)
    primary = inspector.get_multi_pk_constraint(kind=ObjectKind.ANY)
    foreign = inspector.get_multi_foreign_keys(kind=ObjectKind.ANY)
    for key in columns:
        keys = set(primary[key]["constrained_columns"]) if key in primary else set[str]()
        points = {
            own: f"{link['referred_table']}({other})"
            for link in foreign.get(key, [])
            for own, other in zip(
                link["constrained_columns"], link["referred_columns"], strict=True
            )
        }
        told = comments[key]["text"] if key in comments else None
        own = tuple(_column(one, connection, keys, points) for one in columns[key])
        yield Table(key[1], None, told or "", own)


def _column(
    found: ReflectedColumn, connection: Connection, keys: set[str], points: dict[str, str]
) -> Column:
    name = found["name"]
    return Column(
        name,
        _type(found["type"], connection),
        "PRIMARY KEY" if name in keys else "",
        points.get(name, ""),
        found.get("comment") or "",
        found["nullable"] and name not in keys,
    )


def _type(kind: types.TypeEngine[Any], connection: Connection) -> str:
    for general, name in _SYNONYMS:
        if isinstance(kind, general) and name:
            return name
        if isinstance(kind, general):
            break
    if isinstance(kind, types.NullType):
        return "UNKNOWN"
    return str(kind.compile(connection.dialect)).split(" COLLATE ")[0].split(" CHARACTER SET ")[0]


def _count(
    connection: Connection, table: str, estimates: dict[str, int], counting: Deadline
) -> int | None:
    """Count the rows of a table that is small as far as is known; views are not counted."""
    about = estimates.get(table, 0)
    if about > COUNTED or counting.over():
        return about or None
    quoted = connection.dialect.identifier_preparer.quote(table)
    try:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {quoted}").scalar_one())  # noqa: S608 - quoted
    except SQLAlchemyError:
        connection.rollback()
        return about or None
