"""kill -9 at any moment: nothing acknowledged is lost, nothing runs twice, nothing has holes."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from agent.core.runs import TERMINAL, RunStatus
from agent.runtime.ports import RunFilter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from crash_child import world  # noqa: E402

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LIVES = 6
"""Kills that one file has to survive, one after the other."""


def live_and_die(file: Path, seed: int) -> list[str]:
    """Start the program, kill it after a seeded number of lines, return all it said."""
    chance = random.Random(seed)
    patience = chance.choice([1, 2, 3, 5, 8, 20, 60, 150])
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE.parent), str(HERE)])
    child = subprocess.Popen(
        [sys.executable, str(HERE / "crash_child.py"), str(file), str(seed)],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines: list[str] = []
    try:
        for _ in range(patience):
            line = child.stdout.readline()
            assert line, "the program ended by itself"
            lines.append(line.strip())
        for _ in range(chance.randint(0, 4000)):  # somewhere between two lines
            pass
    finally:
        child.send_signal(signal.SIGKILL)
        lines += [line.strip() for line in child.stdout.read().splitlines()]
        child.wait()
        child.stdout.close()
    return lines


def journal(file: Path) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for (row,) in db.execute("SELECT id FROM journal ORDER BY id"):
            found.setdefault(row >> 20, []).append(row & (1 << 20) - 1)
    return found


async def look(file: Path, acknowledged: list[str], interrupted_before: set[str]) -> set[str]:
    """Open what is left, let it finish, and hold it to every promise."""
    async with world(file, loud=False) as rt:
        runs = [await rt.find(name) for name in acknowledged]
        for run in runs:
            await rt.finished(run)
        everything = await rt._parts.store.runs(RunFilter(limit=100_000))
        assert {run.run_id for run in everything} >= set(acknowledged)
        assert all(run.status in TERMINAL for run in everything)
        assert len({run.n for run in everything}) == len(everything)
        for channel in ("main", "side"):
            await check_history(rt, channel, {run.n: run for run in everything})
        interrupted = {run.run_id for run in everything if run.status is RunStatus.INTERRUPTED}
        for name in interrupted - interrupted_before:
            trace = msgspec.json.decode(await rt.trace(name))
            last = [*trace.get("frames", []), *trace.get("post_frames", [])][-1:]
            assert trace["kind"] == "replay" or last
    for rows in journal(file).values():
        assert rows == list(range(1, len(rows) + 1)), "a journal has a hole"
    return interrupted


async def check_history(rt, channel, runs) -> None:
    """The conversation is what the chain of parents from the head says."""
    lane = rt._lanes.open(channel)
    expected: list[str] = []
    n = lane.row.head
    while n:
        run = runs[n]
        assert run.channel == channel
        expected = [run.text, *([run.response] if run.response else []), *expected]
        n = run.parent
    assert [turn["content"] for turn in await rt.history(1000, channel)] == expected[-1000:]
    assert rt.state(channel)["history_len"] == len(expected)
    counts = [
        int(run.response)
        for run in sorted(runs.values(), key=lambda r: r.n)
        if run.n == lane.row.head and run.response.isdigit()
    ]
    if counts:
        assert rt.state(channel)["memorizer"]["count"] == counts[0]


@pytest.mark.parametrize("family", range(6))
async def test_killed_at_any_moment_it_keeps_its_promises(tmp_path, family):
    file = tmp_path / "framescope.db"
    said: list[str] = []
    interrupted: set[str] = set()
    for life in range(LIVES):
        said += live_and_die(file, 100 * family + life)
        acknowledged = [line.split()[1] for line in said if line.startswith("ack ")]
        written = [line.split()[1] for line in said if line.startswith("write ")]
        assert len(set(acknowledged)) == len(acknowledged), "an id was given out twice"
        assert len(set(written)) == len(written), "a write was done twice"
        if file.exists():
            interrupted = await look(file, acknowledged, interrupted)
    assert any(line.startswith("ack ") for line in said), json.dumps(said)
