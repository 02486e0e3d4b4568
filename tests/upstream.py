"""A model server on a real loopback socket that misbehaves on request, down to the byte.

It plays a script: one act per request, the last act again for every further request. An act gets
the connection and the request and writes whatever bytes it likes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.core.json import Json


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json


@dataclass
class Line:
    """One connection, as an act uses it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: Seen
    forever: asyncio.Event
    """Set when the test is over; what an act waits for when it stalls."""
    open: bool = True

    async def send(self, *pieces: bytes) -> None:
        """Write every piece in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def stall(self) -> None:
        await self.forever.wait()
        self.open = False

    def cut(self) -> None:
        """Close without ceremony."""
        self.open = False


Act = Callable[[Line], Awaitable[None]]


@dataclass
class Upstream:
    """The server, what it will do and what it saw."""

    port: int = 0
    script: list[Act] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closed a connection on which an act stalled."""
    forever: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def plays(self, *acts: Act) -> None:
        self.script = [*acts]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.writers.add(writer)
        self.connections += 1
        try:
            while request := await self._read(reader, writer):
                self.seen.append(request)
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                line = Line(reader, writer, request, self.forever)
                await act(line)
                if not line.open:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            self.tasks.discard(task)
            self.writers.discard(writer)
            writer.close()

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Seen | None:
        first = await reader.read(1)
        if first == b"\x16":  # a TLS client hello
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return None
        if not first:
            return None
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = start.split(" ")
        return Seen(method, path, headers, json.loads(body) if body else None)


@asynccontextmanager
async def serving() -> AsyncIterator[Upstream]:
    """Run an upstream on a port that the system chooses."""
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=2**20)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        upstream.forever.set()
        server.close()
        for writer in upstream.writers:
            writer.transport.abort()
        if upstream.tasks:
            await asyncio.wait(upstream.tasks)


# What acts write


def event(value: Json) -> bytes:
    """One server-sent event."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(finish: str | None = None, **piece: Json) -> dict[str, Json]:
    """One chunk of a chat completion."""
    return {"model": "m-1", "choices": [{"index": 0, "delta": piece, "finish_reason": finish}]}


DONE = event(b"[DONE]")


def says(*texts: str) -> list[bytes]:
    """A well-formed stream that says ``texts``."""
    return [*(event(delta(content=text)) for text in texts), event(delta("stop")), DONE]


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1")


def whole(status: int, body: Json, **headers: str) -> Act:
    """Answer in one piece; ``retry_after="2"`` becomes the header ``retry-after``."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def act(line: Line) -> None:
        await line.send(_head(status, {"content-length": str(len(content)), **named}) + content)

    return act


STREAM = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def streams(*pieces: bytes, then: str = "end") -> Act:
    """Stream ``pieces``, a chunk each; ``then`` end, cut, or stall."""

    async def act(line: Line) -> None:
        await line.send(_head(200, STREAM), *(chunk(piece) for piece in pieces))
        match then:
            case "end":
                await line.send(b"0\r\n\r\n")
            case "cut":
                line.cut()
            case _:
                await line.stall()

    return act


def drips(*pieces: bytes) -> Act:
    """Stream ``pieces`` one byte at a time."""
    return streams(*(bytes([byte]) for byte in b"".join(pieces)))


def raw(data: bytes) -> Act:
    """Write ``data`` in place of HTTP and close."""

    async def act(line: Line) -> None:
        await line.send(data)
        line.cut()

    return act


def endless(piece: bytes, *, first: bytes = b"") -> Act:
    """Stream ``piece`` until the client hangs up."""

    async def act(line: Line) -> None:
        await line.send(_head(200, STREAM))
        if first:
            await line.send(chunk(first))
        while True:
            await line.send(chunk(piece))
            await asyncio.sleep(0)  # the client lives in this loop, too

    return act


async def silent(line: Line) -> None:
    """Take the request and never answer."""
    await line.stall()


async def watched(line: Line) -> None:
    """Begin an answer, then wait for the client to hang up."""
    await line.send(_head(200, STREAM), chunk(event(delta(content="Hel"))))
    await line.reader.readexactly(1)


def problem(message: str, **more: Json) -> dict[str, Json]:
    """An error body in the usual shape."""
    return {"error": {"message": message, **more}}
