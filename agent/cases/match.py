"""Does what happened fit what was expected? Pure; a check that nothing speaks for does not pass.

A trace assertion looks at the run's own ``frame_trace`` first, then at the run's own events, never
at another run's.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

import msgspec

from agent.cases.suite import (
    ActionsCheck,
    ActionsCount,
    Before,
    Click,
    Contains,
    Expectation,
    Fact,
    FramesCheck,
    Has,
    HasNo,
    Lacks,
    Length,
    Matches,
    PathCheck,
    Predicate,
    ResponseCheck,
    SpentCheck,
    SqlBefore,
    SqlCheck,
    StateCheck,
)
from agent.core.json import Json, canonical, fields, items

SHOWN = 200
"""Characters of what came that a message shows."""
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one run after it ended."""

    run_id: str = ""
    trouble: str = ""
    """Why it did not end well; then no check passes."""
    response: str = ""
    actions: tuple[Json, ...] = ()
    """The buttons shown now, older ones too."""
    state: Json = None
    """What ``GET /api/state`` says."""
    trace: Json = None
    """The run's wire summary."""
    events: tuple[Json, ...] = ()
    """The run's own events, in order."""

    @property
    def queries(self) -> list[str]:
        """The SQL of the run's ``query_db`` calls, in order."""
        calls = [e for e in self.events if e["event"] == "tool_call" and e["tool"] == "query_db"]
        return [str(fields(call.get("args")).get("query", "")) for call in calls]


def judge(expects: Expectation, seen: Evidence) -> str:
    """Return why ``expects`` does not hold; empty when it does."""
    if seen.trouble:
        return seen.trouble
    match expects:
        case ResponseCheck():
            return _text(expects.holds, seen.response, "the response")
        case ActionsCount():
            return _size(expects.holds, len(seen.actions), f"{_labels(seen.actions)}")
        case ActionsCheck():
            return _actions(expects.holds, seen.actions)
        case StateCheck():
            return _state(expects, seen.state)
        case SqlCheck() | SqlBefore():
            return _sql(expects, seen.queries)
        case FramesCheck() | PathCheck():
            return _way(expects, fields(seen.trace))
        case SpentCheck():
            return _spent(expects, fields(seen.trace))
        case Has() | HasNo() | Before():
            return _trace(expects, seen)
        case _:
            assert_never(expects)


def find(click: Click, shown: Sequence[Json]) -> Json:
    """Return the button that ``click`` means, or ``None``: patterns in order, then buttons."""
    for pattern in click.patterns:
        wanted = pattern.casefold()
        for button in shown:
            names = [str(button.get(key, "")).casefold() for key in ("action", "label")]
            if wanted in names or (not click.exact and any(wanted in name for name in names)):
                return button
    return None


def _way(expects: FramesCheck | PathCheck, trace: Mapping[str, Json]) -> str:
    if isinstance(expects, FramesCheck):
        wanted, got = (str(expects.count),), str(trace.get("total_frames", "none"))
    else:
        wanted, got = expects.names, str(trace.get("path", "none"))
    return "" if got in wanted else f"expected {' or '.join(wanted)}, got {got}"


def _spent(expects: SpentCheck, trace: Mapping[str, Json]) -> str:
    amount = trace.get("tokens" if expects.what == "tokens" else "total_ms")
    if amount is None:
        return f"it is not known how many {expects.what} the run took"
    good = _SIGNS[expects.sign](amount, expects.amount)
    wanted = f"{expects.sign} {expects.amount} {expects.what}"
    return "" if good else f"expected {wanted}, got {amount:g}"


def _text(holds: Predicate, text: str, what: str) -> str:
    got = f"{what} is {text[:SHOWN]!r}" if text else f"{what} is empty"
    return "" if _holds(holds, text) else f"expected {_told(holds)}; {got}"


def _holds(holds: Predicate, text: str) -> bool:
    match holds:
        case Contains():
            return _has_word(holds.words, text)
        case Lacks():
            return bool(text.strip()) and not _has_word(holds.words, text)
        case Length():
            return _SIGNS[holds.sign](len(text.strip()), holds.size)
        case Matches():
            return re.search(holds.pattern, text, re.IGNORECASE) is not None
        case _:
            assert_never(holds)


def _has_word(words: Sequence[str], text: str) -> bool:
    lower = text.casefold()
    return any(word.casefold() in lower for word in words)


def _told(holds: Predicate) -> str:
    match holds:
        case Contains():
            return " or ".join(f'"{word}"' for word in holds.words)
        case Lacks():
            return "none of " + ", ".join(f'"{word}"' for word in holds.words)
        case Length():
            return f"length {holds.sign} {holds.size}"
        case Matches():
            return f"/{holds.pattern}/"
        case _:
            assert_never(holds)


def _size(holds: Length, size: int, got: str) -> str:
    return "" if _SIGNS[holds.sign](size, holds.size) else f"expected {_told(holds)}, got {got}"


