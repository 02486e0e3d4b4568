"""The shipped suites against an endpoint: the same program, three variables, and a real socket.

The built-in model stands in for a real one, with the habits real ones have. Whatever the habit, the
suites are as green as without a socket; a message that is declined costs its own checks, and no more.
"""

import asyncio
import json
from pathlib import Path

import pytest
from acceptance.processes import ROOT, command, surroundings
from standin import HABITS, Habit, StandIn
from upstream import Act, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SUITES = [ROOT / "testcases" / f"{name}.md" for name in ("smoketest", "fast_v4", "expert_eras")]
CHECKS = 40 + 28 + 23
STALL_S = 120


async def run(act: Act, folder: Path, *arguments: object) -> tuple[int, str, str, str]:
    """Run ``suite`` with the three variables set; its exit code, stdout, stderr and the URL."""
    async with serving() as upstream:
        upstream.plays(act)
        process = await asyncio.create_subprocess_exec(
            *command("suite", "--data-dir", folder / "data", *arguments),
            cwd=folder,
            env=surroundings(
                AGENT_LLM_BASE_URL=upstream.url, AGENT_LLM_API_KEY="sk-canary-0123456789",
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
    code, out, err, _ = await run(act, tmp_path, *SUITES, "--json", "-")
    results = json.loads(out)["results"] if out else []
    failed = [(r["step"], r["check"], r["detail"]) for r in results if r["status"] != "PASS"]
    assert not failed, err
    assert (code, len(results)) == (0, CHECKS)
    assert act.requests > 40
