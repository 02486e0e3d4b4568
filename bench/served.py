"""A real server as a program of its own, what the system says about it, and clients of it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What every request must carry."""
        return {"authorization": f"Bearer {self.token}"}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def client(self) -> httpx.AsyncClient:
        """Open a client for its routes."""
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=60)

    def socket(self, path: str) -> connect:
        """Open one of its sockets."""
        url = self.url.replace("http", "ws", 1) + path
        return connect(url, additional_headers=self.headers, max_size=None, compression=None)

    def processor_seconds(self) -> float:
        """Return the processor time it has used so far."""
        fields = (
            Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> float:
        """Return its resident memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the server has no resident memory: it is gone")


def plain_environment() -> dict[str, str]:
    """Return this process's variables without those that configure a server."""
    ours = ("AGENT_", "AUTH_", "ZITADEL_", "OPENAI_", "OPENROUTER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextlib.contextmanager
def serving(
    folder: Path | None = None,
    options: Sequence[str] = (),
    command: Sequence[str] = (sys.executable, "-m", "agent"),
) -> Iterator[Server]:
    """Serve on a free port of this machine until the block ends.

    Args:
        folder: the data folder; a temporary one when left out.
        options: further options of ``serve``.
        command: how the program is started.
    """
    with contextlib.ExitStack() as stack:
        data = folder or Path(stack.enter_context(TemporaryDirectory())) / "data"
        where = ("serve", "--no-browser", "--port", "0", "--data-dir", str(data))
        log = stack.enter_context((data.parent / "server.log").open("w+"))
        process = subprocess.Popen(
            (*command, *where, *options), cwd=ROOT, env=plain_environment(),
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        try:
            yield healthy(process, data, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def healthy(process: subprocess.Popen[bytes], data: Path, log) -> Server:
    """Return the server as soon as it answers ``/health``.

    Raises:
        RuntimeError: it ended, or never answered; with what it had to say.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        server = announced(process, data)
        if server is not None and answers(server):
            return server
        time.sleep(0.002)
    log.seek(0)
    raise RuntimeError(f"the server did not answer in {START_SECONDS:.0f} s: {log.read()[-2000:]}")


def announced(process: subprocess.Popen[bytes], data: Path) -> Server | None:
    """Return what this process wrote about itself, nothing before it did."""
    try:
        said = json.loads((data / "server.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return Server(process, said["url"], said["token"]) if said["pid"] == process.pid else None


def answers(server: Server) -> bool:
    """Say whether ``/health`` answers 200 within a second."""
    request = b"GET /health HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
    host, port = server.address
    try:
        with socket.create_connection(server.address, timeout=1) as plain:
            plain.sendall(request % f"{host}:{port}".encode())
            return plain.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def deaf(server: Server, path: str) -> socket.socket:
    """Open a socket that never reads what it is sent, with hardly any room to keep it."""
    host, port = server.address
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(5)
    plain.connect(server.address)
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {server.token}",
    )
    plain.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    status = plain.recv(12)
    if not status.endswith(b"101"):
        raise RuntimeError(f"{path}: expected an upgrade, got {status!r}")
    return plain


def reset(plain: socket.socket) -> None:
    """Leave without a goodbye: the peer gets a reset, also for what is still on its way."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


async def next_end(trace: ClientConnection) -> dict[str, Any]:
    """Read ``/ws/trace`` until a run is over and on disk; return the summary of its trace."""
    while True:
        line = json.loads(await trace.recv())
        if line["event"] == "frame_trace":
            return line["trace"]


async def ended(trace: ClientConnection, run: str) -> dict[str, Any]:
    """Wait until ``run`` is over and on disk; return the summary of its trace."""
    while True:
        summary = await next_end(trace)
        if summary["run_id"] == run:
            return summary


async def talk(server: Server, text: str) -> None:
    """Send a message and wait until it is over, without reading what everybody is told."""
    async with server.client() as web:
        answer = await web.post("/api/send", json={"text": text})
        run = answer.raise_for_status().json()["run_id"]
        while (await web.get(f"/api/runs/{run}")).json()["status"] in ("queued", "running"):
            await asyncio.sleep(LOOK_SECONDS)


CHATTER = '''"""A node that tells as many things as the message says: ``<how many> <a pause after each ms>``."""

import asyncio

from agent.core.frames import Envelope


async def chatter(ctx, envelope):
    """Tell, in groups that share a pause."""
    count, group, pause_ms = (int(word) for word in envelope.text.split())
    for number in range(count):
        ctx.think(f"thought {number:06d} of {count}, long enough to be worth a look in a list")
        if group and number % group == group - 1:
            await asyncio.sleep(pause_ms / 1000)
    ctx.say("told")
'''
GRAPH = """
name = "chatter"
description = "One node that talks"

[[node]]
role = "chatter"
impl = "chatter"
"""


def chatter(folder: Path) -> tuple[str, ...]:
    """Make a workspace whose one node talks, and return the options that serve it."""
    (folder / "nodes").mkdir(parents=True)
    (folder / "graphs").mkdir()
    (folder / "nodes" / "chatter.py").write_text(CHATTER, "utf-8")
    (folder / "graphs" / "chatter.toml").write_text(GRAPH, "utf-8")
    return ("--workspace", str(folder), "--graph", "chatter")
