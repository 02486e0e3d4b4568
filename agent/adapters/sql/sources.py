"""From a database's URL to the session that speaks to it, in the worker; and to what it needs.

A URL was checked when the settings were read; here it only has to be taken apart.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import msgspec

from agent.adapters.sql import limits
from agent.adapters.sql.answer import Caps
from agent.adapters.sql.catalogue import Comments
from agent.adapters.sql.refusal import Unreachable
from agent.adapters.sql.session import Session
from agent.adapters.sql.sqlite_db import SqliteDatabase


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of database."""

    label: str
    """What a person calls it."""
    modules: tuple[str, ...]
    """What a worker imports for it."""
    package: str = ""
    """What brings its driver."""


_MYSQL = ("sqlglot.dialects.mysql", "sqlalchemy.dialects.mysql.pymysql", "pymysql")
_POSTGRES = ("sqlglot.dialects.postgres", "sqlalchemy.dialects.postgresql.psycopg", "psycopg")
KINDS = {
    "sqlite": Kind(label="SQLite", modules=("sqlglot.dialects.sqlite",)),
    "mariadb+pymysql": Kind(label="MariaDB", modules=_MYSQL, package="PyMySQL"),
    "mysql+pymysql": Kind(label="MySQL", modules=_MYSQL, package="PyMySQL"),
    "postgresql+psycopg": Kind(label="PostgreSQL", modules=_POSTGRES, package="psycopg[binary]"),
}
"""By the scheme of the URL."""


def kind_of(url: str) -> Kind:
    """Return what kind of database is behind ``url``."""
    return KINDS[urlsplit(url).scheme]


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{quote(str(path.absolute()))}"


def sqlite_path(url: str) -> Path:
    """Return the file behind such a URL."""
    return Path(unquote(urlsplit(url).path.removeprefix("/")))


def open_session(url: str, comments: Comments, caps: Caps, calling: Callable[[], None]) -> Session:
    """Return the session for ``url``; it connects when it is first asked.

    Args:
        url: of the database.
        comments: what tables and columns mean, where the database cannot say it.
        caps: bounds of one query.
        calling: told each time before a server is called.

    Raises:
        Unreachable: its driver is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return SqliteDatabase(sqlite_path(url), comments, caps=caps, shared=limits.allow_index)
    try:
        return _server(url, caps, calling)
    except ImportError as error:
        kind = KINDS[parts.scheme]
        raise Unreachable(
            f"The driver for {kind.label} is not installed ({error}):"
            f" python3 -m pip --python .venv/bin/python install {kind.package!r}"
        ) from error


def _server(url: str, caps: Caps, calling: Callable[[], None]) -> Session:
    from sqlalchemy import make_url

    from agent.adapters.sql.mariadb import MariaDB
    from agent.adapters.sql.postgres import Postgres
    from agent.adapters.sql.server_db import ServerDatabase

    kind = Postgres() if url.startswith("postgresql") else MariaDB()
    return ServerDatabase(make_url(url), kind, caps=caps, calling=calling)
