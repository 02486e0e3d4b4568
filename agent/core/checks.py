"""The record of a test run, folded from what the suite runner reports.

``advance`` is pure: the same posts always give the same record. The record keeps each result
exactly as it was sent; only the newest ``KEEP`` of them, so that no runner can fill the memory.
"""

import msgspec

from agent.core.errors import Unprocessable
from agent.core.json import Json, fields

KEEP = 5_000


class SuiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything ``GET /api/test/status`` and ``/ws/test`` show."""

    running: bool = False
    current: str = ""
    """Step text directly followed by check text; empty when ended."""
    results: tuple[Json, ...] = ()
    """As sent, oldest first."""
    last_green: Json = None
    last_red: Json = None
    total_expected: int = 0
    suites: tuple[str, ...] = ()
    """Names of the suites in this record, in the order they started."""
    stale: bool = False
    """The runner has been silent for too long."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite runner sends."""

    event: str
    """``suite_start``, ``step_result`` or ``suite_end``."""
    suite: str = ""
    count: Json = None
    """Checks to expect; a truthy one starts a new record."""
    result: Json = None
    """``{"step", "check", "status": "PASS" | "FAIL" | …}``."""


KNOWN = frozenset({"suite_start", "step_result", "suite_end"})


def advance(record: SuiteRecord, post: Post) -> SuiteRecord:
    """Fold one post into the record; an unknown event leaves it as it is.

    Raises:
        Unprocessable: a ``step_result`` whose ``result`` is not an object.
    """
    replace = msgspec.structs.replace
    match post.event:
        case "suite_start":
            return _start(record, post)
        case "step_result":
            return _add(record, post.result)
        case "suite_end":
            return replace(record, running=False, current="", stale=False)
        case _:
            return record


def _start(record: SuiteRecord, post: Post) -> SuiteRecord:
    if post.count:
        count = post.count if isinstance(post.count, int) else 0
        return SuiteRecord(running=True, total_expected=int(count), suites=(post.suite,))
    suites = (*record.suites, post.suite)[-KEEP:]
    return msgspec.structs.replace(record, running=True, current="", suites=suites, stale=False)


def _add(record: SuiteRecord, result: Json) -> SuiteRecord:
    if not isinstance(result, dict):
        raise Unprocessable(f"`result`: expected an object, got {result!r}")
    seen = fields(result)
    green = str(seen.get("status", "")).upper() == "PASS"
    return msgspec.structs.replace(
        record,
        running=True,
        current=f"{seen.get('step', '')}{seen.get('check', '')}",
        results=(*record.results, result)[-KEEP:],
        last_green=result if green else record.last_green,
        last_red=record.last_red if green else result,
        stale=False,
    )


def view(record: SuiteRecord) -> Json:
    """Return the record as it goes over the wire; ``stale`` appears only when it is."""
    shown: Json = {
        "running": record.running,
        "current": record.current,
        "results": record.results,
        "last_green": record.last_green,
        "last_red": record.last_red,
        "total_expected": record.total_expected,
    }
    return {**shown, "stale": True} if record.stale else shown


def finished(record: SuiteRecord, at: int) -> Json:
    """Return what ``GET /api/tests`` shows of a run that ended at ``at`` (Unix milliseconds)."""
    green = sum(str(fields(r).get("status", "")).upper() == "PASS" for r in record.results)
    return {
        "suites": record.suites,
        "finished": at,
        "passed": green,
        "failed": len(record.results) - green,
        "total_expected": record.total_expected,
        "results": record.results,
    }
