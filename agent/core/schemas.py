"""Schema text: how the tables of a database are told to a model, in brief and in full.

One spelling for all of it: a head line ``TABLE name -- 240 rows; what it holds``, then a line a
column. A brief has one line with all column names in their place.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from agent.core.json import Json

_HEAD = re.compile(r"^TABLE (\S+)")
_COLUMN = re.compile(r"^  (\S+)")


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A table as somebody knows it who has not looked into it."""

    name: str
    head: str
    """Its head line."""
    columns: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it as a prompt shows it."""
        return f"{self.head}\n  columns: {', '.join(self.columns)}"


def briefs(schema: str) -> tuple[Brief, ...]:
    """Return the tables that a schema text describes, in order."""
    found: list[Brief] = []
    for line in schema.splitlines():
        if head := _HEAD.match(line):
            found.append(Brief(name=head[1], head=line))
        elif found and (column := _COLUMN.match(line)):
            last = found[-1]
            found[-1] = msgspec.structs.replace(last, columns=(*last.columns, column[1]))
    return tuple(found)


def described(head: str, rows: Iterable[Sequence[Json]]) -> str:
    """Return a table in full from the rows of its ``DESCRIBE``.

    Args:
        head: its head line.
        rows: column, type, nullable (YES or NO), key, references, comment.
    """
    return "\n".join([head, *(_column([str(cell or "") for cell in row]) for row in rows)])


def _column(row: Sequence[str]) -> str:
    name, kind, nullable, key, references, comment = (*row, *[""] * 6)[:6]
    points = f"REFERENCES {references}" if references else ""
    null = "" if key or nullable == "YES" else "NOT NULL"
    words = " ".join(filter(None, [name, kind, key, null, points]))
    return f"  {words} -- {comment}" if comment else f"  {words}"


def named_in(sql: str, tables: Iterable[str]) -> list[str]:
    """Return those of ``tables`` whose name occurs in ``sql``."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    return [name for name in tables if name.lower() in words]
