"""MariaDB and MySQL: settings, errors and grants.

``sql_mode`` is pinned, because it decides whether double quotes hold a text or a name, and what a
backslash and ``||`` mean: the server must read a statement as the guard did.
"""

import re
from collections.abc import Mapping

from sqlalchemy import Connection

from agent.adapters.sql.answer import Caps
from agent.adapters.sql.server_kind import Fault
from agent.adapters.sql.vocabulary import Dialect
from agent.core.json import Json

CONNECT_SECONDS = 3
MAX_PACKET = 8 << 20
SESSION_MEMORY = 256 << 20
RECURSIONS = 100_000_000
"""So many that the clock comes first: what ends at its limit ends silently, with wrong figures."""
TIMEOUT, NO_TABLE, NO_COLUMN = {1969, 3024}, 1146, 1054
MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_TABLE = re.compile(r"Table '(?:.*\.)?(.+)' doesn't exist")
_COLUMN = re.compile(r"Unknown column '(.+?)'")
_GRANT = re.compile(r"GRANT (.+) ON .+ TO ", re.IGNORECASE)
_READING = frozenset({"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"})


class MariaDB:
    """Speaks to MariaDB, and to MySQL, which differs in the name of one setting."""

    dialect: Dialect = "mysql"
    version = "SELECT VERSION()"
    connecting: Mapping[str, Json] = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "local_infile": False,
        "max_allowed_packet": MAX_PACKET,
    }

    def settings(self, caps: Caps, version: str) -> list[str]:
        """Return the statements that bind a new connection."""
        both = [
            f"SET SESSION sql_mode = '{MODE}'",
            f"SET SESSION sql_select_limit = {caps.rows + 1}",
            "SET SESSION lock_wait_timeout = 1",
            "SET SESSION lc_messages = 'en_US'",
            "SET SESSION TRANSACTION READ ONLY",
        ]
        if "mariadb" not in version.lower():
            return [*both, f"SET SESSION max_execution_time = {caps.engine_seconds * 1000:.0f}"]
        return [
            *both,
            f"SET SESSION max_recursive_iterations = {RECURSIONS}",
            f"SET SESSION max_statement_time = {caps.engine_seconds:g}",
            f"SET SESSION max_session_mem_used = {SESSION_MEMORY}",
        ]

    def fault(self, error: BaseException) -> Fault:
        """Return what the driver's ``error`` means."""
        number, text = (*error.args, "", "")[:2]
        message = str(text or number)
        if number in TIMEOUT:
            return Fault(message=message, what="timeout")
        if number == NO_TABLE and (found := _TABLE.search(message)):
            return Fault(message=f"no such table: {found[1]}", what="table", name=found[1])
        if number == NO_COLUMN and (found := _COLUMN.search(message)):
            return Fault(message=f"no such column: {found[1]}", what="column", name=found[1])
        return Fault(message=message)

    def may_write(self, connection: Connection) -> str:
        """Return the privileges that go beyond reading."""
        grants = [str(row[0]) for row in connection.exec_driver_sql("SHOW GRANTS")]
        held = {
            re.sub(r"\(.*?\)", "", privilege).strip().upper()
            for grant in grants
            if (found := _GRANT.match(grant))
            for privilege in re.split(r",(?![^(]*\))", found[1])
        }
        roles = {f"the role {grant.split()[1]}" for grant in grants if " ON " not in grant}
        return ", ".join(sorted((held - _READING) | roles))

    def estimates(self, connection: Connection) -> dict[str, int]:
        """Return about how many rows the tables have."""
        found = connection.exec_driver_sql(
            "SELECT table_name, table_rows FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
        )
        return {str(name): int(rows or 0) for name, rows in found}
