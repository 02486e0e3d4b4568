"""The databases an agent may ask: ``[databases]`` in ``agent.toml`` and ``AGENT_DB_<NAME>``.

A URL is brought into one form here: the driver that is used stands in its scheme, and the path of a
SQLite file is absolute. Its password is shown to nobody.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from agent.settings.kinds import NAME

TABLE = "databases"
PREFIX = "AGENT_DB_"
ERAS = "eras2_production"
ALIASES: Mapping[str, str] = {"eras": ERAS}
"""Other names of databases that are always there."""
DRIVERS: Mapping[str, str] = {
    "sqlite": "sqlite",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
"""Scheme as people write it to the scheme with the driver that is used."""
EXPECTED = (
    "a URL such as `sqlite:///file.db`, `mariadb://user:password@host/database` or "
    "`postgresql://user:password@host/database`"
)
_PASSWORDS = frozenset({"password", "passwd", "sslpassword"})


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the databases that variables name: variable to URL."""
    return {name: url for name, url in environ.items() if name.startswith(PREFIX) and url}


def name_of(variable: str) -> str:
    """Return the database that a variable is for."""
    return variable.removeprefix(PREFIX).lower()


def read_name(name: str) -> str:
    """Return the proper name of a database.

    Raises:
        ValueError: it cannot be one.
    """
    if not NAME.fullmatch(name):
        raise ValueError(name)
    return ALIASES.get(name, name)


def read_table(value: object) -> dict[str, object]:
    """Return what stands under ``[databases]``.

    Raises:
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004 - as every reader of a setting
    return cast("dict[str, object]", value)


def read_url(value: object, base: Path) -> str:
    """Return ``value`` in the one form.

    Args:
        value: what somebody wrote.
        base: what a relative path is relative to.

    Raises:
        ValueError: it is no URL of a database.
    """
    text = value.strip() if isinstance(value, str) else ""
    parts = urlsplit(text)
    scheme = DRIVERS.get(parts.scheme)
    if scheme is None or re.search(r"[\s\0]", text) or parts.fragment:
        raise ValueError(value)
    query = parse_qs(parts.query)
    if _PASSWORDS & query.keys():
        raise ValueError(value)
    path = parts.path.removeprefix("/")
    if scheme == "sqlite":
        if parts.netloc or parts.query or not path or not text.startswith("sqlite:///"):
            raise ValueError(value)
        return f"sqlite:///{quote(str((base / unquote(path)).absolute()))}"
    placed = parts.hostname or {"host", "unix_socket"} & query.keys()
    if not placed or not path or "/" in path or parts.port == 0:
        raise ValueError(value)
    return scheme + text.removeprefix(parts.scheme)


def masked(url: object) -> str:
    """Return ``url`` without its password, for people."""
    return re.sub(r"(//[^:/@]*):.*@", r"\1:***@", str(url))


def passwords(urls: Mapping[str, str]) -> Iterator[str]:
    """Yield the passwords in ``urls``, as they are written and as they are meant."""
    for url in urls.values():
        if password := urlsplit(url).password:
            yield from {password, unquote(password)}
