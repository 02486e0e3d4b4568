"""A question about data, understood; and how it is written as SQL."""

from typing import Literal

import msgspec

from agent.adapters.models.builtin.tables import Column, Schema, Table

Operation = Literal["list", "count", "sum", "avg", "max", "min", "distinct", "ranking", "ratio"]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must hold. ``{}`` in ``test`` stands for the column."""

    column: Column
    test: str


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A bound on how many rows of another table belong to a row."""

    table: Table
    test: str
    """Such as ``> 10`` or ``= 0``."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the database."""

    operation: Operation
    target: Table
    column: Column | None = None
    """What is summed, averaged, listed once …"""
    shown: tuple[Column, ...] = ()
    """Columns that were asked for by name."""
    group: Column | None = None
    group_table: Table | None = None
    conditions: tuple[Condition, ...] = ()
    counted: tuple[Counted, ...] = ()
    other: Table | None = None
    """The table whose rows are counted for each row of the target (ranking, ratio)."""
    order: Column | None = None
    descending: bool = True
    limit: int = 0
    parent: tuple[Column, ...] = ()
    """What the rows of the target belong to, and what they hold, when their label is too little."""
    ignored: tuple[str, ...] = ()
    """Words that nothing in the query stands for."""


def sql(query: Query, schema: Schema) -> str:
    """Write ``query`` as one SELECT.

    Raises:
        LookupError: two tables it needs are not connected by keys.
    """
    return _Writer(query, schema).write()


