"""Runs made into cases, played by the suite runner with a real server: how fast, and how many hold.

Every check that is kept must hold when its case is played, and must have failed on a mutation.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Json, Target, report
from bench.served import ROOT, plain_environment, serving

TARGETS = (
    Target(figure="frames_per_s", limit=200, at_least=True),
    Target(figure="failed", limit=0),
    Target(figure="unproved", limit=0),
)
MESSAGES = (
    "hello",
    "my name is Ada",
    "how many customers are in Leipzig?",
    "make a counter",
    "list all properties in Leipzig",
)


def command(data: Path, *arguments: object) -> Json:
    """Run a command of the product on ``data`` and return the JSON it printed."""
    whole = [sys.executable, "-m", "agent", *map(str, arguments), "--data-dir", str(data)]
    done = subprocess.run(
        whole, cwd=ROOT, env=plain_environment(), capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout)


def made(data: Path, folder: Path) -> tuple[list[Any], int]:
    """Have the messages answered and make a case of each run; return them and their frames."""
    cases: list[Any] = []
    frames = 0
    for number, text in enumerate(MESSAGES):
        run_id = command(data, "send", text, "--json")["run_id"]
        [trace] = command(data, "frames", run_id, "--json")["traces"]
        frames += trace["total_frames"]
        cases.append(command(data, "test-from", run_id, "--out", folder / f"{number}.md", "--json"))
    return cases, frames


def measure(quick: bool) -> Json:
    """Make the cases, then play all of them again and again."""
    repeat = 2 if quick else 40
    with TemporaryDirectory() as place:
        data, folder = Path(place) / "data", Path(place) / "cases"
        with serving(data):
            cases, frames = made(data, folder)
            files = [case["file"] for case in cases]
            found = command(data, "suite", *files, "--repeat", repeat, "--json", "-")
    checks = [check for case in cases for check in case["checks"]]
    kept = [check for check in checks if not check["vacuous"]]
    return {
        "cases": len(cases),
        "checks": len(kept),
        "vacuous": len(checks) - len(kept),
        "unproved": sum(not check["fails_on"] for check in kept),
        "played": len(cases) * repeat,
        "failed": found["failed"],
        "frames_per_s": frames * repeat / found["took_ms"] * 1000,
    }


if __name__ == "__main__":
    report("cases", measure, TARGETS)
