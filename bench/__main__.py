"""Run all measurements, one after the other, and print one JSON object: name → its line.

Exit codes: 0 every target was met, 1 one was missed, 2 a measurement could not run.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAMES = (
    "engine",
    "growth",
    "backlog",
    "crash",
    "latency",
    "fanout",
    "startup",
    "replay",
    "cases",
    "scale",
    "diff",
    "sql",
    "hud",
)


def line_of(name: str, options: Sequence[str]) -> dict[str, Any]:
    """Run one measurement in a process of its own and return what it printed."""
    command = (sys.executable, str(HERE / f"{name}.py"), *options)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"name": name, "failed": f"ended with {done.returncode}", "ok": False}
    return json.loads(done.stdout)


def summary(lines: dict[str, dict[str, Any]]) -> str:
    """Return one line a target, for people."""
    rows: list[str] = []
    for name, line in lines.items():
        if "failed" in line:
            rows.append(f"{name:<8} FAILED  {line['failed']}")
        for target in line.get("targets", ()):
            word = {True: "ok", False: "MISSED", None: "not measured"}[target["ok"]]
            bound = "at_most" if "at_most" in target else "at_least"
            limit = f"{bound.replace('_', ' ')} {target[bound]:g}"
            rows.append(
                f"{name:<8} {target['figure']:<22} {target['value']!s:>10}  {limit}  {word}"
            )
    return "\n".join(rows)


def verdict(lines: dict[str, dict[str, Any]]) -> int:
    """Return the exit code."""
    if any("failed" in line for line in lines.values()):
        return 2
    return 0 if all(line["ok"] for line in lines.values()) else 1


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a smoke run: a few rounds only")
    given = parser.parse_args()
    unknown = sorted({*given.names} - {*NAMES})
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}; there are: {', '.join(NAMES)}")
    lines: dict[str, dict[str, Any]] = {}
    for name in given.names or NAMES:
        print(f"-- {name}", file=sys.stderr, flush=True)
        lines[name] = line_of(name, ["--quick"] if given.quick else [])
    print(summary(lines), file=sys.stderr)
    print(json.dumps(lines))
    return verdict(lines)


if __name__ == "__main__":
    sys.exit(main())
