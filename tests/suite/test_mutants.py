"""The shipped suites see what is wrong: each mutation of the agent turns checks red that were green.

``EXPECTED`` names some that must; a check that no mutation could turn red would be worth nothing.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from acceptance.processes import STALL_S, agent, surroundings
from suite.mutant import MUTATIONS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SUITES = ("smoketest", "fast", "fast_v4", "expert_eras", "expert_progress")
FILES = [ROOT / "testcases" / f"{name}.md" for name in SUITES]

EXPECTED = {
    "interpreter": [("fast_v4", 4, "expect_path"), ("fast_v4", 4, "expect_frames"), ("expert_progress", 4, "expect_trace")],
    "result": [("smoketest", 6, "expect_response"), ("fast_v4", 3, "expect_response"), ("expert_eras", 1, "expect_response")],
    "machine": [("smoketest", 9, "expect_state"), ("smoketest", 9, "expect_trace"), ("fast", 9, "expect_state")],
    "click": [("smoketest", 4, "expect_trace"), ("fast_v4", 7, "expect_path"), ("fast_v4", 7, "expect_frames")],
    "buttons": [("smoketest", 3, "expect_actions"), ("fast_v4", 6, "expect_actions")],
    "describe": [("expert_eras", 1, "expect_sql"), ("expert_progress", 1, "expect_response")],
    "cache": [("expert_eras", 2, "expect_sql"), ("expert_progress", 2, "expect_sql")],
    "attempts": [("expert_eras", 4, "expect_response")],
    "progress": [("expert_progress", 1, "expect_response"), ("expert_progress", 3, "expect_response")],
    "memory": [("smoketest", 2, "expect_state"), ("fast_v4", 8, "expect_response")],
    "reflex": [("fast_v4", 1, "expect_path"), ("fast_v4", 10, "expect_frames")],
    "silence": [("smoketest", 1, "expect_response"), ("expert_progress", 1, "expect_trace")],
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Give ``judged(mutation)``: every check of the suites, and whether it holds."""

    @cache
    def run(mutation):
        folder = tmp_path_factory.mktemp(mutation)
        data, log = folder / "data", folder / "log"
        with log.open("w") as told:
            process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("mutant.py"), mutation,
                 "serve", "--no-browser", "--port", "0", "--data-dir", data],
                env=surroundings(), stdout=subprocess.PIPE, stderr=told, text=True,
            )  # fmt: skip
        try:
            assert any("curl" in line for line in process.stdout), log.read_text()
            done = agent("suite", *FILES, "--json", "-", "--data-dir", data, cwd=folder)
        finally:
            process.terminate()
            process.wait(STALL_S)
            process.stdout.close()
        assert done.returncode in (0, 1), done.stderr
        return {
            (Path(r["file"]).stem, int(r["step"].split(".")[0]), r["line"], r["check"]): r["status"]
            for r in json.loads(done.stdout)["results"]
        }

    return run


@pytest.mark.parametrize("mutation", EXPECTED)
def test_a_mutation_of_the_agent_is_seen(judged, mutation):
    good = {check for check, status in judged("none").items() if status == "PASS"}
    red = {check for check in good if judged(mutation)[check] == "FAIL"}
    unseen = [wanted for wanted in EXPECTED[mutation] if not among(wanted, red)]
    assert not unseen, f"red are only {sorted(red)}"


def among(wanted, checks):
    suite, step, begins = wanted
    return any(c[:2] == (suite, step) and c[3].startswith(begins) for c in checks)


def test_the_agent_as_it_is_passes_every_check(judged):
    assert {check for check, status in judged("none").items() if status != "PASS"} == set()


def test_every_mutation_is_expected_to_be_seen():
    assert {*EXPECTED} == {*MUTATIONS} - {"none"}
