"""The process that parses what a model wrote and asks one database: ``python -m`` this module.

Parser, guard, connection and query all live here, so the server's loop waits for none of them and a
kill ends all of them. It reads requests from stdin, writes words to stdout, and ends when stdin
does. Its invariant is to hold nothing that counts: it may die at any moment.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from agent.adapters.sql import limits, wire
from agent.adapters.sql.answer import Caps
from agent.adapters.sql.catalogue import Catalogue
from agent.adapters.sql.guard import guard
from agent.adapters.sql.refusal import Unreachable
from agent.adapters.sql.session import Session, answer
from agent.adapters.sql.sources import open_session
from agent.core import lazy
from agent.core.errors import ToolFailed

MORE = 1.5
"""Seconds of processor time beyond the wall, for what the process does besides a query."""
TOO_BIG = "The query needed more memory than a query may have. Ask for less: filter earlier."


class Desk:
    """Answers requests about one database.

    Args:
        request: which database it is for.
        tell: sends a word to the server.
    """

    def __init__(self, request: wire.Open, tell: Callable[[wire.Word], None]) -> None:
        self._request = request
        self._tell = tell
        self._told: Catalogue | None = None
        self._opened: Session | None = None

    def take(self, request: wire.Look | wire.Ask) -> None:
        """Do what was asked and say the last word on it."""
        try:
            match request:
                case wire.Look():
                    limits.spend(wire.LOOK_SECONDS)
                    last = self._look()
                case wire.Ask(sql):
                    limits.spend(self._request.seconds + MORE)
                    last = self._ask(sql)
        except ToolFailed as failure:
            last = wire.Failed(failure.code, str(failure), isinstance(failure, Unreachable))
        except MemoryError:
            last = wire.Failed("sql_error", TOO_BIG, spent=True)
        self._news()
        self._tell(last)

    @property
    def _session(self) -> Session:
        if self._opened is None:
            request = self._request
            self._opened = open_session(
                request.url,
                request.comments,
                Caps(seconds=request.seconds),
                calling=lambda: self._tell(wire.Connecting()),
            )
        return self._opened

    def _look(self) -> wire.Last:
        warnings = self._session.connect()
        self._session.catalogue()
        self._told = None
        return wire.Looked(warnings)

    def _ask(self, sql: str) -> wire.Last:
        session = self._session
        session.connect()
        names = {*self._request.names, *session.schemas}
        statement = guard(sql, session.dialect, schemas=names)
        self._tell(wire.Passed(statement.sql))
        got = answer(session, statement)
        return wire.Rows(got.columns, got.rows, got.truncated)

    def _news(self) -> None:
        """Tell what the database holds when that was read and is not what was told before."""
        known = self._opened.known if self._opened else None
        if known is not None and known.shape != self._told:
            self._told = known.shape
            self._tell(wire.Schema(known.text()))


def requests(read: Callable[[int], bytes]) -> Iterator[wire.Request]:
    """Yield what the server asks, until it hangs up."""
    while len(head := read(wire.HEAD.size)) == wire.HEAD.size:
        yield wire.request_of(read(wire.length(head)))


def main() -> None:
    """Serve until stdin ends."""
    limits.confine()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not get between the frames

    def tell(word: wire.Word) -> None:
        rest = memoryview(wire.frame(word))
        while rest:
            rest = rest[out.write(rest) :]

    lazy.load("sqlglot", "sqlglot.errors", "sqlglot.parser")
    for module in sys.argv[1:]:
        with suppress(ImportError):  # whoever asks the database that needs it is told
            lazy.load(module)
    limits.seal()
    tell(wire.Ready())
    desk: Desk | None = None
    for request in requests(sys.stdin.buffer.read):
        match request:
            case wire.Open():
                desk = Desk(request, tell)
            case wire.Look() | wire.Ask():
                assert desk is not None, "asked before Open"  # noqa: S101 - the server's promise
                desk.take(request)


if __name__ == "__main__":
    main()
