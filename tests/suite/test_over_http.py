"""The shipped suites against an endpoint: the same program, three variables, and a real socket.

The built-in model stands in for a real one, with the habits real ones have. Whatever the habit, the
suites are as green as without a socket; a message that is declined costs its own checks, and no more.
"""

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from acceptance.processes import ROOT, Served, agent, command, surroundings
from standin import HABITS, THOUGHT, Habit, StandIn
from upstream import Act, problem, serving, silent, whole

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CHECKS = {"smoketest": 40, "fast_v4": 28, "expert_eras": 23, "fast": 23}
"""The last is for v3-framed, whose thinker is offered tools; in v4-eras calls are part of a plan."""
STALL_S = 600
Write = Callable[..., Path]


async def run(
    act: Act, folder: Path, *arguments: object, base_url: str = ""
) -> tuple[int, str, str, str]:
    """Run ``suite`` with the three variables set; its exit code, stdout, stderr and the URL."""
    async with serving() as upstream:
        upstream.plays(act)
        process = await asyncio.create_subprocess_exec(
            *command("suite", "--data-dir", folder / "data", *arguments),
            cwd=folder,
            env=surroundings(
                AGENT_LLM_BASE_URL=base_url or upstream.url, AGENT_LLM_API_KEY="sk-canary-0123456789",
                AGENT_LLM_MODEL="stand-in",
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(STALL_S):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode(), upstream.url


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
async def test_the_suites_are_green_whatever_the_habit(habit: Habit, tmp_path: Path) -> None:
    act = StandIn(habit)
    names = ["fast"] if habit.call else list(CHECKS)
    files = [ROOT / "testcases" / f"{name}.md" for name in names]
    code, out, err, _ = await run(act, tmp_path, *files, "--parallel", 4, "--json", "-")
    results = json.loads(out)["results"] if out else []
    failed = [(r["step"], r["check"], r["detail"]) for r in results if r["status"] != "PASS"]
    assert not failed, err
    assert (code, len(results)) == (0, sum(CHECKS[name] for name in names))
    assert act.requests > len(results)
    assert bool(act.calls_in_words) == bool(habit.call or not habit.tools)


async def test_a_message_that_is_declined_costs_its_own_checks(tmp_path: Path) -> None:
    act = StandIn(Habit(declines=re.compile("per city")))
    suite = ROOT / "testcases" / "smoketest.md"
    code, out, err, _ = await run(act, tmp_path, suite, "--json", "-")
    failed = [result for result in json.loads(out)["results"] if result["status"] != "PASS"]
    assert (code, {result["step"] for result in failed}) == (1, {"10. Customers by city"}), err
    for result in failed:
        assert 'declined to answer: "I can\'t help with that."' in result["detail"]


async def test_a_run_that_fails_passes_no_check(tmp_path: Path, write: Write) -> None:
    path = write('send: hello\n- expect_trace: no tool_call\n- expect_response: not contains "x"')
    code, out, _, _ = await run(whole(400, problem("too warm")), tmp_path, path, "--json", "-")
    assert (code, [r["status"] for r in json.loads(out)["results"]]) == (1, ["FAIL", "FAIL"])
    assert "'too warm'" in json.loads(out)["results"][0]["detail"]


WRONG: dict[str, tuple[Act, str]] = {
    "another key": (whole(401, problem("bad key sk-canary-0123456789")), "check AGENT_LLM_API_KEY"),
    "no credit": (whole(402, problem("pay")), "top it up"),
    "another path": (whole(404, b"not here"), "such as /v1"),
}


@pytest.mark.parametrize(("act", "advice"), WRONG.values(), ids=WRONG)
async def test_an_endpoint_that_cannot_be_used_is_told_at_once(
    act: Act, advice: str, tmp_path: Path
) -> None:
    suite = ROOT / "testcases" / "smoketest.md"
    code, out, err, url = await run(act, tmp_path, suite)
    assert (code, out) == (2, "")
    assert f"the server has no model to ask: input: model_failed: {url[7:-3]} answered" in err
    assert advice in err
    assert "FAIL" not in err
    assert "sk-canary" not in err


async def test_a_server_that_is_silent_too_long_is_told_with_the_setting(tmp_path: Path) -> None:
    async with serving() as upstream:
        upstream.plays(silent)
        (tmp_path / "data").mkdir()
        env = {
            "AGENT_LLM_BASE_URL": upstream.url,
            "AGENT_LLM_MODEL": "m",
            "AGENT_LLM_TIMEOUT_S": "4",
        }
        arguments = ("send", "hello", "--data-dir", tmp_path / "data")
        done = await asyncio.to_thread(partial(agent, *arguments, cwd=tmp_path, **env))
    assert done.returncode == 1
    told = done.stderr + done.stdout
    assert re.search(r"sent nothing for 1 s|no complete answer within 4 s", told), told
    assert "raise AGENT_LLM_TIMEOUT_S" in told


async def test_an_endpoint_where_nothing_listens_is_told_at_once(tmp_path: Path) -> None:
    suite = ROOT / "testcases" / "smoketest.md"
    code, _, err, _ = await run(whole(200, b""), tmp_path, suite, base_url="http://127.0.0.1:9/v1")
    assert code == 2
    assert "127.0.0.1:9 refused the connection (3 tries); check that the server runs" in err


# What a user sees of a model that thinks aloud


@pytest.mark.parametrize("habit", ["thinks", "thinks apart", "begins inside its thought"])
async def test_thoughts_reach_observers_and_replay_exact_but_are_no_answer(
    habit: str, tmp_path: Path
) -> None:
    async with serving() as upstream:
        upstream.plays(StandIn(HABITS[habit]))
        await asyncio.to_thread(_talk, upstream.url, tmp_path)


def _talk(url: str, folder: Path) -> None:
    served = Served(folder / "data", AGENT_LLM_BASE_URL=url, AGENT_LLM_MODEL="stand-in")
    try:
        run_id = served.ask("How many customers are in Leipzig?")["run_id"]
        lines = served.get("/api/trace", last=1000)["lines"]
        told = {
            kind: [e for e in lines if e["event"] == kind] for kind in ("thinking", "streaming")
        }
        assert any(THOUGHT.strip()[:30] in event["text"] for event in told["thinking"])
        shown = json.dumps(
            [told["streaming"], served.get("/api/history"), served.get("/api/result")]
        )
        assert "29" in shown
        assert "Let me see" not in shown
        assert "think>" not in shown
        done = served.cli("replay", run_id)
        assert (done.returncode, done.stdout.split()[0]) == (0, "exact"), done.stdout
    finally:
        served.close()
