"""What a suite found: one result per check and run, and how often each check held."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from agent.core.json import Json

Status = Literal["PASS", "FAIL"]
Verdict = Literal["stable", "flaky", "broken"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One check of one run."""

    file: str
    step: str
    check: str
    status: Status
    detail: str = ""
    """What was expected and what came; empty when it passed."""
    run_id: str = ""
    line: int
    said: str = ""
    """What was sent or clicked."""
    round: int = 1
    """Which repetition."""
    took_ms: float = 0.0
    """Of the whole step; told once, by its first check."""

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return self.status == "PASS"

    def post(self) -> Json:
        """Return what the test board is told."""
        return {
            "suite": self.file,
            "step": self.step,
            "check": self.check,
            "status": self.status,
            "detail": self.detail,
            "run_id": self.run_id,
            "line": self.line,
        }


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """One check over all repetitions."""

    file: str
    line: int
    step: str
    check: str
    said: str
    passed: int
    runs: int

    @property
    def verdict(self) -> Verdict:
        """``stable``: always held; ``broken``: never; ``flaky``: sometimes."""
        if self.passed == self.runs:
            return "stable"
        return "flaky" if self.passed else "broken"


def tallies(results: Sequence[Result]) -> list[Tally]:
    """Count each check, in the order of files and lines."""
    groups: dict[tuple[str, int, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.file, result.line, result.said), []).append(result)
    return [
        Tally(
            file=found[0].file,
            line=found[0].line,
            step=found[0].step,
            check=found[0].check,
            said=found[0].said,
            passed=sum(result.passed for result in found),
            runs=len(found),
        )
        for _, found in sorted(groups.items(), key=lambda group: group[0][:2])
    ]


def document(results: Sequence[Result], took_ms: float) -> Json:
    """Return what ``--json`` prints and ``results.json`` holds."""
    passed = sum(result.passed for result in results)
    counted = tallies(results)
    plain: list[Json] = [{**msgspec.to_builtins(t), "verdict": t.verdict} for t in counted]
    return {
        "passed": passed,
        "failed": len(results) - passed,
        "total": len(results),
        "rate": round(passed / len(results), 4) if results else 0.0,
        "took_ms": round(took_ms, 1),
        "verdicts": {
            name: sum(t.verdict == name for t in counted) for name in ("stable", "flaky", "broken")
        },
        "checks": plain,
        "results": msgspec.to_builtins(results),
    }
