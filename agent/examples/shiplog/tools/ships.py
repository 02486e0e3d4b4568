"""The logbook's own database: a small SQLite file beside this folder's settings.

It is made at the first call. Reading opens it read-only; writing is a tool of its own, so that the
two can be told apart in every trace.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.core.errors import ToolFailed
from agent.core.json import Json
from agent.tools import tool

FILE = Path(__file__).resolve().parent.parent / "logbook.db"
MAX_ROWS = 100
SCHEMA = """
CREATE TABLE entries (
  id INTEGER PRIMARY KEY, ship TEXT NOT NULL, port TEXT NOT NULL, day TEXT NOT NULL,
  cargo TEXT NOT NULL, tons REAL NOT NULL
)
"""
FIRST = (
    ("Aurora", "Hamburg", "2026-03-02", "coffee", 410.0),
    ("Aurora", "Rotterdam", "2026-03-05", "coffee", 120.0),
    ("Borealis", "Hamburg", "2026-03-09", "timber", 890.0),
    ("Cassiopeia", "Bergen", "2026-03-11", "salt", 75.5),
    ("Borealis", "Bergen", "2026-03-15", "timber", 340.0),
)
INSERT = "INSERT INTO entries (ship, port, day, cargo, tons) VALUES (?, ?, ?, ?, ?)"


@tool(effect="read")
def query_logbook(query: str, log: Callable[[str], None]) -> dict[str, Json]:
    """Ask the logbook's database with one SQL SELECT. Reads only."""
    log(query)
    _made()
    try:
        with closing(sqlite3.connect(f"{FILE.as_uri()}?mode=ro", uri=True)) as database:
            database.set_authorizer(_only_reads)
            found = database.execute(query)
            rows = [list(row) for row in found.fetchmany(MAX_ROWS)]
    except sqlite3.Error as error:
        raise ToolFailed("sql_error", f"{error}. The only table is entries.") from None
    columns = [column[0] for column in found.description or ()]
    return {"columns": columns, "rows": rows, "row_count": len(rows)}


@tool(effect="write")
def write_entry(ship: str, port: str, day: str, cargo: str, tons: float) -> dict[str, Json]:
    """Add an entry to the logbook: ship, port, day as YYYY-MM-DD, cargo, tons."""
    _made()
    with closing(sqlite3.connect(FILE)) as database, database:
        number = database.execute(INSERT, (ship, port, day, cargo, tons)).lastrowid
    return {"entry": number}


def _made() -> None:
    if FILE.exists():
        return
    with closing(sqlite3.connect(FILE)) as database, database:
        database.execute(SCHEMA)
        database.executemany(INSERT, FIRST)


def _only_reads(action: int, first: str | None, *_more: str | None) -> int:
    reads = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION)
    del first
    return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY
