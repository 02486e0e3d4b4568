"""The real server: bytes on a real socket, peers that vanish, streams, the end."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from agent.web import server as servers, wait

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # real sockets, all together some seconds

BEARER = {"Authorization": "Bearer the-right-token"}


def handshake(server, path: str = "/ws", *extra: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {server.host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "Authorization: Bearer the-right-token",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: int = 1,
    rsv: int = 0,
    mask: bool = True,
    length: int | None = None,
) -> bytes:
    size = len(payload) if length is None else length
    masked = 0x80 if mask else 0
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(c ^ key[i % 4] for i, c in enumerate(payload))


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(2)
    size = head[1] & 127
    if size == 126:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", await reader.readexactly(8))[0]
    return head[0] & 15, await reader.readexactly(size)


async def opened(server, path: str = "/ws", *extra: str):
    """Open a socket by hand and take its first message."""
    reader, writer = await server.raw(handshake(server, path, *extra))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    await next_frame(reader)
    return reader, writer, head


def code(number: int, reason: bytes = b"") -> bytes:
    return struct.pack(">H", number) + reason


BROKEN = {
    "unmasked frame": (frame(1, b"a", mask=False), {1002}),
    "rsv1 without extension": (frame(1, b"a", rsv=4), {1002}),
    "rsv2": (frame(1, b"a", rsv=2), {1002}),
    "rsv3": (frame(1, b"a", rsv=1), {1002}),
    "reserved opcode 3": (frame(3, b"a"), {1002}),
    "reserved opcode 7": (frame(7, b"a"), {1002}),
    "reserved opcode 11": (frame(11, b"a"), {1002}),
    "reserved opcode 15": (frame(15, b"a"), {1002}),
    "ping of 126 bytes": (frame(9, b"x" * 126), {1002}),
    "fragmented ping": (frame(9, b"x", fin=0), {1002}),
    "fragmented close": (frame(8, code(1000), fin=0), {1002}),
    "continuation first": (frame(0, b"x"), {1002}),
    "text inside fragments": (frame(1, b"a", fin=0) + frame(1, b"b"), {1002}),
    "binary inside fragments": (frame(1, b"a", fin=0) + frame(2, b"b"), {1002}),
    "invalid utf-8": (frame(1, b"\xff\xfe"), {1007}),
    "utf-8 surrogate": (frame(1, b"\xed\xa0\x80"), {1007}),
    "overlong utf-8": (frame(1, b"\xc0\xaf"), {1007}),
    "invalid utf-8 over fragments": (frame(1, b"\xce", fin=0) + frame(0, b"\xff"), {1007}),
    "close of 1 byte": (frame(8, b"x"), {1002}),
    "close code 0": (frame(8, code(0)), {1002}),
    "close code 999": (frame(8, code(999)), {1002}),
    "close code 1004": (frame(8, code(1004)), {1002}),
    "close code 1005": (frame(8, code(1005)), {1002}),
    "close code 1006": (frame(8, code(1006)), {1002}),
    "close code 1015": (frame(8, code(1015)), {1002}),
    "close code 5000": (frame(8, code(5000)), {1002}),
    "close with broken reason": (frame(8, code(1000, b"\xff")), {1007, 1002}),
    "length 2^63-1": (frame(1, b"", length=2**63 - 1), {1009, 1002}),
    "message over 1 MiB": (frame(1, b"", length=(1 << 20) + 1), {1009}),
    "fragments over 1 MiB": (
        frame(1, b"a" * (1 << 19), fin=0) + frame(0, b"a" * ((1 << 19) + 1), fin=0),
        {1009},
    ),
    "close 1000": (frame(8, code(1000)), {1000}),
    "close 3000": (frame(8, code(3000)), {3000}),
    "close without code": (frame(8), {None}),
}


async def test_broken_frames_close_the_socket_with_the_right_code(live, caplog):
    async with live() as server:
        for name, (sent, expected) in BROKEN.items():
            reader, writer, _ = await opened(server)
            writer.write(sent)
            opcode, payload = await asyncio.wait_for(next_frame(reader), 10)
            while opcode in (1, 2):
                opcode, payload = await asyncio.wait_for(next_frame(reader), 10)
            given = struct.unpack(">H", payload[:2])[0] if payload else None
            assert (opcode, given in expected) == (8, True), (name, given)
            writer.close()
        async with asyncio.timeout(10):
            while server.world.runtime.chats:
                await asyncio.sleep(0)
    assert [r for r in caplog.records if "Exception in ASGI" in r.getMessage()] == []


async def test_honest_frames_are_understood_however_they_are_cut(live):
    text = b'{"text":"gr\xc3\xbc\xc3\x9fe"}'
    pieces = [text[i : i + 1] for i in range(len(text))]
    many = frame(1, pieces[0], fin=0) + b"".join(frame(0, p, fin=0) for p in pieces[1:]) + frame(0)
    async with live() as server:
        reader, writer, head = await opened(
            server, "/ws", "Sec-WebSocket-Extensions: permessage-deflate"
        )
        assert b"permessage-deflate" not in head
        writer.write(frame(9, b"p"))
        assert await next_frame(reader) == (10, b"p")
        writer.write(frame(1, text[:5], fin=0) + frame(9, b"q") + frame(0, text[5:]))
        assert await next_frame(reader) == (10, b"q")
        assert json.loads((await next_frame(reader))[1])["text"] == "grüße"
        for byte in range(len(many)):
            writer.write(many[byte : byte + 1])
        assert json.loads((await next_frame(reader))[1])["text"] == "grüße"
        writer.write(frame(10, b"unasked"))
        writer.write(frame(2, b"binary"))
        assert json.loads((await next_frame(reader))[1])["type"] == "error"
        writer.close()


REFUSED = [
    (["GET /ws HTTP/1.1", "Host: evil.example"], b"421"),
    (["GET /ws HTTP/1.1", "Host: {host}", "Origin: http://evil.example"], b"403"),
    (["GET /ws HTTP/1.1", "Host: {host}", "Origin: null"], b"403"),
    (["GET /ws?token=x HTTP/1.1", "Host: {host}"], b"401"),
    (["GET /nothing HTTP/1.1", "Host: {host}"], b"404"),
]
UPGRADE = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
]


async def test_a_handshake_is_refused_before_the_upgrade(live):
    async with live() as server:
        for lines, status in REFUSED:
            request = "\r\n".join([*lines, *UPGRADE]).format(host=server.host) + "\r\n\r\n"
            reader, writer = await server.raw(request)
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.split(b" ")[1] == status
            assert b"content-security-policy" in answer
            assert b'"error"' in answer
            writer.close()


SMUGGLED = [
    "GET /health HTTP/1.1\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: {host}\r\n Host: evil\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost : {host}\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: {host}\r\n\r\n",
    "GET /health HTTP/1.0\r\n\r\n",
    "GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n{{}}",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1_0\r\n\r\n{{}}",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /auth/exchange HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET /health\r\n\r\n",
    "GET /he alth HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "GET /health HTTP/1.1\r\nHost: {host}\r\nX: " + "a" * 1_000_000 + "\r\n\r\n",
]


async def test_a_malformed_request_gets_no_good_answer(live):
    async with live() as server:
        for text in SMUGGLED:
            request = text.format(host=server.host).encode("latin-1") + b"\r\n\r\n"
            reader, writer = await server.raw(request)
            answer = await asyncio.wait_for(reader.read(65536), 10)
            refused = (b"400", b"401", b"404", b"415", b"421")
            assert answer == b"" or answer.split(b" ")[1] in refused, text[:80]
            writer.transport.abort()


async def test_a_second_request_in_a_refused_body_is_not_served(live):
    inner = (
        "GET /api/state HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer the-right-token\r\n\r\n"
    )
    outer = "POST /api/send HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    async with live() as server:
        body = inner.format(host=server.host)
        reader, writer = await server.raw(outer.format(host=server.host, size=len(body)) + body)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.count(b"HTTP/1.1") == 1
        assert b" 401 " in answer
        writer.close()


async def test_a_header_that_drips_is_dropped(live, monkeypatch):
    monkeypatch.setattr(servers, "HEADER_SECONDS", 0.05)
    async with live() as server:
        for start in (b"", b"GET /heal"):
            reader, writer = await server.raw(start)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()


async def test_a_second_header_that_drips_is_dropped_too(live, monkeypatch):
    monkeypatch.setattr(servers, "HEADER_SECONDS", 0.05)
    async with live() as server:
        whole = f"GET /health HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
        reader, writer = await server.raw(whole + b"GET /hea")
        try:
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.count(b"HTTP/1.1 200") == 1
        except ConnectionResetError:
            pass
        writer.close()


async def test_a_body_that_drips_is_refused(live, monkeypatch):
    monkeypatch.setattr("agent.web.limits.BODY_SECONDS", 0.05)
    async with live() as server:
        head = f"POST /api/send HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer the-right-token\r\n"
        reader, writer = await server.raw(
            head + "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()


@pytest.mark.slow
async def test_a_patient_connection_serves_many_requests(live, monkeypatch):
    monkeypatch.setattr(servers, "HEADER_SECONDS", 0.05)
    async with live() as server, server.http() as client:
        for _ in range(3):
            assert (await client.get("/health")).status_code == 200
            await asyncio.sleep(0.06)


# Peers that vanish or never read


def flooding(server, stop: asyncio.Event):
    async def flood() -> None:
        while not stop.is_set():
            server.world.say(20, size=5_000)
            await asyncio.sleep(0)

    return flood()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/ws/trace", "/ws/trace?batch=1", "/api/events"])
async def test_a_peer_reset_in_mid_burst_leaves_nothing_behind(live, path, caplog):
    async with live() as server:
        before = len(asyncio.all_tasks())
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(flooding(server, stop))
            for _ in range(5):
                await _reset_in_mid_burst(server, path)
            await _until(lambda: len(asyncio.all_tasks()) <= before + 1)
            async with server.http() as client:
                began = time.perf_counter()
                assert (await client.get("/health")).status_code == 200
                assert time.perf_counter() - began < 5
            stop.set()
        await _until(lambda: len(asyncio.all_tasks()) <= before)
        await asyncio.sleep(0.05)
        used = time.process_time()
        await asyncio.sleep(0.2)
        assert time.process_time() - used < 0.15, "the loop is busy although nothing happens"
    assert caplog.records == []


async def _reset_in_mid_burst(server, path: str) -> None:
    if path.startswith("/ws"):
        text = handshake(server, path)
    else:
        text = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer the-right-token\r\n\r\n".encode()
    reader, writer = await server.raw(text)
    await reader.readexactly(20_000)
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


async def _until(true) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.001)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/ws/trace", "/ws/trace?batch=1", "/api/events"])
async def test_a_peer_that_never_reads_is_dropped_and_delays_nobody(live, monkeypatch, path):
    for module in ("sockets", "streams"):
        monkeypatch.setattr(f"agent.web.{module}.SEND_SECONDS", 0.2)
    async with live() as server:
        before = len(asyncio.all_tasks())
        connections = server.server.server_state.connections
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            if path.startswith("/ws"):
                text = handshake(server, path)
            else:
                text = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer the-right-token\r\n\r\n".encode()
            deaf = socket.create_connection(("127.0.0.1", server.port))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(text)
            await _until(lambda: len(connections) == 1)
            group.create_task(flooding(server, stop))
            async with connect(
                f"ws://{server.host}/ws/trace", additional_headers=BEARER, close_timeout=0.2
            ) as lively:
                async with asyncio.timeout(20):
                    while len(connections) > 1:
                        await lively.recv()
                    await lively.recv()
                stop.set()
            await _until(lambda: not connections)
        deaf.close()
        await _until(lambda: len(asyncio.all_tasks()) <= before)


# Streams


def sse(text: str) -> dict[str, str]:
    return dict(line.partition(": ")[::2] for line in text.split("\n"))


async def test_events_are_streamed_numbered_and_resumed(live):
    async with live() as server, server.http() as client:
        server.world.say(3)
        async with client.stream("GET", "/api/events", headers={"Last-Event-ID": "1"}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["x-accel-buffering"] == "no"
            pieces = blocks(answer)
            assert await anext(pieces) == "retry: 1000"
            first, second = sse(await anext(pieces)), sse(await anext(pieces))
            assert (first["id"], second["id"]) == ("2", "3")
            assert json.loads(second["data"])["seq"] == 3
            await server.world.board.take(_post())
            third = sse(await anext(pieces))
            assert json.loads(third["data"])["type"] == "test_status"
            assert third["id"] == "4"


def _post():
    from agent.core.checks import Post

    return Post(event="suite_start", suite="x", count=1)


async def blocks(answer):
    """The events of a stream, one text each."""
    text = ""
    async for piece in answer.aiter_text():
        text += piece
        while "\n\n" in text:
            block, _, text = text.partition("\n\n")
            yield block


async def test_who_fell_behind_is_told(live):
    async with live() as server, server.http() as client:
        server.world.say((1 << 14) + 5)
        async with client.stream("GET", "/api/events?since=1") as answer:
            pieces = blocks(answer)
            await anext(pieces)
            gap = sse(await anext(pieces))
            assert gap["event"] == "gap"
            assert json.loads(gap["data"])["from"] == 2
            following = sse(await anext(pieces))
            assert int(following["id"]) == int(gap["id"]) + 1


async def test_silence_is_kept_alive(live, monkeypatch):
    monkeypatch.setattr("agent.web.streams.KEEP_ALIVE_SECONDS", 0.01)
    async with (
        live() as server,
        server.http() as client,
        client.stream("GET", "/api/events") as answer,
    ):
        pieces = blocks(answer)
        await anext(pieces)
        assert [await anext(pieces) for _ in range(2)] == [": keep-alive"] * 2


async def test_the_stream_is_of_one_channel_when_asked(live):
    async with (
        live() as server,
        server.http() as client,
        client.stream("GET", "/api/events?channel=side") as answer,
    ):
        pieces = blocks(answer)
        await anext(pieces)
        server.world.say(1)
        server.world.say(1, channel="side")
        assert json.loads(sse(await anext(pieces))["data"])["channel"] == "side"


# The end


async def test_at_the_end_streams_and_sockets_hear_goodbye(live):
    async with (
        asyncio.timeout(20),
        live() as server,
        server.http() as client,
        client.stream("GET", "/api/events") as answer,
        connect(f"ws://{server.host}/ws", additional_headers=BEARER) as chat,
    ):
        pieces = blocks(answer)
        await anext(pieces)
        await chat.recv()
        server.server.handle_exit(15, None)
        assert [piece async for piece in pieces] == ["event: bye\ndata: {}"]
        with pytest.raises(ConnectionClosed) as closed:
            await chat.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert server.world.runtime.chats == 0


async def test_what_must_settle_settles_before_the_goodbye(live):
    async with live() as server:
        seen = []

        async def settle() -> None:
            seen.append(server.world.stop.is_set())

        server.server._settle = settle
    assert seen == [False]
    assert server.world.stop.is_set()


async def test_what_nobody_waits_for_any_more_is_cancelled(live, caplog):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def fork(_name, _wish):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with live() as server:
        server.world.runtime.fork = fork
        async with server.http() as client:
            work = asyncio.create_task(client.post("/api/traces/r-1/fork", json={}))
            await begun.wait()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await asyncio.wait_for(ended.wait(), 10)
        await _until(lambda: not server.server.server_state.tasks)
    assert [r for r in caplog.records if "Exception in ASGI" in r.getMessage()] == []


def test_a_second_signal_ends_at_once(live, monkeypatch, world):
    ended = []
    monkeypatch.setattr("agent.web.server.os._exit", ended.append)
    server = servers.Server(servers.server_config(world.app, host="127.0.0.1", port=1), world.stop)
    server.handle_exit(15, None)
    assert ended == []
    server.handle_exit(2, None)
    assert ended == [130]


def test_a_port_in_use_is_said(live):
    first = servers.bind("127.0.0.1", 0)
    first.listen()
    with pytest.raises(OSError, match="in use"):
        servers.bind("127.0.0.1", first.getsockname()[1])
    first.close()


async def test_an_answer_does_not_wait_for_an_acknowledgement(live):
    async with live() as server:
        _, writer = await server.raw(b"GET")
        await _until(lambda: server.server.server_state.connections)
        for connection in server.server.server_state.connections:
            sock = connection.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.transport.abort()


async def test_the_server_says_nothing_about_itself(live):
    async with live() as server, server.http() as client:
        assert "server" not in (await client.get("/health")).headers


def test_a_dropped_connection_without_a_server_is_no_error():
    wait.drop({})
