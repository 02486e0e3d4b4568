"""From a message to the answer: what a person waits, with the built-in model, over a real server.

Two doors, each by the clock of a client beside the server: a message on the chat socket, and a
``POST /api/send``, both until ``done`` on the chat socket. Before each message the run before it is
over, so nobody queues. Between the messages ``/health`` is asked: what any answer of this server
costs here.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
from websockets.asyncio.client import ClientConnection

from bench.figures import Json, Target, percentile, report, say
from bench.served import Server, ended, serving

TARGETS = (
    Target(figure="chat_p50_ms", limit=10.0),
    Target(figure="post_p50_ms", limit=10.0),
    Target(figure="slowest_path_p50_ms", limit=10.0),
)
MESSAGES = {
    "reflex": "hello",
    "pa": "what can you do?",
    "expert": "how many customers are in Leipzig?",
}
WARM = 3
"""Rounds that are not counted: a template is compiled when it is first used."""


class Visitor:
    """A person at the chat socket, and a watcher who knows when a run is over."""

    def __init__(self, web: httpx.AsyncClient, chat: ClientConnection, trace: ClientConnection):
        self._web, self._chat, self._trace = web, chat, trace

    async def by_chat(self, text: str, path: str) -> float:
        """Send over the socket; return the milliseconds until the answer was complete."""
        begin = time.perf_counter()
        await self._chat.send(json.dumps({"text": text}))
        return await self._answered(begin, path)

    async def by_post(self, text: str, path: str) -> float:
        """Send as a program does."""
        begin = time.perf_counter()
        answer = await self._web.post("/api/send", json={"text": text})
        answer.raise_for_status()
        return await self._answered(begin, path)

    async def health(self) -> float:
        """Return the milliseconds of a request that does nothing."""
        begin = time.perf_counter()
        await self._web.get("/health")
        return (time.perf_counter() - begin) * 1000

    async def _answered(self, begin: float, path: str) -> float:
        while True:
            line = json.loads(await self._chat.recv())
            if line["type"] == "done":
                break
        took = (time.perf_counter() - begin) * 1000
        taken = (await ended(self._trace, line["run_id"]))["path"]
        if taken != path:
            raise RuntimeError(f"the message meant for path {path} took {taken}")
        return took


async def visit(server: Server, rounds: int) -> dict[str, list[float]]:
    """Send every message by both doors, ``rounds`` times; return milliseconds by name."""
    found: dict[str, list[float]] = {}
    async with (
        server.client() as web,
        server.socket("/ws") as chat,
        server.socket("/ws/trace") as trace,
    ):
        visitor = Visitor(web, chat, trace)
        for number in range(WARM + rounds):
            for path, text in MESSAGES.items():
                took = {
                    f"chat {path}": await visitor.by_chat(text, path),
                    f"post {path}": await visitor.by_post(text, path),
                    "health": await visitor.health(),
                }
                for name, value in took.items() if number >= WARM else ():
                    found.setdefault(name, []).append(value)
    return found


def summed(found: dict[str, list[float]]) -> Json:
    """Put the figures together: each door over all paths, and every path by itself."""
    figures: dict[str, Any] = {}
    for door in ("chat", "post"):
        values = [v for name, all_ in found.items() if name.startswith(door) for v in all_]
        figures[f"{door}_p50_ms"] = statistics.median(values)
        figures[f"{door}_p95_ms"] = percentile(values, 0.95)
    medians = {name: statistics.median(values) for name, values in found.items()}
    figures["slowest_path_p50_ms"] = max(medians.values())
    figures["health_p50_ms"] = medians["health"]
    figures["chat_x_health"] = figures["chat_p50_ms"] / medians["health"]
    figures["paths"] = {
        name: {"p50_ms": medians[name], "p95_ms": percentile(values, 0.95)}
        for name, values in found.items()
    }
    return figures


def measure(quick: bool) -> Json:
    """Measure all paths by both doors."""
    with serving() as server:
        found = asyncio.run(visit(server, 2 if quick else 60))
    say({name: round(statistics.median(values), 2) for name, values in found.items()})
    return summed(found)


if __name__ == "__main__":
    report("latency", measure, TARGETS)
