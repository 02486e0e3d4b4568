"""How a store's file is opened: made whole the first time, refused with a reason when damaged.

Invariant: nothing is ever created over something. A new file is written beside its place and moved
there whole, so a file in its place that is empty, or no store, was damaged or is somebody else's.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.core.errors import AgentError
from agent.crash import reached

VERSION = 1
SCHEMA = """
CREATE TABLE runs(n INTEGER PRIMARY KEY, status TEXT, kind TEXT, channel TEXT, body BLOB);
CREATE TABLE journal(id INTEGER PRIMARY KEY, body BLOB);
CREATE TABLE ends(n INTEGER PRIMARY KEY, body BLOB, summary BLOB);
CREATE TABLE channels(name TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE blobs(name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE keys(key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE records(name TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
"""
BUSY_S = 5.0
"""How long to wait for another program that has the file locked."""
DAMAGED = "put a copy that is whole in its place, or use another --data-dir"
HINTS = {
    sqlite3.SQLITE_BUSY: "another program is writing to it; end that one, and try again",
    sqlite3.SQLITE_READONLY: "this user may not write to it; allow it, or use another --data-dir",
    sqlite3.SQLITE_CANTOPEN: "this user may not open it, or may not write to its folder; allow it, "
    "or use another --data-dir",
    sqlite3.SQLITE_FULL: "its disk is full; free some space, and try again",
    sqlite3.SQLITE_IOERR: "its disk does not do what it should; try again",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


class NewerSchema(AgentError):  # noqa: N818
    """The file was written by a newer version."""

    slug = "newer_schema"


class UnreadableStore(AgentError):  # noqa: N818
    """The file cannot be opened, or is not whole, or is no store."""

    slug = "unreadable_store"


def unreadable(path: Path, cause: object, hint: str = DAMAGED) -> UnreadableStore:
    """Return the error that says what is wrong with ``path`` and what to do."""
    return UnreadableStore(f"{path} cannot be used ({cause}); {hint}")


def hint_of(error: sqlite3.Error) -> str:
    """Return what to do about what SQLite said."""
    return HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "try again")


def story(path: Path, error: sqlite3.Error) -> UnreadableStore:
    """Return the error for what SQLite said of ``path`` when it was opened or read."""
    return unreadable(path, error, hint_of(error))


def connect(path: Path) -> sqlite3.Connection:
    """Open ``path``, which is there, for writing."""
    return _opened(path, "rw", _make_durable)


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open ``path`` so that nothing can be written."""
    return _opened(path, "ro", _only_read)


def _only_read(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only=1")
    connection.create_function("lowered", 1, _lowered, deterministic=True)


def _opened(
    path: Path, mode: str, prepare: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    """Open ``path`` and have ``prepare`` make it ready; what it refuses is closed again."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None,
        check_same_thread=False, timeout=BUSY_S,
    )  # fmt: skip
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _lowered(text: str | None) -> str:
    """Lower case in every script; SQLite's own ``lower`` knows ASCII only."""
    return (text or "").lower()


def open_checked(path: Path) -> sqlite3.Connection:
    """Open the store at ``path``, making it when nothing is there.

    Raises:
        NewerSchema: the file belongs to a newer version.
        UnreadableStore: it cannot be read and written, or is no store.
    """

    def prepare(connection: sqlite3.Connection) -> None:
        _check(connection, path)
        _make_durable(connection)

    try:
        _be_there(path)
        return _opened(path, "rw", prepare)
    except sqlite3.DatabaseError as error:
        raise story(path, error) from None


def _be_there(path: Path) -> None:
    if not path.exists():
        _create(path)
    elif not path.stat().st_size:
        raise unreadable(path, "it is empty")


def _create(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise unreadable(path, f"it is gone, but {log.name} is there")
    new = path.with_name(f"{path.name}-new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION};")
        reached("store.creating")
        connection.execute("COMMIT")
    reached("store.created")
    new.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the name of a new file on disk, and not only what is in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise NewerSchema(
            f"{path} has schema {version}, this version writes {VERSION}; "
            "use the newer version or another --data-dir"
        )
    if not version:
        raise unreadable(path, "it is a database of another program", "use another --data-dir")
    connection.execute("BEGIN IMMEDIATE")  # only now it is known that it may be written to
    connection.execute("ROLLBACK")
