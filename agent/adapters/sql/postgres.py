"""PostgreSQL: settings, errors and privileges."""

import re
from collections.abc import Mapping

from sqlalchemy import Connection

from agent.adapters.sql.answer import Caps
from agent.adapters.sql.server_kind import Fault
from agent.adapters.sql.vocabulary import Dialect
from agent.core.json import Json

CONNECT_SECONDS = 3
TIMEOUT, NO_TABLE, NO_COLUMN = "57014", "42P01", "42703"
WATCHED_SINCE = 14
"""Since this version a server notices that its client was killed."""
_NAME = re.compile(r'(?:relation|column) "?(?:[\w]+\.)*?([^"\s.]+)"?(?: of relation.*)? does not')
_WRITING = """
SELECT 'superuser' WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
UNION ALL
SELECT rolname FROM pg_roles
 WHERE rolname IN ('pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                   'pg_execute_server_program', 'pg_signal_backend')
   AND pg_has_role(current_user, oid, 'USAGE')
UNION ALL
SELECT 'CREATE in schema ' || nspname FROM pg_namespace
 WHERE nspname = ANY (current_schemas(false)) AND has_schema_privilege(oid, 'CREATE')
UNION ALL
SELECT * FROM (
  SELECT 'writing to ' || relname FROM pg_class
   WHERE relkind IN ('r', 'p', 'v', 'f')
     AND relnamespace::regnamespace::text = ANY (current_schemas(false)::text[])
     AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
   ORDER BY 1 LIMIT 3) AS tables
"""
_ESTIMATES = """
SELECT relname, reltuples FROM pg_class
 WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace AND reltuples >= 0
"""


class Postgres:
    """Speaks to PostgreSQL."""

    dialect: Dialect = "postgres"
    version = "SHOW server_version_num"
    connecting: Mapping[str, Json] = {
        "connect_timeout": CONNECT_SECONDS,
        "client_encoding": "utf8",
        "application_name": "framescope",
    }

    def settings(self, caps: Caps, version: str) -> list[str]:
        """Return the statements that bind a new connection."""
        patience = round(caps.engine_seconds * 1000)
        watched = ["SET client_connection_check_interval = 250"]
        return [
            "SET default_transaction_read_only = on",
            f"SET statement_timeout = {patience}",
            f"SET idle_in_transaction_session_timeout = {patience * 5}",
            "SET lock_timeout = 1000",
            "SET standard_conforming_strings = on",
            "SET transform_null_equals = off",
            "SET cursor_tuple_fraction = 1",
            "SET max_parallel_workers_per_gather = 0",
            "SET jit = off",
            "SET DateStyle = 'ISO, YMD'",
            *(watched if int(version) >= WATCHED_SINCE * 10_000 else []),
        ]

    def fault(self, error: BaseException) -> Fault:
        """Return what the driver's ``error`` means."""
        state = getattr(error, "sqlstate", None)
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        found = _NAME.search(message)
        if state == TIMEOUT:
            return Fault(message=message, what="timeout")
        if state == NO_TABLE and found:
            return Fault(message=f"no such table: {found[1]}", what="table", name=found[1])
        if state == NO_COLUMN and found:
            return Fault(message=f"no such column: {found[1]}", what="column", name=found[1])
        return Fault(message=message)

    def may_write(self, connection: Connection) -> str:
        """Return what the account may do beside reading."""
        return ", ".join(str(row[0]) for row in connection.exec_driver_sql(_WRITING))

    def estimates(self, connection: Connection) -> dict[str, int]:
        """Return about how many rows the tables have."""
        return {str(name): int(rows) for name, rows in connection.exec_driver_sql(_ESTIMATES)}
