"""From the command to the first answer, what stays resident, and what the imports cost.

A start is warm: the data folder exists and every file has been read before. Between the starts a
bare interpreter is started, which is the floor. Through ``run.py`` it is measured only where that
has nothing left to prepare: a measurement installs and builds nothing.
"""

import asyncio
import runpy
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Json, Target, report, say
from bench.served import ROOT, Server, ended, serving

TARGETS = (
    Target(figure="server_s", limit=0.5),
    Target(figure="run_py_s", limit=1.0),
    Target(figure="idle_mb", limit=100.0),
    Target(figure="after_message_mb", limit=100.0),
)
MODULE = (sys.executable, "-m", "agent")
RUN_PY = ("python3", str(ROOT / "run.py"))
IMPORTS = "import agent.cli, agent.serve, agent.app"
SHOWN = 10
REST_SECONDS = 1.0


def floor() -> float:
    """Return the seconds a bare interpreter takes to start and end."""
    begin = time.perf_counter()
    subprocess.run((sys.executable, "-c", "pass"), check=True)
    return time.perf_counter() - begin


def start(data: Path, command: Sequence[str]) -> float:
    """Return the seconds from the command to the first 200 of ``/health``."""
    begin = time.perf_counter()
    with serving(data, command=command):
        return time.perf_counter() - begin


def starts(data: Path, rounds: int) -> Json:
    """Start again and again, by every way there is."""
    prepared = runpy.run_path(str(ROOT / "run.py"))["Bootstrap"](ROOT).current()
    if not prepared:
        say("run.py has something to prepare here: start it once, then measure")
    found: dict[str, list[float]] = {"floor": [], "server": [], "run_py": []}
    for _ in range(rounds):
        found["floor"].append(floor())
        found["server"].append(start(data, MODULE))
        if prepared:
            found["run_py"].append(start(data, RUN_PY))
    say({way: [round(took, 3) for took in all_] for way, all_ in found.items()})
    medians = {f"{way}_s": statistics.median(all_) for way, all_ in found.items() if all_}
    return {**medians, "server_x_floor": medians["server_s"] / medians["floor_s"]}


async def talk(server: Server) -> None:
    """Have one message of each kind answered."""
    async with server.client() as web, server.socket("/ws/trace") as trace:
        for text in ("hello", "make a counter", "how many customers are in Leipzig?"):
            answer = await web.post("/api/send", json={"text": text})
            await ended(trace, answer.raise_for_status().json()["run_id"])


def resident(data: Path) -> Json:
    """Return what the server keeps in memory when it rests, before and after the first messages."""
    with serving(data) as server:
        time.sleep(REST_SECONDS)
        idle = server.resident_mb()
        asyncio.run(talk(server))
        time.sleep(REST_SECONDS)
        return {"idle_mb": idle, "after_message_mb": server.resident_mb()}


def import_times(told: str) -> list[tuple[float, str]]:
    """Read what ``-X importtime`` tells; return (milliseconds by itself, module), slowest first."""
    rows: list[tuple[float, str]] = []
    for line in told.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if line.startswith("import time:") and own.strip().isdigit():
            rows.append((int(own) / 1000, rest.rpartition("|")[2].strip()))
    return sorted(rows, reverse=True)


def imports() -> Json:
    """Import what the server imports and say which modules take longest."""
    command = (sys.executable, "-X", "importtime", "-c", IMPORTS)
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    rows = import_times(told)
    for took, module in rows[:SHOWN]:
        say(f"  {took:7.1f} ms  {module}")
    return {"imports_ms": sum(took for took, _ in rows), "modules": len(rows)}


def measure(quick: bool) -> Json:
    """Measure starts, memory and imports."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        start(data, MODULE)
        return {**starts(data, 1 if quick else 9), **resident(data), **imports()}


if __name__ == "__main__":
    report("startup", measure, TARGETS)
