"""Trace to test: checks that fit a run, proved on mutations of it, written as a case.

Invariant: every check in a written case holds for the run it came from and fails for at least one
mutation of it; the others are told and left out.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from agent.cases.errors import BadSuite
from agent.cases.expect import ACTION, expectation
from agent.cases.match import Evidence, judge
from agent.cases.parse import parse
from agent.core.errors import Conflict
from agent.core.frames import FrameTrace
from agent.core.json import Json, canonical, fields
from agent.core.state import at
from agent.debugger.cassette import Cassette
from agent.debugger.mutations import MUTATIONS, values_of

FACTS, BUTTONS, CALLS = 3, 3, 5
"""How many checks of a kind are proposed at most."""
VALUE_CHARS = 60
SLACK = 1.5
"""How much more than it took a run may take."""
LEAST_MS = 2000
_WORD = re.compile(r"[^\W\d_]{3,}")
_TABLE = re.compile(r"\b(?:from|join|describe)\s+[\"`\[]?([A-Za-z_]\w*)", re.IGNORECASE)
_LITERAL = re.compile(r"'%?([^'%\n]{2,40})%?'")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed check and what it is worth."""

    line: int
    """In the written case; 0 when it was left out."""
    check: str
    fails_on: tuple[str, ...]
    """Mutations that it sees."""
    vacuous: bool
    """It sees none."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case as text, and how each of its checks was proved."""

    text: str
    checks: tuple[Proof, ...]


def case_of(cassette: Cassette, seen: Evidence, name: str) -> Case:
    """Write the case of a run.

    Args:
        cassette: the run.
        seen: what its replay left.
        name: file name of its cassette.

    Raises:
        Conflict: what was sent or clicked cannot be written in a case.
    """
    proofs = [prove(check, cassette, seen) for check in dict.fromkeys(proposals(cassette, seen))]
    kept = [proof.check for proof in proofs if not proof.vacuous]
    head = _head(cassette, name)
    text = head + "".join(f"- {check}\n" for check in kept)
    try:
        parse(text, "case")
    except BadSuite as error:
        raise Conflict(f"run {cassette.run.run_id} cannot be written as a case: {error}") from None
    first = head.count("\n") + 1
    lines = {check: line for line, check in enumerate(kept, first)}
    numbered = [msgspec.structs.replace(p, line=lines.get(p.check, 0)) for p in proofs]
    return Case(text=text, checks=tuple(numbered))


def prove(check: str, cassette: Cassette, seen: Evidence) -> Proof:
    """Judge ``check``, a line without its dash, on every mutation of what the run left."""
    key, _, value = check.partition(": ")
    expects = expectation(key, value)
    spoilt = {name: mutation(seen, cassette) for name, mutation in MUTATIONS.items()}
    fails_on = tuple(
        [name for name, bad in spoilt.items() if bad is not None and judge(expects, bad)]
    )
    return Proof(line=0, check=check, fails_on=fails_on, vacuous=not fails_on)


def proposals(cassette: Cassette, seen: Evidence) -> list[str]:
    """Return checks that hold for the run, the most telling first."""
    made = (
        *_way(seen.trace),
        *_calls(seen),
        *_facts(cassette, seen),
        *_buttons(seen),
        *_state(cassette.trace, seen),
        *_spent(seen.trace),
    )
    return [check for check in made if _holds(check, seen)]


def _holds(check: str, seen: Evidence) -> bool:
    key, _, value = check.partition(": ")
    try:
        return not judge(expectation(key, value), seen)
    except BadSuite:
        return False  # a name or a value that no line can hold


def _way(trace: Json) -> Iterator[str]:
    yield f"expect_path: {trace['path']}"
    yield f"expect_frames: {trace['total_frames']}"


