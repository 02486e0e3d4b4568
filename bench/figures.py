"""How a measurement reports: one JSON line, figures beside targets, a floor in the same process.

This machine's speed drifts and others use it too, so a time alone says little. Where it can be, a
figure is a ratio: short blocks of a *floor* (what the language or the disk costs by itself) stand
between the measured blocks, each measured block is divided by the mean of its two neighbours, and
the median of those ratios is the figure.

A script calls ``report``; what people read goes to stderr.
"""

import argparse
import gc
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

Json = dict[str, object]
Block = Callable[[], Awaitable[float]]
"""Does some work and returns the seconds that one piece of it took."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a figure should be."""

    figure: str
    limit: float
    at_least: bool = False
    """The limit is the smallest good value instead of the largest."""

    def judge(self, figures: Json) -> Json:
        """Put the measured value beside the limit; what was not measured is not judged."""
        value = figures.get(self.figure)
        good = None
        if isinstance(value, int | float):
            good = value >= self.limit if self.at_least else value <= self.limit
        bound = "at_least" if self.at_least else "at_most"
        return {"figure": self.figure, bound: self.limit, "value": value, "ok": good}


def report(name: str, measure: Callable[[bool], Json], targets: Sequence[Target]) -> None:
    """Measure and print the line: ``{"name", "quick", "machine", "figures", "targets", "ok"}``."""
    parser = argparse.ArgumentParser(prog=f"bench/{name}.py")
    parser.add_argument("--quick", action="store_true", help="a smoke run: a few rounds only")
    quick = parser.parse_args().quick
    before = load()
    figures = measure(quick)
    judged = [target.judge(figures) for target in targets]
    line = {
        "name": name,
        "quick": quick,
        "machine": {**machine(), "load_before": before, "load_after": load()},
        "figures": rounded(figures),
        "targets": rounded(judged),
        "ok": all(one["ok"] is not False for one in judged),
    }
    print(json.dumps(line), flush=True)


def machine() -> Json:
    """Return what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
    }


def load() -> float:
    """Return how many tasks wanted a processor in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def say(*words: object) -> None:
    """Tell the person who waits."""
    print(*words, file=sys.stderr, flush=True)


def rounded(value: object) -> object:
    """Keep four significant digits of every number inside ``value``."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratios(floors: Sequence[float], blocks: Sequence[float]) -> list[float]:
    """Divide each block by the mean of the floors before and after it."""
    means = [(before + after) / 2 for before, after in pairwise(floors)]
    return [block / floor for block, floor in zip(blocks, means, strict=True)]


async def alternate(floor: Block, subject: Block, rounds: int) -> Json:
    """Measure ``subject`` between blocks of ``floor``.

    Returns the median ratio ``x_floor`` with its tenth and ninetieth percentile, and both medians
    in microseconds.
    """
    floors, blocks = [await floor()], []
    for _ in range(rounds):
        blocks.append(await subject())
        floors.append(await floor())
    found = ratios(floors, blocks)
    return {
        "x_floor": statistics.median(found),
        "x_floor_p10": percentile(found, 0.1),
        "x_floor_p90": percentile(found, 0.9),
        "us": statistics.median(blocks) * 1e6,
        "floor_us": statistics.median(floors) * 1e6,
        "rounds": rounds,
    }


def repeated(once: Callable[[int], Awaitable[object]], times: int) -> Block:
    """Make a block of ``times`` calls; each call is given a number never used before."""
    done = 0

    async def block() -> float:
        nonlocal done
        begin = time.perf_counter()
        for number in range(done, done + times):
            await once(number)
        done += times
        return (time.perf_counter() - begin) / times

    return block


def best_of(tries: int, block: Block) -> Block:
    """Take the fastest of some blocks, without the collector: a floor knows nobody's garbage."""

    async def best() -> float:
        gc.disable()
        try:
            return min([await block() for _ in range(tries)])
        finally:
            gc.enable()

    return best


def written_bytes() -> int:
    """Return how many bytes this process handed to the system's writes so far (Linux)."""
    for line in Path("/proc/self/io").read_text("ascii").splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/io has no line 'wchar:'; bytes can be counted on Linux only")
