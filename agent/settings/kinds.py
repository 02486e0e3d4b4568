"""How a value is read: what a person may write, and what the program gets.

A reader takes text (environment, command line) or a TOML value and returns the program's value; it
raises ``ValueError`` for everything else. Its ``expected`` completes "expected ...".
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec

ON, OFF = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
PRICE = re.compile(r"[!-<>-~]{1,200}=\d{1,6}(\.\d{1,6})?/\d{1,6}(\.\d{1,6})?", re.ASCII)
VISIBLE = re.compile(r"[!-~]{1,4096}")


class Kind(msgspec.Struct, frozen=True):
    """One way to read a value."""

    expected: str
    read: Callable[[object], object]


def number(low: int, high: int) -> Kind:
    """Return the kind of a whole number in a range."""

    def read(value: object) -> int:
        got = int(_text(value)) if isinstance(value, str) else value
        if isinstance(got, int) and not isinstance(got, bool) and low <= got <= high:
            return got
        raise ValueError

    return Kind(f"a whole number from {low} to {high}", read)


def seconds(high: int) -> Kind:
    """Return the kind of a duration."""

    def read(value: object) -> float:
        got = float(_text(value)) if isinstance(value, str) else value
        if isinstance(got, int | float) and not isinstance(got, bool) and 0 <= got <= high:
            return float(got)
        raise ValueError

    return Kind(f"seconds from 0 to {high}", read)


def choice(*names: str) -> Kind:
    """Return the kind of one name out of a few."""

    def read(value: object) -> str:
        if (got := _text(value).lower()) in names:
            return got
        raise ValueError

    return Kind("one of " + ", ".join(f"`{name}`" for name in names), read)


def matching(expected: str, pattern: re.Pattern[str]) -> Kind:
    """Return the kind of a text with a form."""

    def read(value: object) -> str:
        if pattern.fullmatch(got := _text(value)):
            return got
        raise ValueError

    return Kind(expected, read)


def several(expected: str, read_one: Callable[[str], object]) -> Kind:
    """Return the kind of a list: a TOML array, or text with commas."""

    def read(value: object) -> tuple[object, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        if isinstance(parts, list | tuple):
            texts = map(_text, cast("Iterable[object]", parts))
            return tuple(read_one(text) for text in texts if text)
        raise ValueError

    return Kind(expected, read)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    raise ValueError


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).lower()
    if word not in ON | OFF:
        raise ValueError
    return word in ON


def _path(value: object) -> Path:
    text = str(value) if isinstance(value, Path) else _text(value)
    if "\0" in text or not text:
        raise ValueError
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # the home of a user who does not exist
        raise ValueError from error


def _url(value: object) -> str:
    parts = urlsplit(text := _text(value))
    whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if not whole or parts.username or parts.query or parts.fragment or re.search(r"\s", text):
        raise ValueError
    return text.rstrip("/")


def _bind(value: object) -> str:
    text = _text(value)
    if ":" in text:
        return str(ipaddress.IPv6Address(text))
    if not HOST.fullmatch(text):
        raise ValueError
    return text


def _host(text: str) -> str:
    parts = urlsplit(f"//{text}")
    if parts.netloc != text or parts.username is not None or parts.port == 0:
        raise ValueError
    _bind(parts.hostname)
    return text.lower()


def _origin(text: str) -> str:
    if urlsplit(url := _url(text)).path:
        raise ValueError
    return url.lower()


def _price(text: str) -> str:
    if not PRICE.fullmatch(text):
        raise ValueError
    return text


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


SWITCH = Kind("true or false", _switch)
PATH = Kind("a folder", _path)
URL = Kind("an http:// or https:// address without user and query", _url)
BIND = Kind("a host name or an address, without scheme and port", _bind)
GRAPH = matching("the name of a graph (letters, digits, `_`, `.`, `-`)", NAME)
MODEL = matching("the name of a model, without spaces", VISIBLE)
SECRET = matching("visible ASCII characters without spaces", VISIBLE)
HOSTS = several("hosts as in `example.org` or `example.org:8080`, with commas between", _host)
ORIGINS = several("origins as in `https://example.org`, with commas between", _origin)
PRICES = several(
    "prices as in `large-2=2.5/10` (model, dollars per million tokens of prompt and of answer), "
    "with commas between",
    _price,
)
NETWORKS = several("addresses or networks as in `10.0.0.0/8`, with commas between", _network)
