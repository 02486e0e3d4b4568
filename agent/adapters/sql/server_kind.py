"""What tells one kind of server from another, for the code that speaks to any of them."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec
from sqlalchemy import Connection

from agent.adapters.sql.answer import Caps
from agent.adapters.sql.vocabulary import Dialect
from agent.core.json import Json

COUNTED = 200_000
"""Tables that the server takes to be larger are told with its estimate."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver's error means."""

    message: str
    what: Literal["", "timeout", "table", "column"] = ""
    """The clock of the server ended it, or something of that name is not there."""
    name: str = ""


class ServerKind(Protocol):
    """How one kind of server is spoken to."""

    @property
    def dialect(self) -> Dialect:
        """The language it speaks."""
        ...

    @property
    def version(self) -> str:
        """The statement that tells the server's version."""
        ...

    @property
    def connecting(self) -> Mapping[str, Json]:
        """What the driver is told beside the URL, stronger than what the URL says."""
        ...

    def settings(self, caps: Caps, version: str) -> list[str]:
        """Return the statements that bind a new connection, before anything else runs on it."""
        ...

    def fault(self, error: BaseException) -> Fault:
        """Return what the driver's ``error`` means."""
        ...

    def may_write(self, connection: Connection) -> str:
        """Return what the account may do beside reading, or nothing."""
        ...

    def estimates(self, connection: Connection) -> dict[str, int]:
        """Return about how many rows the tables have, as far as the server knows."""
        ...
