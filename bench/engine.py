"""What the engine costs a message: five trivial nodes over the real Runtime, against the floor.

In memory the floor is bare awaits; durable (accept and result are on disk before they are
acknowledged) it is one commit at synchronous=FULL of a 4 KB trace.

``memory`` is a message through the Runtime's front door: sent, queued, taken by the channel's worker,
awaited. ``engine`` is what the engine alone makes of one: its pass through the graph, each tick's
records kept, every event of it published, the whole trace put together and published too.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.core.events import FrameTraced
from agent.core.frames import Envelope, FrameTrace, Summary
from agent.core.journal import trace_of
from agent.core.runs import Run, RunStatus
from agent.core.state import fresh
from agent.engine.effects import LivePort
from agent.engine.engine import ENGINE, Pass
from agent.runtime.live import LiveRun
from agent.runtime.parts import scene_of
from bench.contestant import Adapter, pad
from bench.figures import (
    Json,
    Target,
    alternate,
    best_of,
    repeated,
    report,
    say,
    written_bytes,
)
from bench.floor import Committed, Plain

TARGETS = (
    Target(figure="memory_x_floor", limit=4.0),
    Target(figure="engine_x_floor", limit=4.0),
    Target(figure="durable_x_floor", limit=4.0),
    Target(figure="written_bytes", limit=60_000),
)
WARM = 100


async def memory(folder: str, rounds: int) -> Json:
    """Measure with everything in memory."""
    plain, ours = Plain(), Adapter()
    await ours.build("memory", folder)
    subject = repeated(lambda number: ours.run(number, pad(f"hello {number}")), 200)
    floor = best_of(3, repeated(lambda _number: plain.run("calibration"), 200))
    await repeated(lambda number: ours.run(number, pad(f"warm {number}")), WARM)()
    found = await alternate(floor, subject, rounds)
    await ours.close()
    return found


class Alone:
    """The engine between a store and the hub, without the doors of the Runtime."""

    def __init__(self, ours: Adapter) -> None:
        self._parts = parts = ours.parts
        edition = parts.library.edition("bench")
        self._program, self._world = edition.program, parts.world(edition)
        self._state = fresh("anonymous")
        self._loop = asyncio.get_running_loop()

    async def run(self, number: int, text: str) -> FrameTrace:
        """Take one message through the graph and publish its trace."""
        parts, publish = self._parts, self._parts.hub.publish
        begun = parts.clock.now_ms()
        name = f"r-{number:012d}-0000"
        run = Run(
            n=number,
            run_id=name,
            status=RunStatus.RUNNING,
            channel="main",
            text=text,
            created=begun,
        )
        await parts.store.accept(run)
        live = LiveRun(run, parts.store, publish, self._loop)
        port = LivePort(parts.clock, live, parts.redactor)
        scene = scene_of(run, ())
        going = Pass(self._program, self._world, scene, port, live, live.emit, publish, self._state)
        await going.run({self._program.spec.start: Envelope(kind="message", text=text)})
        trace = trace_of(run, going.frames, going.post_frames, live.effects.values())
        summary = Summary(lambda: trace)
        publish(FrameTraced(node=ENGINE, run_id=name, channel="main", trace=summary))
        return trace


async def alone(folder: str, rounds: int) -> Json:
    """Measure the engine by itself, in memory."""
    plain, ours = Plain(), Adapter()
    await ours.build("memory", folder)
    engine = Alone(ours)
    trace = await engine.run(0, pad("hello"))
    assert [len(trace.frames), trace.frames[3].said] == [5, pad("said " + pad("hello"))]
    subject = repeated(lambda number: engine.run(number + 1, pad(f"hello {number}")), 200)
    floor = best_of(3, repeated(lambda _number: plain.run("calibration"), 200))
    await subject()
    found = await alternate(floor, subject, rounds)
    await ours.close()
    return found


async def durable(folder: str, rounds: int) -> Json:
    """Measure with everything on disk, and count what is written."""
    committed, ours = Committed(Path(folder) / "floor.db"), Adapter()
    await ours.build("durable", folder)
    size, written = 20, 0
    block = repeated(lambda number: ours.run(number, pad(f"hello {number}")), size)

    async def counted() -> float:
        nonlocal written
        before = written_bytes()
        took = await block()
        written += written_bytes() - before
        return took

    floor = repeated(lambda number: committed.run(pad(f"hello {number}")), size)
    await repeated(lambda number: ours.run(number, pad(f"warm {number}")), WARM)()
    found = await alternate(floor, counted, rounds)
    await ours.close()
    committed.close()
    per_message = written / (rounds * size)
    return {**found, "written_bytes": per_message, "floor_trace_bytes": committed.trace_bytes}


def measure(quick: bool) -> Json:
    """Measure both variants."""
    with TemporaryDirectory() as folder:
        in_memory = asyncio.run(memory(folder, 2 if quick else 40))
        say("memory ", in_memory)
        by_itself = asyncio.run(alone(folder, 2 if quick else 40))
        say("engine ", by_itself)
        on_disk = asyncio.run(durable(folder, 2 if quick else 60))
        say("durable", on_disk)
    return {
        "memory_x_floor": in_memory["x_floor"],
        "engine_x_floor": by_itself["x_floor"],
        "durable_x_floor": on_disk["x_floor"],
        "written_bytes": on_disk["written_bytes"],
        "memory": in_memory,
        "engine": by_itself,
        "durable": on_disk,
    }


if __name__ == "__main__":
    report("engine", measure, TARGETS)
