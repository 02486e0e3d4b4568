"""The three sockets: readers of the log with a cursor.

Per client one task writes and one reads, in one task group: whichever ends first ends the other,
so a peer that vanished in mid-burst takes both tasks with it. A send that does not get through
within ``SEND_SECONDS`` drops the connection. The writer lets the loop run every few messages: a
send to a peer with room in its buffer never waits, and would otherwise keep everybody waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from agent.core.errors import AgentError, Unprocessable
from agent.core.events import Topic
from agent.core.json import Json
from agent.runtime.hub import Reader
from agent.web.endpoint import channel
from agent.web.site import Site, site_of
from agent.web.wait import SEND_SECONDS, drop, first_of

BATCH = 64
BREATH = 4
"""Messages sent before the loop gets its turn, in which it may find that the peer is gone; asyncio
complains about every write after the fifth to one that is."""
BURST = 1024
"""Lines taken at once for a client that takes arrays."""
PAUSE = 0.033
ARRAY_BYTES = 64 * 1024
POLICY = 1008
"""Close code for a connection that was asked for wrongly."""

Session = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One accepted client.

    Raises:
        WebSocketDisconnect: from ``send`` and ``receive``, when it is gone.
        TimeoutError: from ``send``, when it takes nothing.
    """

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.site: Site = site_of(socket)
        self.query = socket.query_params
        self.scope = socket.scope
        self.connection: HTTPConnection = socket

    async def send(self, texts: Sequence[bytes]) -> None:
        """Send messages, each already encoded; all of them within the deadline."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                for place, text in enumerate(texts, 1):
                    await self._socket.send_text(text.decode())
                    if place % BREATH == 0:
                        await asyncio.sleep(0)
        except RuntimeError as error:
            # The server closed the connection (a protocol error of the peer, a shutdown) and the
            # reader has not heard of it yet.
            raise WebSocketDisconnect(1006) from error
        await asyncio.sleep(0)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        await self._socket.close(code, reason)

    async def receive(self) -> str | bytes:
        """Return the next message."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        text: str | None = message.get("text")
        return message.get("bytes", b"") if text is None else text

    def since(self) -> int | None:
        """Return the number the client has seen last.

        Raises:
            Unprocessable: it is no number.
        """
        given = self.query.get("since")
        if given is None:
            return None
        if not (given.isascii() and given.isdigit() and len(given) <= 15):
            raise Unprocessable(f"`since`: expected the number of an event, got {given[:40]!r}")
        return int(given)


def socket_route(path: str, session: Session) -> WebSocketRoute:
    """Serve ``session`` at ``path``; the guard has already let the client in."""

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        peer = Peer(socket)
        try:
            await session(peer)
        except AgentError as error:
            await _refuse(peer, error)
        except TimeoutError:
            drop(socket.scope)
        except WebSocketDisconnect:
            return

    return WebSocketRoute(path, serve, name=path)


async def _refuse(peer: Peer, error: AgentError) -> None:
    try:
        await peer.send([problem(error)])
        await peer.close(POLICY, "see the message before")
    except TimeoutError:
        drop(peer.scope)


def problem(error: AgentError) -> bytes:
    """Encode what was wrong with something a client sent."""
    return msgspec.json.encode({"type": "error", "detail": str(error), "error": error.slug})


async def trace(peer: Peer) -> None:
    """``/ws/trace``: everything that happens, one flat object per message or arrays of them."""
    hub = peer.site.runtime.hub
    named = peer.query.get("channel")
    lane = "" if named is None else channel(named)
    reader = hub.reader(Topic.TRACE, since=peer.since(), channel=lane)
    hello: Json = {
        "seq": reader.cursor,
        "ts": peer.site.clock.now_ms(),
        "run_id": "",
        "channel": lane,
        "node": "runtime",
        "event": "snapshot",
        "oldest": hub.oldest,
    }
    first = msgspec.json.encode(hello)
    if peer.query.get("batch") == "1":
        await first_of(_write_arrays(peer, reader, first), deaf(peer))
    else:
        await first_of(write(peer, reader, first), deaf(peer))


async def test(peer: Peer) -> None:
    """``/ws/test``: the whole record, now and whenever it changes."""
    site = peer.site
    reader = site.runtime.hub.reader(Topic.TEST)
    record: Json = {"type": "test_status", "seq": reader.cursor, **site.board.status()}
    await first_of(_write_newest(peer, reader, msgspec.json.encode(record)), deaf(peer))


async def deaf(peer: Peer) -> None:
    """Read and ignore, until the client is gone."""
    while True:
        await peer.receive()


async def write(peer: Peer, reader: Reader, *first: bytes) -> None:
    """Send every line the reader finds, one message each."""
    await peer.send(first)
    while True:
        await peer.send(await reader.next(BATCH))


async def _write_arrays(peer: Peer, reader: Reader, first: bytes) -> None:
    """Send arrays: at once when there was silence, then one per 33 ms or 64 KiB.

    Between two arrays nothing is collected: the events wait in the log.
    """
    await peer.send([b"[%b]" % first])
    while True:
        lines = await reader.next(BURST)
        await peer.send(list(arrays(lines)))
        if len(lines) < BURST:
            await asyncio.sleep(PAUSE)


def arrays(lines: Sequence[bytes]) -> list[bytes]:
    """Join lines to JSON arrays of up to 64 KiB (a longer line is alone in its array)."""
    made: list[bytes] = []
    start, size = 0, 0
    for place, line in enumerate(lines):
        if size + len(line) > ARRAY_BYTES and place > start:
            made.append(b"[%b]" % b",".join(lines[start:place]))
            start, size = place, 0
        size += len(line) + 1
    return [*made, b"[%b]" % b",".join(lines[start:])]


async def _write_newest(peer: Peer, reader: Reader, first: bytes) -> None:
    """Send records; one that was overtaken while the client was busy may be left out."""
    await peer.send([first])
    while True:
        lines = await reader.next(BATCH)
        records = [line for line in lines if b'"test_status"' in line]
        await peer.send(records[-1:] if len(lines) == BATCH else records)
