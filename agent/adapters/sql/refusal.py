"""How a statement is turned down, and how a database is told to be away."""

from agent.core.errors import ToolFailed

ALLOWED = "one SELECT (with WITH, UNION or VALUES), DESCRIBE table, SHOW TABLES or SHOW COLUMNS"


class Unreachable(ToolFailed):
    """The database itself could not be asked; the detail says why and what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__("sql_error", detail)


def refused(what: str) -> ToolFailed:
    """Return the refusal that names ``what`` and says what would have been allowed."""
    return ToolFailed("sql_refused", f"This SQL was refused: {what}. Allowed: {ALLOWED}.")
