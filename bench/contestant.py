"""This runtime as a contestant of an engine benchmark: five trivial nodes over the real Runtime.

Variants: ``memory`` (traces and events in memory) and ``durable`` (SQLite at synchronous=FULL:
accept and result are on disk before they are acknowledged).
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.stores.memory import MemoryStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.frames import Envelope
from agent.core.messages import ModelReply
from agent.runtime.hub import Hub
from agent.runtime.library import Library
from agent.runtime.parts import Parts
from agent.runtime.runtime import Runtime
from agent.runtime.sensor import Sensor
from agent.runtime.suites import SuiteBoard
from agent.runtime.workspace import shipped

NODES = ("input", "director", "thinker", "output", "ui")
NOWHERE = Path("/nonexistent")
GRAPH = (
    'name = "bench"\n'
    + "".join(f'[[node]]\nrole = "{name}"\nimpl = "{name}"\n' for name in NODES)
    + """
[[edge]]
from = "input"
to = ["director"]
[[edge]]
from = "director"
to = ["thinker"]
[[edge]]
from = "thinker"
to = ["output", "ui"]
"""
)


def pad(prefix: str, size: int = 200) -> str:
    """Exactly ``size`` characters, so that every contestant moves the same information."""
    return (prefix + " " + "lorem ipsum dolor sit amet " * (size // 20 + 2))[:size]


async def input_node(ctx, _envelope):
    return Envelope(kind="perceived", text=pad("perceived " + ctx.message))


async def director(ctx, _envelope):
    return Envelope(kind="plan", text=pad("plan " + ctx.message))


async def thinker(ctx, _envelope):
    return Envelope(kind="answer", text=pad("answer " + ctx.message))


async def output(ctx, _envelope):
    ctx.say(pad("said " + ctx.message))


async def ui(ctx, _envelope):
    return Envelope(kind="controls", text=pad("controls " + ctx.message))


class NoModel:
    """No node asks it."""

    default_model = "none"
    label = "none"

    async def complete(self, request, on_text):
        return ModelReply()


class Adapter:
    name = "ours"
    dist = None
    variants = ("memory", "durable")
    durable = ("durable",)
    growth_variants = ("durable",)

    async def build(self, variant, workdir, history=False):
        del history  # a session always keeps its messages here
        clock = SystemClock()
        durable = variant == "durable"
        self.store = SqliteStore(Path(workdir) / "ours.db") if durable else MemoryStore()
        loaded = self.store.load()
        hub = Hub(clock.now_ns, first=loaded.first_seq, reserve=self.store.reserve)
        code = dict(zip(NODES, (input_node, director, thinker, output, ui), strict=True))
        library = Library(shipped(code), graphs=NOWHERE, prompts=NOWHERE)
        library.add(GRAPH, "bench.toml")
        self.parts = parts = Parts(
            hub=hub,
            store=self.store,
            clock=clock,
            library=library,
            model=NoModel(),
            tools={},
            sensor=Sensor(hub, clock.now_ms, lambda: 0),
            board=SuiteBoard(hub, clock, save=lambda _record: None),
        )
        self.stack = AsyncExitStack()
        opened = Runtime.open(parts, loaded, graph="bench")
        self.runtime = await self.stack.enter_async_context(opened)

    async def preload(self, n):
        for i in range(n // 2):
            await self.run(i, pad(f"msg {i}"))

    async def run(self, i, text):
        del i
        runtime = self.runtime
        run = await runtime.finished(await runtime.send(text, at_once=True))
        return run.response

    async def flush(self):
        await asyncio.sleep(0)

    async def close(self):
        await self.stack.aclose()
        await self.store.close()


ADAPTER = Adapter