class _Writer:
    """Holds the joins of one statement while it is written."""

    def __init__(self, query: Query, schema: Schema) -> None:
        self.query = query
        self.schema = schema
        self.base = query.target.name
        self.joins: dict[str, str] = {}
        self.fan_out = False
        for table in self._needed():
            self._join(table)

    def _needed(self) -> list[str]:
        q = self.query
        columns = [
            q.column,
            q.group,
            q.order,
            *q.shown,
            *q.parent,
            *(c.column for c in q.conditions),
        ]
        names = [column.table for column in columns if column is not None]
        names += [q.group_table.name] if q.group_table else []
        names += [q.other.name] if q.other and q.operation == "ranking" else []
        return [name for name in dict.fromkeys(names) if name != self.base]

    def _join(self, table: str) -> None:
        way = self.schema.way(self.base, table)
        if way is None:
            raise LookupError(f"no keys lead from {self.base} to {table}")
        for column, up in way:
            target, key = column.target or ("", "")
            joined = target if up else column.table
            self.fan_out = self.fan_out or not up
            kind = "LEFT JOIN" if self._keeps_empty() else "JOIN"
            self.joins.setdefault(joined, f"{kind} {joined} ON {column.full} = {target}.{key}")

    def _keeps_empty(self) -> bool:
        """Fewest must count those that have none."""
        return self.query.operation == "ranking" and not self.query.descending

    def name(self, column: Column) -> str:
        """Write a column; with its table when there are several."""
        return column.full if self.joins or self.query.counted else column.name

    def write(self) -> str:
        """Write the statement."""
        q = self.query
        if q.operation == "ratio" and q.other:
            count = "(SELECT COUNT(*) FROM"
            rows, own = f"{count} {q.other.name})", f"{count} {self.base})"
            return f"SELECT ROUND(1.0 * {rows} / {own}, 2) AS average"
        selected, grouped, ordered = self._parts()
        parts = [f"SELECT {selected} FROM {self.base}", *self.joins.values()]  # noqa: S608 - schema names
        tests = [*map(self._test, q.conditions), *map(self._bound, q.counted)]
        parts += ["WHERE " + " AND ".join(tests)] if tests else []
        parts += [f"GROUP BY {grouped}"] if grouped else []
        parts += [f"ORDER BY {ordered}"] if ordered else []
        parts += [f"LIMIT {q.limit}"] if q.limit else []
        return " ".join(parts)

    def _parts(self) -> tuple[str, str, str]:
        q = self.query
        if q.operation == "ranking":
            return self._ranking()
        value = self._value()
        if q.group or q.group_table:
            keys = self._keys()
            grouped = ", ".join(keys)
            alias = value.rsplit(" AS ", 1)[1]
            way = "DESC" if q.descending else "ASC"
            ordered = keys[-1] if q.group and self._timely(q.group) else f"{alias} {way}"
            return f"{', '.join(self._named_keys())}, {value}", grouped, ordered
        if q.operation == "distinct" and q.column:
            column = self.name(q.column)
            return f"DISTINCT {column}", "", column
        if q.operation == "list":
            return self._list()
        return value, "", ""

    def _value(self) -> str:
        q = self.query
        if q.column is None or q.operation in ("list", "distinct"):
            own = f"DISTINCT {self.base}.{q.target.id}" if self.fan_out else "*"
            return f"COUNT({own}) AS count"
        column = self.name(q.column)
        match q.operation:
            case "count":
                return f"COUNT(DISTINCT {column}) AS count"
            case "sum":
                return f"ROUND(SUM({column}), 2) AS total"
            case "avg":
                return f"ROUND(AVG({column}), 2) AS average"
            case "max":
                return f"MAX({column}) AS highest"
            case _:
                return f"MIN({column}) AS lowest"

    def _keys(self) -> list[str]:
        q = self.query
        if q.group:
            column = self.name(q.group)
            return [f"SUBSTR({column}, 1, 4)" if q.group.dated else column]
        table = q.group_table or q.target
        return [f"{table.name}.{table.id}", table.label.full]

    def _named_keys(self) -> list[str]:
        keys = self._keys()
        if self.query.group and self.query.group.dated:
            return [f"{keys[0]} AS year"]
        return keys[-1:]

    def _timely(self, column: Column) -> bool:
        return column.dated or "year" in column.words

    def _ranking(self) -> tuple[str, str, str]:
        """Rows, or values of a column, by how many rows of another table they have."""
        q = self.query
        direction = "DESC" if q.descending else "ASC"
        if q.group:
            keys = [self.name(q.group)]
            counted = "*"
        else:
            keys = [f"{self.base}.{q.target.id}", q.target.label.full]
            other = q.other or q.target
            counted = f"{other.name}.{other.id}"
        grouped = ", ".join(keys)
        return f"{keys[-1]}, COUNT({counted}) AS count", grouped, f"count {direction}, {keys[-1]}"

    def _who(self) -> list[Column]:
        """Columns that tell a person which row it is, with the parent's where its own do not."""
        q = self.query
        return [q.target.label] if q.target.telling else [q.target.label, *q.parent]

    def _list(self) -> tuple[str, str, str]:
        q = self.query
        wanted: list[Column] = [*self._who(), *q.shown, *([q.order] if q.order else [])]
        columns = list(dict.fromkeys(wanted))
        place = q.target.has("city")
        if not q.shown and place and place not in columns:
            columns.insert(1, place)
        names = [self.name(column) for column in columns]
        distinct = "DISTINCT " if self.fan_out and not q.order else ""
        ordered = names[0]
        if q.order:
            ordered = f"{self.name(q.order)} {'DESC' if q.descending else 'ASC'}, {names[0]}"
        return distinct + ", ".join(names), "", ordered

    def _test(self, condition: Condition) -> str:
        return condition.test.replace("{}", self.name(condition.column))

    def _bound(self, counted: Counted) -> str:
        way = self.schema.way(self.base, counted.table.name)
        if not way:
            raise LookupError(f"no keys lead from {self.base} to {counted.table.name}")
        (first, _), *rest = way
        inner = first.table
        joins = "".join(
            f" JOIN {column.table} ON {column.full} = {(column.target or ('', ''))[0]}."
            f"{(column.target or ('', ''))[1]}"
            for column, _ in rest
        )
        target, key = first.target or ("", "")
        counting = f"SELECT COUNT(*) FROM {inner}{joins} WHERE {first.full} = {target}.{key}"  # noqa: S608
        return f"({counting}) {counted.test}"
