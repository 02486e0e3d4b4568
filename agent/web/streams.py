"""The log as text: the last lines, and server-sent events.

A stream ends in one of three ways: the client leaves, the server stops (goodbye), or the client
takes nothing for ``SEND_SECONDS`` (its connection is dropped). A slow client holds nothing but its
cursor.
"""

import asyncio
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.core.errors import Unprocessable
from agent.core.events import Topic
from agent.core.json import Json
from agent.runtime.hub import Reader
from agent.web.endpoint import AnyEndpoint, Call, ChannelText, Endpoint, Nothing, Number, channel
from agent.web.wait import SEND_SECONDS, drop, first_of

KEEP_ALIVE_SECONDS = 15.0
BATCH = 256


class LinesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many events."""

    last: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 30


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """The last events, oldest first, as `/ws/trace` sends them."""

    lines: list[Json]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on."""

    since: Number | None = None
    """The last `id` already seen; the header `Last-Event-ID` says the same and wins."""
    channel: ChannelText | None = None
    """Only this channel; all when left out."""


async def trace(call: Call[Nothing, LinesQuery]) -> bytes:
    """The last events."""
    return b'{"lines":[%b]}' % b",".join(call.runtime.trace_lines(call.query.last))


async def events(call: Call[Nothing, EventsQuery]) -> Response:
    """Everything that happens, as server-sent events; `id` is the number of the event."""
    named = call.query.channel
    reader = call.runtime.hub.reader(
        Topic.TRACE | Topic.TEST,
        since=_last_seen(call.request, call.query.since),
        channel="" if named is None else channel(named),
    )
    return EventStream(reader, call.site.stop)


def _last_seen(request: Request, since: int | None) -> int | None:
    header = request.headers.get("last-event-id")
    if header is None:
        return since
    if not (header.isascii() and header.isdigit() and len(header) <= 15):
        raise Unprocessable(f"Last-Event-ID: expected the number of an event, got {header[:40]!r}")
    return int(header)


def sse(line: bytes) -> bytes:
    """Make a server-sent event of a trace line; its id is the line's ``seq``."""
    start = line.index(b'"seq":') + 6
    stop = start
    while line[stop : stop + 1].isdigit():
        stop += 1
    kind = b"event: gap\n" if line.startswith(b'{"event":"gap"') else b""
    return b"%bid: %b\ndata: %b\n\n" % (kind, line[start:stop], line)


class EventStream(Response):
    """An endless answer: what the reader finds, as server-sent events."""

    def __init__(self, reader: Reader, stop: asyncio.Event) -> None:
        super().__init__(
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
            media_type="text/event-stream",
        )
        del self.headers["content-length"]
        self._reader = reader
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves or the server stops."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await first_of(self._write(send), _left(receive), self._stop.wait())
            if self._stop.is_set():
                await _chunk(send, b"event: bye\ndata: {}\n\n", more=False)
        except TimeoutError:
            drop(scope)
        except OSError:
            return

    async def _write(self, send: Send) -> None:
        await _chunk(send, b"retry: 1000\n\n")
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    lines = await self._reader.next(BATCH)
            except TimeoutError:
                chunk = b": keep-alive\n\n"
            else:
                chunk = b"".join(sse(line) for line in lines)
            await _chunk(send, chunk)
            await asyncio.sleep(0)


async def _chunk(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/trace",
        call=trace,
        query=LinesQuery,
        answer=Lines,
    ),
    Endpoint(
        method="GET",
        path="/api/events",
        call=events,
        query=EventsQuery,
        answer=None,
        produces="text/event-stream",
    ),
)
