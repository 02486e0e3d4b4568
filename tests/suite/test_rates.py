"""How much of other people's wording the built-in model understands: it may rise, never fall."""

import json
import subprocess

import pytest
from acceptance.processes import ROOT, command, surroundings

STALL_S = 300
RATES = {"paraphrases": (285, 285), "held_out": (114, 156)}
"""Checks that hold, of how many; docs/suites.md tells the same."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RATES)
def test_no_rate_falls(name, tmp_path):
    done = subprocess.run(
        command("suite", ROOT / f"testcases/{name}.md", "--data-dir", tmp_path, "--json", "-"),
        cwd=tmp_path, env=surroundings(), capture_output=True, text=True, timeout=STALL_S,
    )  # fmt: skip
    results = json.loads(done.stdout)["results"]
    held = sum(result["status"] == "PASS" for result in results)
    least, total = RATES[name]
    assert len(results) == total
    assert held >= least
    assert f"{least} of {total}" in (ROOT / "docs/suites.md").read_text("utf-8")
