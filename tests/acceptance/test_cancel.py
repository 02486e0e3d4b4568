"""Ctrl-C, a cancel by id and the end of the server stop forks and cases; what is left says so."""

import json
import os
import signal
import subprocess

import pytest
from acceptance.processes import command, events, surroundings

TOOL = '''"""A tool that is quick once, and then never ends."""

import asyncio
from pathlib import Path

from agent.tools import tool

here = Path(__file__).parent


@tool(effect="read")
async def look(at: str = "", *, log) -> dict:
    """Look at something."""
    if not (here / "hang").exists():
        return {"seen": 1}
    log("it hangs")
    if (here / "begun").exists():  # a pipe whose other end somebody waits at
        (here / "begun").write_text("it hangs")
    try:
        await asyncio.Event().wait()
    finally:
        (here / "stopped").touch()
'''
NODE = '''"""Looks."""


async def looks(ctx, envelope):
    await ctx.call("look", {"at": ctx.state["memory"].get("at", "")})
    ctx.say("done")
'''
GRAPH = """
name = "looks"
[[node]]
role = "looks"
impl = "looks"
"""


@pytest.fixture
def desk(tmp_path):
    folder = tmp_path / "desk"
    for name, file, text in (
        ("tools", "look.py", TOOL),
        ("nodes", "looks.py", NODE),
        ("graphs", "looks.toml", GRAPH),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text(text)
    return folder


def forking(served, run: str) -> tuple[subprocess.Popen, str]:
    """Have a fork of ``run`` hang in its tool; return the command and the fork's id."""
    arguments = ("fork", run, "--set", "memory/at=there", "--json", "--data-dir", served.data)
    process = subprocess.Popen(
        command(*arguments), cwd=served.cwd, env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with served.http.stream("GET", "/api/events", params={"since": 0}) as response:
        for event in events(response):
            if event["event"] == "process_line" and event["line"] == "it hangs":
                return process, event["run_id"]
    raise AssertionError("the events ended")


def cut(served, fork: str, *, kind: str = "fork") -> None:
    ended = served.get(f"/api/runs/{fork}")
    assert (ended["kind"], ended["status"], ended["error"]) == (kind, "cancelled", "cancelled")
    trace = served.get(f"/api/traces/{fork}")
    assert [row["error"] for row in trace["frames"]] == ["cancelled"]
    assert [e["error"]["code"] for e in trace["effects"] if e.get("error")] == ["cancelled"]


@pytest.fixture
def looked(serve, desk):
    """A server on which a run has looked, and whose tool hangs from now on."""
    served = serve("--workspace", desk, "--graph", "looks", AGENT_SHUTDOWN_GRACE_S="0.1")
    run = served.send("hello")
    ended = served.ended(run)
    assert ended["status"] == "done", ended["error"]
    (desk / "tools" / "hang").touch()
    return served, run


def test_ctrl_c_of_the_command_cancels_its_fork(looked, desk):
    served, run = looked
    process, fork = forking(served, run)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    process.stdout.close()
    served.ended(fork)
    cut(served, fork)
    assert (desk / "tools" / "stopped").exists()


def test_ctrl_c_cancels_a_fork_that_no_server_runs(looked, serve, desk):
    served, run = looked
    assert served.close() == 0
    pipe = desk / "tools" / "begun"
    os.mkfifo(pipe)
    arguments = ("fork", run, "--set", "memory/at=there", "--data-dir", served.data)
    process = subprocess.Popen(
        command(*arguments, "--workspace", desk), cwd=served.cwd, env=surroundings(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert pipe.read_text() == "it hangs"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert (desk / "tools" / "stopped").exists()
    pipe.unlink()
    two = serve("--workspace", desk, "--graph", "looks")
    [fork] = two.get("/api/runs", kind="fork")["runs"]
    cut(two, fork["run_id"])


def test_a_fork_is_cancelled_by_its_id(looked, desk):
    served, run = looked
    process, fork = forking(served, run)
    cancelled = served.cli("cancel", fork, "--json")
    assert json.loads(cancelled.stdout) == {"run_id": fork, "status": "cancelled"}
    assert cancelled.returncode == 0
    assert (desk / "tools" / "stopped").exists()
    answer, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(answer)["status"]) == (1, "cancelled")
    cut(served, fork)
    assert served.cli("cancel", run).returncode == 1


def test_a_case_that_takes_too_long_is_cancelled_and_its_checks_fail(serve, desk):
    served = serve("--workspace", desk, "--graph", "looks")
    run = served.send("hello")
    assert served.ended(run)["status"] == "done"
    assert served.cli("test-from", run, "--out", served.cwd / "looks.md").returncode == 0
    (desk / "tools" / "hang").touch()
    played = served.cli("suite", "looks.md", "--mode", "live", "--timeout", "1", "--json", "-")
    assert played.returncode == 1
    steps = json.loads(played.stdout)
    assert (steps["passed"], "no end within 1 s; cancelled" in played.stdout) == (0, True)
    [case, *_] = served.get("/api/runs", kind="test")["runs"]
    served.ended(case["run_id"])
    cut(served, case["run_id"], kind="test")
    assert (desk / "tools" / "stopped").exists()


def test_a_server_that_ends_or_is_killed_leaves_no_fork_at_work(looked, serve, desk):
    served, run = looked
    process, fork = forking(served, run)
    assert served.close() == 0
    assert process.wait(30) != 0
    process.stdout.close()
    two = serve("--workspace", desk, "--graph", "looks")
    cut(two, fork)
    process, fork = forking(two, run)
    two.kill()
    assert process.wait(30) != 0
    process.stdout.close()
    three = serve("--workspace", desk, "--graph", "looks")
    assert three.get(f"/api/runs/{fork}")["status"] == "interrupted"