def _labels(shown: Sequence[Json]) -> str:
    named = ", ".join(repr(str(button.get("label", ""))) for button in shown)
    return f"{len(shown)} buttons ({named})" if named else "no buttons"


def _actions(holds: Contains | Lacks, shown: Sequence[Json]) -> str:
    names = [str(button.get(key, "")) for button in shown for key in ("action", "label")]
    found = any(_has_word(holds.words, name) for name in names)
    if found == isinstance(holds, Contains):
        return ""
    return f"expected {_told(holds)}, got {_labels(shown)}"


def _state(expects: StateCheck, state: Json) -> str:
    value = _value(expects.key, state)
    if value is None:
        known = ", ".join((*fields(_at(state, "memorizer")), *fields(_at(state, "ui", "state"))))
        return f"expected a value {expects.key!r}, got none; there are {known or 'no values'}"
    if isinstance(expects.holds, Length) and not isinstance(value, str):
        size = len(items(value) or fields(value))
        return _size(expects.holds, size, str(size))
    text = value if isinstance(value, str) else canonical(value).decode()
    return _text(expects.holds, text, expects.key)


def _value(key: str, state: Json) -> Json:
    path = key.split(".")
    places = (_at(state, "memorizer"), _at(state, "ui", "state"), _at(state, "ui"))
    return next((v for place in places if (v := _at(place, *path)) is not None), None)


def _at(value: Json, *path: str) -> Json:
    for key in path:
        value = fields(value).get(key)
    return value


def _sql(expects: SqlCheck | SqlBefore, queries: Sequence[str]) -> str:
    if isinstance(expects, SqlBefore):
        return _order(expects, queries)
    holds = expects.holds
    got = f"the queries are {queries!r:.400}" if queries else "there was no query"
    match holds:
        case Length():
            return _size(holds, len(queries), f"{len(queries)}; {got}")
        case Lacks():
            good = bool(queries) and all(_holds(holds, query) for query in queries)
        case _:
            good = any(_holds(holds, query) for query in queries)
    return "" if good else f"expected {_told(holds)}; {got}"


def _order(expects: SqlBefore, queries: Sequence[str]) -> str:
    first, then = (
        next((n for n, query in enumerate(queries) if _has_word((word,), query)), -1)
        for word in (expects.first, expects.then)
    )
    if 0 <= first < then:
        return ""
    return f'expected "{expects.first}" before "{expects.then}"; the queries are {queries!r:.400}'


# The trace


def _trace(expects: Has | HasNo | Before, seen: Evidence) -> str:
    if seen.trace is None and not seen.events:
        return "the run left neither a frame trace nor events"
    match expects:
        case Has():
            wanted = " or ".join(_name(fact) for fact in expects.facts)
            good = any(_is_in(fact, seen) for fact in expects.facts)
            return "" if good else f"expected {wanted}, got {_summary(seen)}"
        case HasNo():
            found = [_name(fact) for fact in expects.facts if _is_in(fact, seen)]
            return f"expected no {', no '.join(found)}; {_summary(seen)}" if found else ""
        case Before():
            first, then = (_place(fact, seen) for fact in (expects.first, expects.then))
            if 0 <= first < then:
                return ""
            order = f"{_name(expects.first)} before {_name(expects.then)}"
            return f"expected {order}, got {_summary(seen)}"
        case _:
            assert_never(expects)


def _is_in(fact: Fact, seen: Evidence) -> bool:
    if not fact.words and not fact.values and fact.name.casefold() in _nodes(seen.trace):
        return True
    return _place(fact, seen) >= 0


def _nodes(trace: Json) -> list[str]:
    found = fields(trace)
    parts = ("frames", "post_frames", "left_out")
    rows = [row for part in parts for row in items(found.get(part))]
    return [str(row["node"]).casefold() for row in rows]


def _place(fact: Fact, seen: Evidence) -> int:
    """Return the place of the first event that ``fact`` tells of, -1 without one."""
    return next((place for place, event in enumerate(seen.events) if _fits(fact, event)), -1)


def _fits(fact: Fact, event: Json) -> bool:
    name = fact.name.casefold()
    if name not in (str(event.get("event")).casefold(), str(event.get("node")).casefold()):
        return False
    held = {_plain(value) for value in fields(event).values()}
    return all(word.casefold() in held for word in fact.words) and all(
        value.casefold() == _plain(event.get(key, _at(event, "args", key)))
        for key, value in fact.values
    )


def _plain(value: Json) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return text.casefold()


def _name(fact: Fact) -> str:
    values = (f'{key}="{value}"' for key, value in fact.values)
    return " ".join((fact.name, *fact.words, *values))


def _summary(seen: Evidence) -> str:
    """Tell which nodes worked and what happened, tools by name."""
    nodes = ", ".join(dict.fromkeys(_nodes(seen.trace))) or "none"
    told = (
        f"{e['event']} {e.get('tool') or e.get('id') or ''}".strip()
        for e in seen.events
        if e["event"] not in ("frame_open", "frame_close", "context", "run")
    )
    return f"nodes {nodes}; events {', '.join(dict.fromkeys(told)) or 'none'}"
