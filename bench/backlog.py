"""How fast a queue empties, and how fast it may fill.

Drained: messages queued on one channel of a real server with the built-in model, from the first
send to the last run's end. Accepted: thousands of sends on the Runtime itself, each on disk before
it is acknowledged; afterwards every run must be terminal and done.
"""

import asyncio
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.asyncio.client import ClientConnection

from bench.contestant import Adapter, pad
from bench.figures import Json, Target, report, say
from bench.served import Server, ended, next_end, serving

TARGETS = (
    Target(figure="drained_per_s", limit=50, at_least=True),
    Target(figure="accept_10000_s", limit=30.0),
    Target(figure="lost", limit=0),
)
MESSAGES = ("hello", "make a counter", "how many customers are in Leipzig?")
SENDERS = 16
"""Programs that send at the same time, each waiting for its answer before it sends again."""


async def drain(server: Server, count: int) -> Json:
    """Queue ``count`` messages on the server and wait for all of them."""
    async with server.client() as web, server.socket("/ws/trace") as trace:
        warm = await web.post("/api/send", json={"text": MESSAGES[-1], "queue": True})
        await ended(trace, warm.json()["run_id"])
        runs: set[str] = set()

        async def send(texts: list[str]) -> None:
            for text in texts:
                answer = await web.post("/api/send", json={"text": text, "queue": True})
                runs.add(answer.raise_for_status().json()["run_id"])

        texts = [*islice(cycle(MESSAGES), count)]
        begin = time.perf_counter()
        reader = asyncio.create_task(_all_ended(trace, count))
        async with asyncio.TaskGroup() as group:
            for place in range(SENDERS):
                group.create_task(send(texts[place::SENDERS]))
        sent = time.perf_counter()
        outcomes = await reader
        took = time.perf_counter() - begin
    if outcomes.keys() != runs:
        raise RuntimeError("other runs ended than were sent")
    return {
        "drained_per_s": count / took,
        "drained": count,
        "drained_not_done": sum(outcome != "done" for outcome in outcomes.values()),
        "sent_per_s": count / (sent - begin),
    }


async def _all_ended(trace: ClientConnection, count: int) -> dict[str, str]:
    summaries = [await next_end(trace) for _ in range(count)]
    return {summary["run_id"]: summary["outcome"] for summary in summaries}


async def accept(folder: str, count: int) -> Json:
    """Send ``count`` messages to the Runtime, then wait until every run is over."""
    ours = Adapter()
    await ours.build("durable", folder)
    runtime, accepted = ours.runtime, []

    async def send(numbers: range) -> None:
        accepted.extend([await runtime.send(pad(f"hello {number}")) for number in numbers])

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for place in range(SENDERS):
            group.create_task(send(range(place, count, SENDERS)))
    took = time.perf_counter() - begin
    say(f"{count} sends accepted in {took:.1f} s")
    ends = [await runtime.finished(run) for run in accepted]
    all_done = time.perf_counter() - begin
    await ours.close()
    return {
        "accepted": count,
        "accept_10000_s": took / count * 10_000,
        "lost": sum(str(run.status) != "done" for run in ends),
        "accepted_drained_per_s": count / all_done,
    }


def measure(quick: bool) -> Json:
    """Measure both."""
    with serving() as server:
        drained = asyncio.run(drain(server, 12 if quick else 300))
    say(drained)
    with TemporaryDirectory() as folder:
        accepted = asyncio.run(accept(folder, 200 if quick else 10_000))
    say(accepted)
    return {**drained, **accepted}


if __name__ == "__main__":
    report("backlog", measure, TARGETS)
