"""What a database holds: tables, columns, keys, comments and row counts, as a model is told."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from agent.core.json import Json

Comments = Mapping[str, Mapping[str, str]]
"""Table → column → comment; a table's own comment stands under the empty name."""


class Column(msgspec.Struct, frozen=True):
    """One column."""

    name: str
    type: str
    key: str = ""
    """``PRIMARY KEY`` or empty."""
    references: str = ""
    """``table(column)`` that it points to, or empty."""
    comment: str = ""
    nullable: bool = True


class Table(msgspec.Struct, frozen=True):
    """One table or view."""

    name: str
    rows: int | None
    """``None`` when counting them would take too long."""
    comment: str
    columns: tuple[Column, ...]

    def text(self) -> str:
        """Return it as a prompt shows it: a head line, then one line a column."""
        count = f"{self.rows} rows" if self.rows is not None else ""
        remark = "; ".join(filter(None, [count, self.comment]))
        head = f"TABLE {self.name} -- {remark}" if remark else f"TABLE {self.name}"
        return "\n".join([head, *(f"  {_line(column)}" for column in self.columns)])


class Catalogue(msgspec.Struct, frozen=True):
    """All tables, by name."""

    tables: tuple[Table, ...] = ()

    def find(self, name: str) -> Table | None:
        """Return the table called ``name``, in any spelling of case."""
        return next((table for table in self.tables if table.name.lower() == name.lower()), None)

    @property
    def shape(self) -> "Catalogue":
        """It without row counts, which change all the time."""
        return Catalogue(tuple(msgspec.structs.replace(table, rows=None) for table in self.tables))

    def text(self) -> str:
        """Return all tables as a prompt shows them."""
        return "\n\n".join(table.text() for table in self.tables)

    def near_table(self, name: str) -> str:
        """Return a sentence that helps somebody who asked for an unknown table."""
        known = [table.name for table in self.tables]
        return _advice(get_close_matches(name.lower(), known, n=3, cutoff=0.5), known, "tables")

    def near_column(self, name: str, used: Iterable[str]) -> str:
        """Return a sentence that helps somebody who asked ``used`` tables for an unknown column."""
        tables = [table for table in map(self.find, used) if table] or list(self.tables)
        owners: dict[str, list[str]] = {}
        for table in tables:
            for column in table.columns:
                owners.setdefault(column.name.lower(), []).append(f"{table.name}.{column.name}")
        close = get_close_matches(name.rsplit(".", 1)[-1].lower(), owners, n=2, cutoff=0.5)
        known = [name for names in owners.values() for name in names]
        return _advice([name for key in close for name in owners[key]], known, "columns")


def parents_first(tables: Iterable[Table]) -> tuple[Table, ...]:
    """Return tables in one order on every server: what is referred to, then what refers to it."""
    left = {table.name: table for table in sorted(tables, key=lambda table: table.name)}
    placed: list[Table] = []
    while left:
        free = [
            table for table in left.values() if not _parents(table) & (left.keys() - {table.name})
        ]
        placed += free or list(left.values())  # a circle of references has no first
        left = {name: table for name, table in left.items() if table not in placed}
    return tuple(placed)


def _parents(table: Table) -> set[str]:
    return {column.references.split("(")[0] for column in table.columns if column.references}


def describing(table: Table) -> tuple[list[str], list[list[Json]]]:
    """Return columns and rows that answer ``DESCRIBE``."""
    heads = ["column", "type", "nullable", "key", "references", "comment"]
    return heads, [
        [c.name, c.type, "YES" if c.nullable else "NO", c.key, c.references, c.comment]
        for c in table.columns
    ]


def listing(catalogue: Catalogue) -> tuple[list[str], list[list[Json]]]:
    """Return columns and rows that answer ``SHOW TABLES``."""
    return ["table", "rows", "comment"], [[t.name, t.rows, t.comment] for t in catalogue.tables]


def _line(column: Column) -> str:
    points = f"REFERENCES {column.references}" if column.references else ""
    null = "" if column.nullable or column.key else "NOT NULL"
    words = " ".join(filter(None, [column.name, column.type, column.key, null, points]))
    return f"{words} -- {column.comment}" if column.comment else words


def _advice(close: list[str], known: list[str], what: str) -> str:
    if close:
        return f" Did you mean {' or '.join(close[:3])}?"
    return f" The {what} are {', '.join(known[:40])}." if known else ""
