"""How a statement is turned down: always with what was found and what would have been fine."""

from agent.core.errors import ToolFailed

ALLOWED = "one SELECT (with WITH, UNION or VALUES), DESCRIBE table, SHOW TABLES or SHOW COLUMNS"


def refused(what: str) -> ToolFailed:
    """Return the refusal that names ``what`` and says what would have been allowed."""
    return ToolFailed("sql_refused", f"This SQL was refused: {what}. Allowed: {ALLOWED}.")