def _calls(seen: Evidence) -> Iterator[str]:
    calls = [event for event in seen.events if event["event"] == "tool_call"]
    for call in calls[:CALLS]:
        told = "".join(
            f" {key}={quoted(value)}"
            for key, value in fields(call["args"]).items()
            if isinstance(value, str) and len(value) <= VALUE_CHARS and "\n" not in value
        )
        yield f"expect_trace: has tool_call {call['tool']}{told}"
    tables = dict.fromkeys(name for sql in seen.queries for name in _TABLE.findall(sql))
    literals = dict.fromkeys(text for sql in seen.queries for text in _LITERAL.findall(sql))
    for text in (*[*tables][:FACTS], *[*literals][:FACTS]):
        yield f"expect_sql: contains {quoted(text)}"


def _facts(cassette: Cassette, seen: Evidence) -> Iterator[str]:
    """Propose what the answer took from its tools, else its longest word."""
    text = seen.response
    if not text:
        return
    found = [v for v in values_of(cassette) if len(v) <= VALUE_CHARS and v in text]
    last = text.rstrip().rpartition("\n\n")[2]  # what stands before it tells of progress
    words = sorted(dict.fromkeys(_WORD.findall(last)), key=len, reverse=True)
    for fact in found[:FACTS] or words[:1]:
        yield f"expect_response: contains {quoted(fact)}"


def _buttons(seen: Evidence) -> Iterator[str]:
    labels = dict.fromkeys(str(button.get("label", "")) for button in seen.actions)
    for label in [*labels][:BUTTONS]:
        yield f"expect_actions: any action contains {quoted(label)}"
    if seen.actions:
        yield f"expect_actions: length == {len(seen.actions)}"


def _state(trace: FrameTrace, seen: Evidence) -> Iterator[str]:
    """Propose the values that the run changed."""
    records = (*trace.frames, *trace.post_frames)
    paths = dict.fromkeys(tuple(c.path) for record in records for c in record.changes)
    for path in paths:
        place = ("memorizer", *path[1:]) if path[0] == "memory" else path
        value = at(seen.state, *place)
        key = ".".join(path[1:] if path[0] == "memory" else path[2:])
        if not key or path[0] not in ("memory", "ui") or path[1:2] == ("controls",):
            continue
        if path[:2] == ("ui", "machines"):
            if name := fields(value).get("current"):
                yield f"expect_state: machines.{key}.current contains {quoted(str(name))}"
        elif isinstance(value, str) and value and len(value) <= VALUE_CHARS:
            yield f"expect_state: {key} contains {quoted(value)}"
        elif isinstance(value, int | float):
            yield f"expect_state: {key} matches /^{re.escape(canonical(value).decode())}$/"


def _spent(trace: Json) -> Iterator[str]:
    if trace["tokens"]:
        yield f"expect_tokens: <= {int(trace['tokens'] * SLACK)}"
    yield f"expect_ms: <= {max(LEAST_MS, int(trace['total_ms'] * SLACK))}"


def quoted(text: str) -> str:
    """Write ``text`` as a line of a case holds it."""
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def _head(cassette: Cassette, name: str) -> str:
    run, trace = cassette.run, cassette.trace
    said = " ".join(run.text.split())
    if run.action and not ACTION.fullmatch(run.text):
        raise Conflict(f"the click {run.text[:80]!r} cannot be written in a case")
    title = re.sub(r"^#+ *", "", said)[:VALUE_CHARS].strip() or "A message"
    when = datetime.fromtimestamp(trace.started / 1000, UTC).isoformat(timespec="seconds")
    does = f"action: {run.text}" if run.action else f"send: {said}"
    return (
        f"# {title}\n\n"
        f"Made from run {trace.run_id} of {when}, revision {trace.revision}.\n\n"
        f"## Setup\n- graph: {trace.graph}\n- cassette: {name}\n\n"
        f"## Steps\n\n### 1. {title}\n- {does}\n"
    )


def input_of(case_text: str, run_text: str) -> str:
    """Return what is sent: the recorded text where the case tells it, white space apart."""
    return run_text if " ".join(run_text.split()) == case_text else case_text
