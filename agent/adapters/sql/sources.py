"""From a database's URL to the session that speaks to it, in the worker; and to what it needs.

A URL was checked when the settings were read; here it only has to be taken apart.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from agent.adapters.sql import limits
from agent.adapters.sql.answer import Caps
from agent.adapters.sql.catalogue import Comments
from agent.adapters.sql.session import Session
from agent.adapters.sql.sqlite_db import SqliteDatabase

KINDS: Mapping[str, str] = {
    "sqlite": "SQLite",
}
"""Scheme to what a person calls such a server."""


def kind_of(url: str) -> str:
    """Return what a person calls the server behind ``url``."""
    return KINDS[urlsplit(url).scheme]


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path.absolute()}"


def open_session(url: str, comments: Comments, caps: Caps, calling: Callable[[], None]) -> Session:
    """Return the session for ``url``; it connects when it is first asked.

    Args:
        url: of the database.
        comments: what tables and columns mean, where the database cannot say it.
        caps: bounds of one query.
        calling: told each time the database is about to be called.
    """
    del calling
    path = Path(urlsplit(url).path.removeprefix("/"))
    return SqliteDatabase(path, comments, caps=caps, shared=limits.allow_index)


def modules_of(url: str) -> tuple[str, ...]:
    """Return what a worker should have imported before it is given ``url``."""
    dialects = {"sqlite": ("sqlglot.dialects.sqlite",)}
    return dialects[urlsplit(url).scheme]
