"""What a change must pass: ``check`` (style, types, layers, generated files) and ``test`` (all).

Every gate runs even when one before it failed, so one run shows everything that is wrong. A check
speaks when it fails; the test runners are heard as they go. What a gate needs and this machine
lacks makes it skip with the reason, and fail where ``CI`` is set: there, nothing may be missing.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
MODULES = STATIC / "node_modules"
TSC, VITEST = MODULES / "typescript" / "bin" / "tsc", MODULES / "vitest" / "vitest.mjs"
NOTHING_SELECTED = 5
"""What pytest returns when no test matches."""
UNIT, SLOW = "not slow and not e2e", "(slow or hypothesis) and not e2e"
NO_BROWSER = "--ignore=tests/e2e"
"""All of it is e2e: to import what is then left out takes as long as many tests."""


class Verdict(StrEnum):
    """How a gate ended."""

    PASSED = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One command that a change must pass."""

    name: str
    argv: tuple[str, ...]
    cwd: Path = ROOT
    live: bool = False
    """Its output is shown as it comes, not only after a failure."""
    accepts: frozenset[int] = frozenset({0})
    lacks: str = ""
    """What this machine must have first, and how to get it."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one gate went."""

    gate: Gate
    verdict: Verdict
    seconds: float
    output: str = ""


def check() -> int:
    """Run the checks; return 0 when all passed, 1 when one did not."""
    return run(checks())


def test(args: Sequence[str]) -> int:
    """Run the checks and all tests; ``args`` go to pytest. Return 0 or 1, as ``check`` does."""
    return run([*checks(), *tests(args)])


def bench(args: Sequence[str]) -> int:
    """Run the measurements in ``bench/``; they print JSON on stdout."""
    return subprocess.run([sys.executable, "-m", "bench", *args], cwd=ROOT, check=False).returncode  # noqa: S603


def run(gates: Sequence[Gate]) -> int:
    """Run all gates in order, tell how each went, and sum up."""
    outcomes = [_tell(_run(gate)) for gate in gates]
    failed = [one.gate.name for one in outcomes if one.verdict is Verdict.FAILED]
    total = sum(one.seconds for one in outcomes)
    passed = sum(one.verdict is Verdict.PASSED for one in outcomes)
    _write(f"{passed} of {len(outcomes)} gates passed in {total:.1f} s")
    if failed:
        _write(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def checks() -> list[Gate]:
    """Return the gates that look at the source without running it."""
    python = sys.executable
    return [
        Gate(name="ruff check", argv=(python, "-m", "ruff", "check", "--quiet", ".")),
        Gate(name="ruff format", argv=(python, "-m", "ruff", "format", "--check", ".")),
        Gate(name="pyright", argv=(python, "-m", "pyright")),
        Gate(name="lint-imports", argv=(str(Path(python).with_name("lint-imports")),)),
        Gate(name="generated files", argv=(python, "-m", "agent.generate", "--check")),
        _node_gate("tsc", TSC, ("--noEmit",)),
    ]


def tests(args: Sequence[str]) -> list[Gate]:
    """Return the gates that run the program: the page's tests, the fast part, then the rest."""
    pytest = (sys.executable, "-m", "pytest", "-rs")
    # Named files may well hold no slow test; the whole tree without one is a mistake.
    accepts = frozenset({0, NOTHING_SELECTED} if args else {0})
    unit = pytest if args else (sys.executable, "tests/shares.py", "-rs")
    return [
        _node_gate("vitest", VITEST, ("run",), live=True),
        Gate(
            name="pytest: unit",
            argv=(*unit, "-m", UNIT, NO_BROWSER, *args),
            live=True,
            accepts=accepts,
        ),
        Gate(
            name="pytest: slow",
            argv=(*pytest, "--hypothesis-profile=full", "-m", SLOW, NO_BROWSER, *args),
            live=True,
            accepts=accepts,
        ),
        # A process of its own: the browser's driver keeps an event loop running in the main thread.
        Gate(name="pytest: e2e", argv=(*pytest, "-m", "e2e", *args), live=True, accepts=accepts),
    ]


def _node_gate(name: str, script: Path, args: tuple[str, ...], *, live: bool = False) -> Gate:
    """A script is run by Node itself: the ``npm`` of a Node from a wheel is not on the path."""
    node = shutil.which("node")
    lacks = ""
    if node is None or not script.exists():
        what = "Node" if node is None else script.relative_to(ROOT).as_posix()
        lacks = f"there is no {what}: `python3 run.py test` fetches it"
    argv = (node or "node", str(script), *args)
    return Gate(name=name, argv=argv, cwd=STATIC, live=live, lacks=lacks)


def _run(gate: Gate) -> Outcome:
    if gate.lacks:
        verdict = Verdict.FAILED if os.environ.get("CI") else Verdict.SKIPPED
        return Outcome(gate=gate, verdict=verdict, seconds=0.0, output=gate.lacks)
    if gate.live:
        _write(f"-- {gate.name}")
    started = time.perf_counter()
    code, output = _execute(gate)
    verdict = Verdict.PASSED if code in gate.accepts else Verdict.FAILED
    seconds = time.perf_counter() - started
    return Outcome(gate=gate, verdict=verdict, seconds=seconds, output=output)


def _execute(gate: Gate) -> tuple[int, str]:
    sink = None if gate.live else subprocess.PIPE
    try:
        done = subprocess.run(  # noqa: S603 - our own table of commands
            gate.argv,
            cwd=gate.cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=None if gate.live else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return -1, f"`{gate.argv[0]}` could not be started: {error}"
    return done.returncode, done.stdout or ""


def _tell(outcome: Outcome) -> Outcome:
    _write(f"{outcome.gate.name:<20} {outcome.verdict:<8} {outcome.seconds:6.1f} s")
    if outcome.verdict is not Verdict.PASSED and outcome.output:
        _write("\n".join(f"    {line}" for line in outcome.output.strip().splitlines()))
    return outcome


def _write(text: str) -> None:
    """Write at once: what a gate's own process prints must come after."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
