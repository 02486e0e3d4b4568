"""What the engine costs a message: five trivial nodes over the real Runtime, against the floor.

In memory the floor is bare awaits; durable (accept and result are on disk before they are
acknowledged) it is one commit at synchronous=FULL of a 4 KB trace.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

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
        on_disk = asyncio.run(durable(folder, 2 if quick else 60))
        say("durable", on_disk)
    return {
        "memory_x_floor": in_memory["x_floor"],
        "durable_x_floor": on_disk["x_floor"],
        "written_bytes": on_disk["written_bytes"],
        "memory": in_memory,
        "durable": on_disk,
    }


if __name__ == "__main__":
    report("engine", measure, TARGETS)
