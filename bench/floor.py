"""What Python and the disk cost by themselves: the denominators of all ratios.

``Plain`` does the work of the five bench nodes with bare awaits and a TaskGroup. ``Committed`` does
it too, keeps a trace of about 4 KB, and commits that as one row at synchronous=FULL.
"""

import asyncio
import sqlite3
import time
from pathlib import Path

import msgspec

from bench.contestant import pad

PROMPT = pad("what the node was told:", 330)


class Visit(msgspec.Struct):
    """One node's visit."""

    node: str
    started: int
    ended: int
    inputs: list[str]
    output: str
    detail: str


async def _node(label: str, text: str) -> str:
    return pad(f"{label} {text}")


class Plain:
    """Bare awaits: input, director, thinker, then output and ui side by side."""

    async def run(self, text: str) -> str:
        """Do the work of one message."""
        await _node("perceived", text)
        await _node("plan", text)
        await _node("answer", text)
        async with asyncio.TaskGroup() as group:
            said = group.create_task(_node("said", text))
            group.create_task(_node("controls", text))
        return said.result()


class Committed:
    """The same with one durable row a message.

    Args:
        file: the database to make.
    """

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE traces(id INTEGER PRIMARY KEY, body BLOB)")
        self.trace_bytes = 0

    async def run(self, text: str) -> str:
        """Do the work of one message and return when its trace is on disk."""
        visits: list[Visit] = []
        for label in ("perceived", "plan", "answer"):
            await self._visit(label, text, visits)
        async with asyncio.TaskGroup() as group:
            said = group.create_task(self._visit("said", text, visits))
            group.create_task(self._visit("controls", text, visits))
        body = msgspec.json.encode([text, visits, said.result()])
        self._db.execute("INSERT INTO traces(body) VALUES(?)", (body,))
        self.trace_bytes = len(body)
        return said.result()

    async def _visit(self, label: str, text: str, visits: list[Visit]) -> str:
        started = time.perf_counter_ns()
        output = await _node(label, text)
        inputs = [text, *(visit.node for visit in visits)]
        visits.append(Visit(label, started, time.perf_counter_ns(), inputs, output, PROMPT))
        return output

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
