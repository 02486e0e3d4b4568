"""``query_db``: the tool with which a model asks a database.

The guard runs in a worker thread too: a hostile text may cost it some time, and the parser is only
imported when the first query comes.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from agent.adapters.sql.guard import Guarded, guard
from agent.adapters.sql.sqlite_engine import Answer
from agent.adapters.sql.vocabulary import Dialect
from agent.core.errors import ToolFailed
from agent.core.json import Json, fields

ERAS = "eras2_production"
ALIASES: Mapping[str, str] = {"eras": ERAS}


class Database(Protocol):
    """Something that answers guarded statements."""

    @property
    def dialect(self) -> Dialect:
        """The language it speaks."""
        ...

    async def run(self, statement: Guarded) -> Answer:
        """Answer ``statement``.

        Raises:
            ToolFailed: ``sql_error`` or ``sql_timeout``.
        """
        ...


class QueryDb:
    """Asks one of the configured databases.

    Args:
        databases: by name.
        aliases: other names for them.
    """

    name = "query_db"
    description = (
        "Ask a database with one SQL SELECT (or DESCRIBE table, SHOW TABLES). Reads only. "
        "At most 1,000 rows come back; ask for aggregates where possible."
    )
    effect = "read"
    is_data = True

    def __init__(
        self, databases: Mapping[str, Database], aliases: Mapping[str, str] = ALIASES
    ) -> None:
        self._databases = dict(databases)
        self._aliases = {name: to for name, to in aliases.items() if to in databases}

    @property
    def parameters(self) -> Json:
        """JSON schema of the arguments."""
        query = "One SQL statement: SELECT …, DESCRIBE table or SHOW TABLES."
        return {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": query},
                "database": {
                    "type": "string",
                    "description": "The database to ask.",
                    "enum": self._names(),
                },
            },
            "required": ["query", "database"],
            "additionalProperties": False,
        }

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        """Guard the statement, run it, and return ``{database, sql, columns, rows, …}``.

        Raises:
            ToolFailed: ``bad_arguments``, ``sql_unknown_database``, ``sql_refused``,
                ``sql_error`` or ``sql_timeout``.
        """
        name = self._resolve(_text(arguments, "database"))
        database = self._databases[name]
        own = [name, *(alias for alias, to in self._aliases.items() if to == name)]
        statement = await asyncio.to_thread(
            guard, _text(arguments, "query"), database.dialect, schemas=own
        )
        log(statement.sql)
        answer = await database.run(statement)
        count = len(answer.rows)
        log(f"{count} {'row' if count == 1 else 'rows'}{' (cut off)' * answer.truncated}")
        return {
            "database": name,
            "sql": statement.sql,
            "columns": answer.columns,
            "rows": answer.rows,
            "row_count": count,
            "truncated": answer.truncated,
        }

    def _names(self) -> list[str]:
        return [*self._databases, *self._aliases]

    def _resolve(self, name: str) -> str:
        known = self._aliases.get(name, name)
        if known not in self._databases:
            listed = ", ".join(self._names())
            raise ToolFailed(
                "sql_unknown_database", f"There is no database {name!r}. Configured: {listed}."
            )
        return known


def _text(arguments: Json, field: str) -> str:
    value = fields(arguments).get(field)
    if not isinstance(value, str):
        raise ToolFailed("bad_arguments", f"query_db needs the text {field!r}, got {value!r}.")
    return value
