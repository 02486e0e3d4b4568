"""nginx/framescope.conf, in a real nginx, in front of an application that shows what arrived."""

import os
import re
import socket
import subprocess
import threading
from pathlib import Path

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CONFIG = Path(__file__).resolve().parent.parent / "nginx" / "framescope.conf"
GUARD = 20.0
SECRET = "canary-token"
LONG_CACHE = "public, max-age=31536000, immutable"


class Upstream:
    """An application that tells what nginx sent, on a port of its own."""

    def __init__(self):
        self.go_on = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        config = uvicorn.Config(
            self._app(), log_config=None, ws="websockets-sansio", lifespan="off"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.should_exit = True
        self.go_on.set()
        self.thread.join(GUARD)
        self.socket.close()

    def _app(self):
        return Starlette(
            routes=[
                Route("/api/events", self.events),
                Route("/api/{name}", self.headers, methods=["GET", "POST"]),
                Route("/static/assets/gone.js", lambda _: Response(status_code=404)),
                Route("/{path:path}", self.file),
                WebSocketRoute("/ws", self.echo),
            ]
        )

    async def headers(self, request):
        await request.body()
        return JSONResponse(dict(request.headers))

    async def file(self, request):
        return PlainTextResponse("file", headers={"Cache-Control": "private, max-age=7"})

    async def events(self, request):
        async def lines():
            yield "data: one\n\n"
            await anyio.to_thread.run_sync(self.go_on.wait)
            yield "data: two\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def echo(self, ws):
        await ws.accept()
        await ws.send_json({"query": ws.url.query, "host": ws.headers["host"]})
        async for text in ws.iter_text():
            await ws.send_text(text)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def render(folder, upstream, port):
    """Put this test's ports into the file; root's workers must reach root's folder."""
    text, listens = re.subn(r"\blisten 8080\b", f"listen 127.0.0.1:{port}", CONFIG.read_text())
    text, servers = re.subn(r"\b127\.0\.0\.1:8000\b", f"127.0.0.1:{upstream}", text)
    assert (listens, servers) == (2, 1)
    (folder / "temp").mkdir()
    path = folder / "framescope.conf"
    path.write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    return path


class Nginx:
    """A running nginx: its address and what it logged."""

    def __init__(self, program, folder, upstream):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.folder = folder
        config = render(folder, upstream, self.port)
        self.command = [program, "-p", str(folder), "-c", str(config)]

    def __enter__(self):
        # It returns when it listens.
        started = subprocess.run(self.command, capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        return self

    def __exit__(self, *exc):
        httpx.get(self.url)  # its pid file is there before its first answer
        subprocess.run([*self.command, "-s", "stop"], check=True, capture_output=True)

    def logged(self):
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@pytest.fixture(scope="module")
def program(require_program):
    return require_program("nginx", "/usr/sbin/nginx", debian_package="nginx")


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def nginx(program, upstream, tmp_path_factory):
    with Nginx(program, tmp_path_factory.mktemp("nginx"), upstream.port) as running:
        yield running


@pytest.fixture
async def client(nginx):
    async with httpx.AsyncClient(base_url=nginx.url, timeout=GUARD, trust_env=False) as client:
        yield client


def test_nginx_finds_no_fault_with_the_file(nginx):
    checked = subprocess.run([*nginx.command, "-t"], capture_output=True, text=True)
    assert "test is successful" in checked.stderr
    assert "[warn]" not in checked.stderr


def test_the_file_names_no_place_of_a_machine():
    text = re.sub(r"#.*", "", CONFIG.read_text())
    for directive in re.findall(
        r"^\s*(?:pid|error_log|access_log|\w+_temp_path)\s+(\S+)", text, re.MULTILINE
    ):
        assert not directive.startswith("/")
    assert not re.findall(r"/(?:home|root|etc|var|usr|tmp|opt)\b", text)


async def test_a_socket_passes_both_ways(nginx):
    url = f"ws://localhost:{nginx.port}/ws?since=7"
    async with connect(url, proxy=None) as ws:
        assert '"since=7"' in await ws.recv()
        await ws.send("hello")
        assert await ws.recv() == "hello"


async def test_a_stream_arrives_as_it_is_written(client, upstream):
    async with client.stream("GET", "/api/events") as response:
        chunks = response.aiter_text()
        with anyio.fail_after(GUARD):
            assert await anext(chunks) == "data: one\n\n"  # the second is not even written yet
            upstream.go_on.set()
            assert await anext(chunks) == "data: two\n\n"


def test_a_stream_is_never_kept_on_disk():
    """Seen from outside only after gigabytes, so this reads the file."""
    (block,) = re.findall(r"location = /api/events \{(.*?)\}", CONFIG.read_text(), re.DOTALL)
    assert "proxy_buffering off;" in block


@pytest.mark.parametrize(
    ("path", "cache"),
    [
        ("/", "no-cache"),
        ("/static/favicon.svg", "no-cache"),
        ("/static/assets/main-1a2b.js", LONG_CACHE),
        ("/health", "private, max-age=7"),
    ],
)
async def test_how_long_a_file_is_kept(client, path, cache):
    response = await client.get(path)
    assert response.headers.get_list("cache-control") == [cache]


async def test_a_missing_asset_is_not_kept(client):
    response = await client.get("/static/assets/gone.js")
    assert (response.status_code, response.headers.get("cache-control")) == (404, None)


async def test_the_server_learns_who_asked(client, nginx):
    lies = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example"}  # fmt: skip
    seen = (await client.get("/api/frames", headers=lies)).json()
    assert seen["host"] == seen["x-forwarded-host"] == f"localhost:{nginx.port}"
    assert seen["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert seen["x-forwarded-proto"] == "http"
    assert "forwarded" not in seen
    assert "upgrade" not in seen


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/send", 1 << 20), ("/api/replays", 64 << 20), ("/api/import", 64 << 20)],
)
async def test_a_body_has_a_limit(nginx, path, limit):
    assert await first_line(nginx, path, limit + 1) == "HTTP/1.1 413 Request Entity Too Large"
    assert await first_line(nginx, path, limit, expect=True) == "HTTP/1.1 100 Continue"


async def first_line(nginx, path, size, *, expect=False):
    """Announce a body, send none, and return the first line of the answer."""
    lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{nginx.port}", f"Content-Length: {size}"]
    lines += ["Expect: 100-continue"] * expect
    async with await anyio.connect_tcp("127.0.0.1", nginx.port) as stream:
        await stream.send("\r\n".join([*lines, "", ""]).encode())
        with anyio.fail_after(GUARD):
            return (await stream.receive()).decode().splitlines()[0]


async def test_a_large_body_reaches_the_server(client):
    for path, size in (("/api/send", 1 << 20), ("/api/replays", 2 << 20)):
        response = await client.post(path, content=b"x" * size)
        assert response.json()["content-length"] == str(size)


async def test_another_name_gets_nothing(client):
    response = await client.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, "file" in response.text) == (421, False)


async def test_no_query_is_logged(client, nginx):
    await client.get(f"/api/frames?token={SECRET}", headers={"Referer": f"/?token={SECRET}"})
    with pytest.raises(InvalidStatus):
        await connect(f"ws://localhost:{nginx.port}/api/frames?token={SECRET}", proxy=None)
    assert '"GET /api/frames HTTP/1.1" 200' in nginx.logged()
    assert SECRET not in nginx.logged()


async def test_no_query_is_logged_while_the_server_is_away(program, tmp_path):
    with Nginx(program, tmp_path, free_port()) as alone:
        async with httpx.AsyncClient(base_url=alone.url, trust_env=False) as client:
            response = await client.get(f"/api/frames?token={SECRET}")
        assert response.status_code == 502
        assert '"GET /api/frames HTTP/1.1" 502' in alone.logged()
        assert SECRET not in alone.logged()
