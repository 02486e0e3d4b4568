"""What the server and a worker process say to each other: a length, then one msgpack value.

A worker is asked one thing at a time. It answers with any number of notes and then exactly one last
word. Nothing here comes from a model but ``Ask.sql``, and nothing of it goes anywhere unparsed.
"""

import struct
from collections.abc import Callable

import msgspec

from agent.core.json import Json

HEAD = struct.Struct(">I")
MAX_FRAME = 8 << 20
"""Bytes; an answer has at most 1 MiB, a schema text of very many tables may have more."""


LOOK_SECONDS = 10.0
"""How long reading what a database holds may take."""


class Open(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """Which database the worker is for; it connects when it is asked something."""

    url: str
    names: tuple[str, ...]
    """Names the database goes by."""
    comments: dict[str, dict[str, str]] = {}
    """What tables and columns mean, where the database cannot say it."""
    seconds: float
    """The wall of one query."""


class Look(msgspec.Struct, frozen=True, tag="look"):
    """What does it hold?"""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """One statement, as the model wrote it."""

    sql: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Note: everything is imported. Comes once, before anything was asked."""


class Connecting(msgspec.Struct, frozen=True, tag="connecting"):
    """Note: the database is called now; the wall stands still until the next word."""


class Passed(msgspec.Struct, frozen=True, tag="passed"):
    """Note: the guard let it through; this is what runs."""

    sql: str


class Schema(msgspec.Struct, frozen=True, tag="schema"):
    """Note: what the database holds, when that is new."""

    text: str


class Looked(msgspec.Struct, frozen=True, tag="looked"):
    """Last word on ``Look``; the schema came before."""

    warnings: tuple[str, ...]
    """What the owner of the database should know, such as that the account may write."""


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Last word on ``Ask``."""

    columns: list[str]
    rows: list[list[Json]]
    truncated: bool


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Last word: the named failure that the node is told."""

    code: str
    detail: str
    unreachable: bool = False
    """The database did not answer at all."""
    spent: bool = False
    """The worker is not fit for another question."""


Request = Open | Look | Ask
Note = Ready | Connecting | Passed | Schema
Last = Looked | Rows | Failed
Word = Note | Last

_encode = msgspec.msgpack.Encoder().encode
request_of: Callable[[bytes], Request] = msgspec.msgpack.Decoder(Request).decode
word_of: Callable[[bytes], Word] = msgspec.msgpack.Decoder(Word).decode


def frame(value: Request | Word) -> bytes:
    """Return ``value`` with its length in front."""
    body = _encode(value)
    return HEAD.pack(len(body)) + body


def length(head: bytes) -> int:
    """Return how long the value behind ``head`` is.

    Raises:
        ValueError: longer than anything that is ever sent.
    """
    (size,) = HEAD.unpack(head)
    if size > MAX_FRAME:
        raise ValueError(f"a frame of {size:,} bytes, at most {MAX_FRAME:,} are sent")
    return int(size)
