"""Conditions of breakpoints: a small language over what a run is doing; nothing runs as code.

    expression = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation = "not" negation | comparison
    comparison = value [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "in" ) value ]
    value = number | text | "true" | "false" | "null" | path | "(" expression ")"
    path = name { "." name | "[" ( number | text ) "]" }

Invariant: a condition that was accepted never fails. What is not there is ``null``, what cannot be
compared is not less and not greater, and the conditions of graphs are names like any other.
"""

import operator
import re
from collections.abc import Callable, Iterator
from typing import NoReturn

import msgspec

from agent.core.errors import BadCondition
from agent.core.frames import Envelope
from agent.core.graph import condition as of_graph
from agent.core.json import Json, canonical, fields, items

LONGEST, DEEPEST = 1000, 32
NAMES = (
    "at", "frame", "node", "visit", "envelope", "state", "memory", "ui_state", "route", "condition",
    "error", "effect", "tool", "arguments", "request", "tokens", "cost", "ms",
)  # fmt: skip
Names = Callable[[str], Json]
"""Tells what a name stands for; ``null`` where it stands for nothing."""
Holds = Callable[[Names], Json]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|\.)
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
_WORDS = ("or", "and", "not", "contains", "in")


class Token(msgspec.Struct, frozen=True):
    """A piece of a condition."""

    kind: str
    text: str
    column: int
    """1 for the first character."""


class Condition:
    """A condition, ready to be asked.

    Args:
        source: its text.

    Raises:
        BadCondition: naming the column, what was expected and what came.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._holds = _Parser(source).whole()

    def __call__(self, names: Names) -> bool:
        """Tell whether it holds for what ``names`` stand for."""
        return _true(self._holds(names))


class _Parser:
    """Recursive descent, never deeper than ``DEEPEST``."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST:
            raise BadCondition(f"when: expected at most {LONGEST} characters, got {len(source)}")
        self._tokens = [*_tokens(source)]
        self._place = 0
        self._depth = 0

    def whole(self) -> Holds:
        holds = self._either()
        if self._next.kind != "end":
            self._wrong("the end, or one of == != < <= > >= contains in and or")
        return holds

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self, *texts: str) -> str:
        """Take the next token when it is one of ``texts``; a quoted text never is."""
        token = self._next
        if token.kind not in ("name", "sign") or token.text not in texts:
            return ""
        self._place += 1
        return token.text

    def _wrong(self, expected: str) -> NoReturn:
        token = self._next
        came = "nothing more" if token.kind == "end" else repr(token.text)
        raise BadCondition(f"when: column {token.column}: expected {expected}, got {came}")

    def _either(self) -> Holds:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda n: any(_true(part(n)) for part in parts)

    def _all(self) -> Holds:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda n: all(_true(part(n)) for part in parts)

    def _not(self) -> Holds:
        if not self._take("not"):
            return self._comparison()
        holds = self._deeper(self._not)
        return lambda names: not _true(holds(names))

    def _comparison(self) -> Holds:
        left = self._value()
        sign = self._take(*_COMPARE)
        if not sign:
            return left
        compare, right = _COMPARE[sign], self._value()
        return lambda names: compare(left(names), right(names))

    def _value(self) -> Holds:
        token = self._next
        if self._take("("):
            inner = self._deeper(self._either)
            if not self._take(")"):
                self._wrong("')'")
            return inner
        if token.kind in ("number", "text"):
            self._place += 1
            return _constant(_literal(token))
        if token.kind != "name" or token.text in _WORDS:
            self._wrong("a value")
        self._place += 1
        if token.text in _CONSTANTS:
            return _constant(_CONSTANTS[token.text])
        return self._path(token)

    def _deeper(self, part: Callable[[], Holds]) -> Holds:
        if self._depth >= DEEPEST:
            self._wrong(f"at most {DEEPEST} levels of brackets and 'not'")
        self._depth += 1
        holds = part()
        self._depth -= 1
        return holds

    def _path(self, token: Token) -> Holds:
        graph = of_graph(token.text)
        if token.text not in NAMES and graph is None:
            self._place -= 1
            self._wrong(f"one of {', '.join(NAMES)}, or a condition of a graph")
        steps: list[Json] = []
        while (step := self._step()) is not None:
            steps.append(step)
        if graph is not None and not steps and token.text not in NAMES:
            return lambda names: graph(_envelope(names("envelope")))
        return lambda names: _walk(names(token.text), steps)

    def _step(self) -> str | int | None:
        if self._take("."):
            token = self._next
            if token.kind != "name":
                self._wrong("a name")
            self._place += 1
            return token.text
        if not self._take("["):
            return None
        token = self._next
        key = _literal(token) if token.kind in ("number", "text") else None
        if not isinstance(key, int | str):
            self._wrong("a whole number or a quoted name")
        self._place += 1
        if not self._take("]"):
            self._wrong("']'")
        return key


def _tokens(source: str) -> Iterator[Token]:
    place = 0
    end = len(source.rstrip())
    while place < end:
        found = _TOKEN.match(source, place)
        if found is None:
            at = len(source) - len(source[place:].lstrip())
            raise BadCondition(
                f"when: column {at + 1}: expected a value, a name or a sign, got {source[at]!r}"
            )
        kind = str(found.lastgroup)
        yield Token(kind, found[kind], found.start(kind) + 1)
        place = found.end()
    yield Token("end", "", len(source) + 1)


def _literal(token: Token) -> Json:
    if token.kind == "text":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
    return float(token.text) if set(token.text) & set(".eE") else int(token.text)


def _constant(value: Json) -> Holds:
    return lambda _names: value


def _envelope(value: Json) -> Envelope:
    known = fields(value)
    return Envelope(kind=str(known.get("kind", "")), data=known.get("data"))


def _walk(value: Json, path: list[Json]) -> Json:
    for step in path:
        if isinstance(step, int):
            row = items(value)
            value = row[step] if -len(row) <= step < len(row) else None
        else:
            value = fields(value).get(step)
    return value


def _true(value: Json) -> bool:
    """Everything holds but ``null``, ``false``, 0 and what is empty."""
    return bool(value)


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def holds(left: Json, right: Json) -> bool:
        alike = _number(left) and _number(right)
        return (alike or (isinstance(left, str) and isinstance(right, str))) and compare(
            left, right
        )

    return holds


def _same(left: Json, right: Json) -> bool:
    if _number(left) and _number(right):
        return left == right
    return canonical(left) == canonical(right)


def _contains(whole: Json, part: Json) -> bool:
    """A text holds a text in any case, an array an item, an object a key."""
    if isinstance(whole, str):
        return isinstance(part, str) and part.lower() in whole.lower()
    if isinstance(whole, dict):
        return isinstance(part, str) and part in fields(whole)
    return any(_same(item, part) for item in items(whole))


_COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "contains": _contains,
    "in": lambda part, whole: _contains(whole, part),
}
