"""Recorded runs of all paths of two graphs, replayed in other processes: how many are exact, and how fast.

Recorded under one hash seed, replayed under two others, and, where the system allows it, in a
network namespace that has not even a loopback: a replay opens nothing.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from itertools import cycle, islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.app import open_runtime
from agent.runtime.runtime import Runtime
from agent.settings import Settings
from bench.figures import Json, Target, report, say
from bench.served import ROOT, plain_environment

TARGETS = (
    Target(figure="not_exact", limit=0),
    Target(figure="paths", limit=6, at_least=True),
    Target(figure="frames_per_s", limit=200, at_least=True),
)
GRAPHS = ("v3-framed", "v4-eras")
MESSAGES = (
    "hello",
    "make a counter",
    "how many customers are in Leipzig?",
    "what can you do?",
    "list all properties in Leipzig",
)
SEEDS = ("1", "2")
AGAIN = "import sys; from bench.replay import again; again(sys.argv[1])"
NO_NETWORK = ("unshare", "--map-root-user", "--net")


async def record(data: Path, count: int) -> Json:
    """Have ``count`` messages answered; return how many runs took each path."""
    paths: dict[str, int] = {}
    async with open_runtime(Settings(data_dir=data)) as opened:
        for graph in GRAPHS:
            await opened.runtime.switch_graph(graph, channel=graph)
        for graph, text in islice(cycle(product(GRAPHS, MESSAGES)), count):
            run = await opened.runtime.finished(await opened.runtime.send(text, channel=graph))
            paths[run.path] = paths.get(run.path, 0) + 1
    return {"recorded": count, "paths": len(paths), "runs_by_path": paths}


async def replay_all(data: Path) -> dict[str, Any]:
    """Replay every message of the data folder; count what came out."""
    found = {"replayed": 0, "not_exact": 0, "frames": 0, "seconds": 0.0, "first": None}
    async with open_runtime(Settings(data_dir=data)) as opened:
        names = await messages(opened.runtime)
        for name in names:
            trace = json.loads(await opened.runtime.trace(name))
            begin = time.perf_counter()
            verdict = await opened.runtime.replay(name)
            found["seconds"] += time.perf_counter() - begin
            found["replayed"] += 1
            found["frames"] += len(trace["frames"]) + len(trace.get("post_frames", ()))
            if verdict["verdict"] != "exact":
                found["not_exact"] += 1
                found["first"] = found["first"] or verdict
    return found


async def messages(runtime: Runtime) -> list[str]:
    """Return the ids of all recorded messages."""
    names: list[str] = []
    page: dict[str, Any] = {"next": None}
    while not names or page["next"]:
        page = await runtime.runs(kind="message", before=page["next"])
        names += [run["run_id"] for run in page["runs"]]
    return names


def again(data: str) -> None:
    """Replay in this process and print what was found."""
    print(json.dumps(asyncio.run(replay_all(Path(data)))))


def isolation() -> tuple[str, ...]:
    """Return the command that takes the network away; empty where this user may not."""
    if shutil.which(NO_NETWORK[0]):
        tried = subprocess.run((*NO_NETWORK, "true"), check=False, stderr=subprocess.DEVNULL)
        if tried.returncode == 0:
            return NO_NETWORK
    return ()


def in_process(data: Path, seed: str, prefix: tuple[str, ...]) -> dict[str, Any]:
    """Replay in a process of its own with hash seed ``seed``."""
    command = (*prefix, sys.executable, "-c", AGAIN, str(data))
    environment = {**plain_environment(), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def measure(quick: bool) -> Json:
    """Record, then replay under every hash seed."""
    prefix = isolation()
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        recorded = asyncio.run(record(data, 10 if quick else 100))
        rounds = [in_process(data, seed, prefix) for seed in SEEDS]
    say(rounds)
    return {
        **recorded,
        "replayed": sum(each["replayed"] for each in rounds),
        "not_exact": sum(each["not_exact"] for each in rounds),
        "frames_per_s": sum(r["frames"] for r in rounds) / sum(r["seconds"] for r in rounds),
        "hash_seeds": len(SEEDS),
        "without_network": bool(prefix),
    }


if __name__ == "__main__":
    report("replay", measure, TARGETS)
