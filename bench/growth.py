"""What a message costs after 10, 1,000 and 10,000 messages of the same conversation.

One durable session a size, all in one process. A round measures a block of each, one right after
the other, so the ratios between sizes come from neighbours in time. Before a block of the smallest
the conversation is cleared and begun anew, or it would not stay small; its store has the age of all
blocks before.
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.contestant import Adapter, pad
from bench.figures import Json, Target, report, say, written_bytes

TARGETS = (
    Target(figure="cost_ratio", limit=1.1),
    Target(figure="written_ratio", limit=1.1),
    Target(figure="written_bytes", limit=60_000),
)
BLOCK = 20
"""Messages in a row of one session."""


class Session:
    """One conversation of a certain length.

    Args:
        folder: where its store goes.
        size: messages in its history when a block begins.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self.costs: list[float] = []
        """Seconds a message, block by block."""
        self.written: list[float] = []
        """Bytes a message, block by block."""
        self._folder = folder
        self._adapter = Adapter()

    async def open(self) -> None:
        """Grow the history."""
        self._folder.mkdir()
        await self._adapter.build("durable", self._folder)
        await self._adapter.preload(self.size)

    async def block(self, *, anew: bool) -> None:
        """Measure some messages."""
        if anew:
            await self._adapter.runtime.clear()
            await self._adapter.preload(self.size)
        before, begin = written_bytes(), time.perf_counter()
        for number in range(BLOCK):
            await self._adapter.run(number, pad(f"hello {number}"))
        self.costs.append((time.perf_counter() - begin) / BLOCK)
        self.written.append((written_bytes() - before) / BLOCK)

    async def close(self) -> None:
        """End."""
        await self._adapter.close()


def compared(smallest: Session, largest: Session) -> Json:
    """Return how much more the long conversation costs: time by rounds, bytes in all."""
    pairs = zip(largest.costs, smallest.costs, strict=True)
    return {
        "cost_ratio": statistics.median([long / short for long, short in pairs]),
        "written_ratio": sum(largest.written) / sum(smallest.written),
    }


async def grow(folder: Path, sizes: tuple[int, ...], rounds: int) -> list[Session]:
    """Measure sessions of all sizes, round by round."""
    sessions = [Session(folder / str(size), size) for size in sizes]
    for session in sessions:
        say(f"growing a conversation to {session.size} messages")
        await session.open()
    for number in range(rounds):
        order = sessions if number % 2 else sessions[::-1]
        for session in order:
            await session.block(anew=session is sessions[0])
    for session in sessions:
        await session.close()
    return sessions


def measure(quick: bool) -> Json:
    """Measure all sizes."""
    sizes, rounds = ((10, 50, 100), 2) if quick else ((10, 1_000, 10_000), 50)
    with TemporaryDirectory() as folder:
        sessions = asyncio.run(grow(Path(folder), sizes, rounds))
    by_size = {
        str(session.size): {
            "us": statistics.median(session.costs) * 1e6,
            "written_bytes": statistics.mean(session.written),
        }
        for session in sessions
    }
    say(by_size)
    largest = max(statistics.mean(session.written) for session in sessions)
    return {
        **compared(sessions[0], sessions[-1]),
        "written_bytes": largest,
        "by_history": by_size,
        "messages_each": rounds * BLOCK,
    }


if __name__ == "__main__":
    report("growth", measure, TARGETS)
