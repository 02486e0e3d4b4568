"""Kills, and the checker of what is left: the client's log against runs, frames, journal and ledger.

Children are forked from a process that has imported everything, so that a life costs what it does
and not what Python needs to start.
"""

import atexit
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from functools import cache
from pathlib import Path

import msgspec
from crash_child import CHANNELS, GRAPHS, world

from agent.core.errors import Conflict, UnknownOutcome, Unprocessable
from agent.core.runs import TERMINAL, Run, RunStatus
from agent.runtime.ports import RunFilter

HERE = Path(__file__).resolve().parent
LINES = (1, 2, 3, 5, 8, 20, 60)
"""After how many lines a life may end."""
AT_A_STAGE = 400
"""Lines that a life may tell before the stage that kills it must have been reached."""


@cache
def nursery() -> subprocess.Popen:
    """Return the process that children are forked from."""
    path = os.pathsep.join(map(str, [HERE.parents[1], HERE.parent, HERE]))
    process = subprocess.Popen(
        [sys.executable, str(HERE / "crash_child.py")], env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    atexit.register(process.communicate)
    return process


def live_and_die(
    file: Path, seed: int, trap: str = "", *, at_a_stage: int = AT_A_STAGE
) -> tuple[list[list], bool]:
    """Live once on ``file`` and be killed; what it told, and whether the trap did it."""
    chance = random.Random(seed)
    patience = at_a_stage if trap else chance.choice(LINES)
    parent = nursery()
    parent.stdin.write(json.dumps([str(file), seed, trap]) + "\n")
    told: list[list] = []
    pid = killed = 0
    for line in parent.stdout:
        what, *rest = told_now = json.loads(line)
        if what == "born":
            (pid,) = rest
        elif what == "died":
            break
        else:
            told.append(told_now)
        if pid and not killed and len(told) >= patience:
            killed = pid
            for _ in range(chance.randint(0, 4000)):  # somewhere between two lines
                pass
            os.kill(pid, signal.SIGKILL)
    assert rest == [-signal.SIGKILL], f"seed {seed} {trap} ended by itself: {told[-3:]} {rest}"
    return told, not killed


class History:
    """Everything that one file's lives told, and what was found after each of them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.asked: dict[str, str] = {}
        """Key → text, whether acknowledged or not."""
        self.has: dict[str, str] = {}
        """Key → run id, as acknowledged."""
        self.ended: dict[str, tuple] = {}
        """Run id → terminal state and what was said, as first seen."""
        self.intended: set[str] = set()
        """Entries whose intent stands in a journal."""
        self.booked: set[str] = set()
        """Entries that a journal says were written."""
        self.seq = 0
        self.kills = self.acknowledged = 0
        self.resumed = 0

    def take(self, told: list[list]) -> None:
        """Add what one life told."""
        self.kills += 1
        for what, *rest in told:
            if what == "asks":
                self.asked[rest[0]] = rest[1]
            elif what == "has":
                assert rest[1] not in self.has.values(), "an id was given out twice"
                self.has[rest[0]] = rest[1]
                self.acknowledged += 1
            else:
                self.seq = max(self.seq, *rest)

    async def check(self) -> None:
        """Open what is left, let it finish, and hold it to every promise."""
        async with world(self.file) as rt:
            assert rt.hub.last >= self.seq, "a number is given out twice"
            for key, text in self.asked.items():
                await self._check_send(rt, key, text)
            for name in self.has.values():
                await rt.finished(await rt.find(name))
            for live in [*rt._lanes.lives.values()]:  # what was resumed
                await live.wait()
            await self._check_resumes(rt)
            runs = await rt._parts.store.runs(RunFilter(limit=1_000_000))
            self._check_runs(runs)
            for run in runs:
                if run.run_id not in self.ended:
                    await self._check_trace(rt, run)
                    self.ended[run.run_id] = (run.status, run.response, run.error)
            for channel in CHANNELS:
                await check_conversation(rt, channel, {run.n: run for run in runs})
        self._check_rows()
        self._check_ledger()

    async def _check_resumes(self, rt) -> None:
        """What is interrupted at the end of a conversation goes on, and is done then."""
        for channel in CHANNELS:
            head = rt._lanes.open(channel).row.head
            run = await rt.numbered(head) if head else None
            if run is None or run.status is not RunStatus.INTERRUPTED:
                continue
            try:
                follower = await rt.resume(run.run_id)
            except UnknownOutcome:
                follower = await rt.resume(run.run_id, unknown="fail")
            except Conflict as refused:
                if "went on as" not in str(refused):
                    raise
                continue
            done = await rt.finished(follower)
            assert (done.status, done.parent) == (RunStatus.DONE, run.parent), done.error
            assert (await rt.replay(done.run_id))["verdict"] == "exact"
            self.resumed += 1

    async def _check_send(self, rt, key: str, text: str) -> None:
        """The same key is the same run, whether its answer arrived or not; never another body."""
        channels = [c for c in CHANNELS if await rt._parts.store.key(f"{c}/{key}")]
        assert len(channels) <= 1
        assert channels or key not in self.has, "an acknowledged key is lost"
        for channel in channels:
            run = await rt.send(text, channel=channel, key=key, body_hash=text)
            assert self.has.setdefault(key, run.run_id) == run.run_id
            assert run.text == text
            try:
                await rt.send("other", channel=channel, key=key, body_hash="other")
            except Unprocessable:
                continue
            raise AssertionError("a key was taken with another body")

    def _check_runs(self, runs: list[Run]) -> None:
        names = Counter(run.run_id for run in runs)
        texts = Counter(run.text for run in runs if run.kind == "message")
        assert max(names.values(), default=1) == 1
        assert max(texts.values(), default=1) == 1, "a send was taken twice"
        assert names.keys() >= {*self.has.values()}, "an acknowledged run is lost"
        assert names.keys() >= self.ended.keys(), "a run that was there is gone"
        assert all(run.status in TERMINAL for run in runs)
        for run in runs:
            found = (run.status, run.response, run.error)
            assert self.ended.get(run.run_id, found) == found, "a terminal run has changed"

    async def _check_trace(self, rt, run: Run) -> None:
        """Frames have no gap, and whoever is done did all of them."""
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        for effect in trace.get("effects", []):
            if effect.get("name") == "book":
                entry = effect["request"]["arguments"]["entry"]
                self.intended.add(entry)
                if effect.get("response") == f"booked {entry}":
                    self.booked.add(entry)
        frames = [row["frame"] for row in trace.get("frames", [])]
        assert [*dict.fromkeys(frames)] == [*range(1, max(frames, default=0) + 1)]
        if run.status is RunStatus.DONE:
            assert [row["node"] for row in trace["frames"]] == ["ask", "count", "look"]
            assert [row["node"] for row in trace["post_frames"]] == ["last"]
            assert all("ended" in effect for effect in trace["effects"])
        if run.status is RunStatus.INTERRUPTED and run.kind != "replay":
            assert [*trace.get("frames", []), *trace.get("post_frames", [])]

    def _check_rows(self) -> None:
        with closing(sqlite3.connect(self.file)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows: dict[int, list[int]] = {}
            for (row,) in db.execute("SELECT id FROM journal ORDER BY id"):
                rows.setdefault(row >> 20, []).append(row & (1 << 20) - 1)
            ends = db.execute("SELECT count(*) FROM ends").fetchone()
            runs = db.execute("SELECT count(*) FROM runs").fetchone()
        assert all(found == [*range(1, len(found) + 1)] for found in rows.values()), "a hole"
        assert ends == runs, "a terminal run without an end, or the other way round"

    def _check_ledger(self) -> None:
        ledger = self.file.with_name("ledger.txt")
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        assert len(lines) == len({*lines}), "a write was done twice"
        assert {line.split()[0] for line in lines} <= self.ended.keys()
        assert {*lines} <= self.intended, "a write whose intent was not on disk"
        assert {*lines} >= self.booked, "a write that is not there is called done"


async def check_conversation(rt, channel: str, runs: dict[int, Run]) -> None:
    """The conversation is what the chain of parents from the head says, and so is the state."""
    lane = rt._lanes.open(channel)
    assert lane.row.graph in GRAPHS
    chain: list[Run] = []
    n = lane.row.head
    while n:
        chain.append(runs[n])
        n = runs[n].parent
    assert {run.channel for run in chain} <= {channel}
    said = [text for run in reversed(chain) for text in (run.text, run.response) if text]
    assert [turn["content"] for turn in await rt.history(1000, channel)] == said[-1000:]
    assert rt.state(channel)["history_len"] == len(said)
    counts = [run.response for run in chain if run.status is RunStatus.DONE]
    if counts and counts[0] == chain[0].response:
        assert f"{rt.state(channel)['memorizer']['count']}" == counts[0].lstrip("?")
