"""Fifty watchers of one log: is anybody delayed by one who never reads, or by one who is torn off?

The delay of an event is the time from its stamp to the moment a watcher holds it; server and
watchers share this machine's clock. The same steady load is watched twice, without and with a
client that takes nothing. Then clients ask for a burst and are reset in its middle: a moment later
the server must be idle.
"""

import asyncio
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection

from bench.figures import Json, Target, percentile, report, say
from bench.served import Server, answers, chatter, deaf, ended, reset, serving, talk

TARGETS = (
    Target(figure="p95_ms", limit=250.0),
    Target(figure="deaf_x_alone", limit=1.5),
    Target(figure="rss_growth_mb", limit=64.0),
    Target(figure="idle_processor", limit=0.05),
    Target(figure="answers_after_resets", limit=1, at_least=True),
)
WATCHERS = 49
"""And one who never reads."""
GROUP, PAUSE_MS = 5, 50
"""The load: 100 thoughts a second, 5,000 messages a second in all."""
BURST = 20_000
IDLE_SECONDS = 2.0
SETTLE_SECONDS = 1.5


class Line(msgspec.Struct):
    """What a watcher needs of an event."""

    event: str
    ts: float
    run_id: str


async def watch(socket_: ClientConnection, delays: list[float]) -> None:
    """Note how old each thought is when it comes."""
    read = msgspec.json.Decoder(Line).decode
    while True:
        line = read(await socket_.recv())
        if line.event == "thinking":
            delays.append(time.time_ns() / 1e6 - line.ts)


@asynccontextmanager
async def watching(server: Server, count: int) -> AsyncIterator[list[float]]:
    """Have ``count`` watchers until the block ends; the delays they see are in the list."""
    delays: list[float] = []
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(server.socket("/ws/trace")) for _ in range(count)
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watch(each, delays)) for each in sockets]
            yield delays
            for task in tasks:
                task.cancel()


async def delays(server: Server, watchers: int, seconds: float) -> list[float]:
    """Watch a steady load for some seconds."""
    thoughts = int(seconds * 1000 / PAUSE_MS) * GROUP
    async with watching(server, watchers) as seen:
        await talk(server, f"{thoughts} {GROUP} {PAUSE_MS}")
    if len(seen) < 0.99 * watchers * thoughts:
        raise RuntimeError(f"{watchers} watchers saw {len(seen)} of {watchers * thoughts} thoughts")
    return seen


@contextmanager
def silent(server: Server) -> Iterator[socket.socket]:
    """Have a client that never reads until the block ends."""
    plain = deaf(server, "/ws/trace")
    try:
        yield plain
    finally:
        plain.close()


async def torn_off(server: Server, times: int) -> Json:
    """Reset clients in the middle of a burst and look whether the server comes to rest."""
    async with server.client() as web:
        for _ in range(times):
            await _tear(server, web)
    await asyncio.sleep(SETTLE_SECONDS)
    before = server.processor_seconds()
    await asyncio.sleep(IDLE_SECONDS)
    share = (server.processor_seconds() - before) / IDLE_SECONDS
    return {"idle_processor": share, "answers_after_resets": int(answers(server)), "resets": times}


async def _tear(server: Server, web: httpx.AsyncClient) -> None:
    victims = [deaf(server, path) for path in ("/ws/trace", "/ws/trace?batch=1", "/ws")]
    async with server.socket("/ws/trace") as trace:
        answer = await web.post("/api/send", json={"text": f"{BURST // 10} 50 1"})
        run = answer.raise_for_status().json()["run_id"]
        for _ in range(100):
            await trace.recv()
        for victim in victims:
            reset(victim)
        await ended(trace, run)


async def measured(server: Server, quick: bool) -> Json:
    """Do all of it on one server."""
    watchers, seconds, rounds = (5, 0.5, 1) if quick else (WATCHERS, 3.0, 3)
    await talk(server, "100 10 1")
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(percentile(await delays(server, watchers, seconds), 0.95))
        with silent(server):
            beside.append(percentile(await delays(server, watchers, seconds), 0.95))
        say(f"p95 {alone[-1]:.1f} ms, beside a deaf one {beside[-1]:.1f} ms")
    with silent(server):
        before = server.resident_mb()
        await talk(server, f"{BURST // 20 if quick else BURST} 100 1")
        grown = server.resident_mb() - before
    return {
        "p95_ms": statistics.median(beside),
        "p95_alone_ms": statistics.median(alone),
        "deaf_x_alone": statistics.median(
            [with_deaf / without for with_deaf, without in zip(beside, alone, strict=True)]
        ),
        "watchers": watchers + 1,
        "messages_per_s": watchers * GROUP * 1000 / PAUSE_MS,
        "rss_growth_mb": grown,
        **await torn_off(server, 1 if quick else 5),
    }


def measure(quick: bool) -> Json:
    """Serve a graph that talks as much as it is told to."""
    with TemporaryDirectory() as folder, serving(options=chatter(Path(folder) / "own")) as server:
        return asyncio.run(measured(server, quick))


if __name__ == "__main__":
    report("fanout", measure, TARGETS)
