"""What kills cost a user: over a thousand of them, what was lost, done twice or torn. Must be nothing.

Families of lives on files of their own, killed by SIGKILL at random moments and, every third life, at
a named stage in turn; after each, the history checker of the tests holds what the client was told
against what is there.
"""

import asyncio
import sys
import time
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "walks"))

from crashes import History, live_and_die

from agent.crash import STAGES
from bench.figures import Json, Target, report, say

TARGETS = (Target(figure="broken_promises", limit=0),)
LIVES = 24
"""Kills that one file lives through."""
PATIENCE = 60
"""Lines that a life tells before it is killed all the same."""


def family(folder: Path, number: int, traps: cycle) -> tuple[History, set[str], str]:
    """Live and die on one file; its history, the stages it was killed at, and what was broken."""
    history, stages = History(folder / f"{number}.db"), set[str]()
    for life in range(LIVES):
        stage = next(traps) if life % 3 == 2 else ""
        trap = stage and f"{stage}:1"
        told, trapped = live_and_die(
            history.file, 10_000 * number + life, trap, at_a_stage=PATIENCE
        )
        history.take(told)
        stages |= {stage} if trapped else set()
        try:
            asyncio.run(history.check())
        except Exception as error:  # whatever is raised is what is measured
            return history, stages, f"{history.file.name}, life {life} {stage}: {error!r}"
    return history, stages, ""


def measure(quick: bool) -> Json:
    """Kill until there were enough."""
    begin, traps = time.perf_counter(), cycle(STAGES)
    figures = {"kills": 0, "acknowledged": 0, "runs": 0, "resumed": 0, "broken_promises": 0}
    stages: set[str] = set()
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.exists() else None) as folder:
        number = 0
        while figures["kills"] < (LIVES if quick else 1_000):
            place = Path(folder) / f"{number}"
            place.mkdir()
            history, reached, broken = family(place, number, traps)
            stages |= reached
            if broken:
                say(broken)
            figures["broken_promises"] += bool(broken)
            figures["kills"] += history.kills
            figures["acknowledged"] += history.acknowledged
            figures["runs"] += len(history.ended)
            figures["resumed"] += history.resumed
            number += 1
            say(f"{figures['kills']} kills, {figures['broken_promises']} broken promises")
    return {**figures, "stages": len(stages), "seconds": time.perf_counter() - begin}


if __name__ == "__main__":
    report("crash", measure, TARGETS)
