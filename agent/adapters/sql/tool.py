"""``query_db``: the tool with which a model asks a database.

The model's text is parsed in the database's worker process, never here.
"""

from collections.abc import Callable

from agent.adapters.sql.databases import Databases
from agent.core.databases import unknown
from agent.core.errors import ToolFailed
from agent.core.json import Json, fields


class QueryDb:
    """Asks one of the configured databases.

    Args:
        databases: all of them.
    """

    name = "query_db"
    description = (
        "Ask a database with one SQL SELECT (or DESCRIBE table, SHOW TABLES). Reads only. "
        "At most 1,000 rows come back; ask for aggregates where possible."
    )
    effect = "read"
    is_data = True

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    @property
    def parameters(self) -> Json:
        """JSON schema of the arguments."""
        query = "One SQL statement: SELECT …, DESCRIBE table or SHOW TABLES."
        told = "; ".join(f"{name} ({what})" for name, what in self._databases.told.items())
        return {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": query},
                "database": {
                    "type": "string",
                    "description": f"The database to ask: {told}.",
                    "enum": self._databases.names,
                },
            },
            "required": ["query", "database"],
            "additionalProperties": False,
        }

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        """Have the statement guarded and run, and return ``{database, sql, columns, rows, …}``.

        Raises:
            ToolFailed: ``bad_arguments``, ``sql_unknown_database``, ``sql_refused``,
                ``sql_error`` or ``sql_timeout``.
        """
        name = _text(arguments, "database")
        database = self._databases.find(name)
        if database is None:
            raise ToolFailed("sql_unknown_database", unknown(name, self._databases.names))
        ran = ""

        def passed(sql: str) -> None:
            nonlocal ran
            ran = sql
            log(sql)

        answer = await database.ask(_text(arguments, "query"), passed)
        count = len(answer.rows)
        log(f"{count} {'row' if count == 1 else 'rows'}{' (cut off)' * answer.truncated}")
        return {
            "database": database.source.name,
            "sql": ran,
            "columns": answer.columns,
            "rows": answer.rows,
            "row_count": count,
            "truncated": answer.truncated,
        }


def _text(arguments: Json, field: str) -> str:
    value = fields(arguments).get(field)
    if not isinstance(value, str):
        raise ToolFailed("bad_arguments", f"query_db needs the text {field!r}, got {value!r}.")
    return value
