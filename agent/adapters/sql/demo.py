"""The demo database: heating-cost billing of invented customers, written once per data directory.

The file appears complete or not at all. A file that is already there is only replaced when an
older version of this module wrote it or when no database can be read from it.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from agent.adapters.sql import demo_rows
from agent.adapters.sql.demo_rows import Row
from agent.adapters.sql.demo_schema import ddl

VERSION = 1
APPLICATION = 0x46534352
"""Marks the file as ours (``FSCR``)."""
SEED = 20_240_229


def ensure_demo(path: Path) -> None:
    """Write the demo database to ``path`` unless a current one, or somebody else's, is there."""
    if path.exists() and not _outdated(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    fresh = Path(name)
    try:
        _write(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _outdated(path: Path) -> bool:
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as connection:
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError:
            return True
    empty = path.stat().st_size == 0
    return empty or (application == APPLICATION and version != VERSION)


def _write(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(ddl())
        connection.execute("BEGIN")
        for table, rows in rows_of_tables().items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - own names
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def rows_of_tables() -> dict[str, list[Row]]:
    """Return the rows of every table, referenced ones first; always the same."""
    draws = demo_rows.Draws(SEED)
    return {
        "kunden": list(demo_rows.customers(draws)),
        "objekte": list(demo_rows.properties(draws)),
        "nutzeinheiten": list(demo_rows.units(draws)),
        "geraete": (mounted := list(demo_rows.devices(draws))),
        "ablesungen": list(demo_rows.readings(draws, mounted)),
        "abrechnungen": list(demo_rows.billings(draws)),
    }
