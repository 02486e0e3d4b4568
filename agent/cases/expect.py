"""What stands behind ``- expect_…:``, read into values.

A check that nothing could fail is refused: ``length >= 0``, an empty pattern, a pattern that
matches the empty text.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, cast

from agent.cases.errors import Unclear
from agent.cases.suite import (
    ActionsCheck,
    ActionsCount,
    Before,
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
    Sign,
    SpentCheck,
    SqlBefore,
    SqlCheck,
    StateCheck,
)

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LIST = re.compile(rf"{_QUOTED}(?: or {_QUOTED})*")
_LENGTH = re.compile(r"length *(==|!=|>=|<=|>|<) *(\d{1,6})")
_AMOUNT = re.compile(r"(==|!=|>=|<=|>|<) *(\d{1,9})")
_REGEX = re.compile(r"matches /(.+)/")
_ORDER = re.compile(rf"({_QUOTED}) before ({_QUOTED})")
_KEY = re.compile(r"([A-Za-z_][\w.-]*) +(\S.*)")
_FACT = re.compile(rf"[A-Za-z_][\w.-]*(?: +(?:[A-Za-z_]\w*={_QUOTED}|[A-Za-z_][\w.-]*))*")
_PART = re.compile(rf"([A-Za-z_]\w*)=({_QUOTED})|([A-Za-z_][\w.-]*)")
_PATH = re.compile(r"[a-z_]+(?:\+[a-z_]+)*")
_RESERVED = frozenset({"has", "no", "or", "before"})
ACTION = re.compile(r"\S(?:.{0,118}\S)?")


def expectation(key: str, value: str) -> Expectation:
    """Read the ``value`` behind ``key``.

    Raises:
        Unclear: saying what was expected.
    """
    return EXPECTATIONS[key](value)


def quoted(text: str) -> tuple[str, ...]:
    """Read ``"a" or "b"``.

    Raises:
        Unclear: it is something else, or one of them is empty.
    """
    if not _LIST.fullmatch(text):
        raise Unclear(f'expected texts such as "a" or "b", got {text!r:.80}')
    found = tuple(_unquoted(part) for part in re.findall(_QUOTED, text))
    if not all(part.strip() for part in found):
        raise Unclear('expected a text between the quotes, got ""')
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _predicate(value: str) -> Predicate:
    verb, _, rest = value.partition(" ")
    if verb == "contains":
        return Contains(quoted(rest.strip()))
    if value.startswith("not contains "):
        return Lacks(quoted(value.removeprefix("not contains ").strip()))
    if verb == "length" or value.startswith("length"):
        return _length(value)
    if verb == "matches":
        return _matches(value)
    raise Unclear(
        'expected contains "a" or "b", not contains "a", length > 3 or matches /re/, '
        f"got {value!r:.80}"
    )


def _length(value: str) -> Length:
    found = _LENGTH.fullmatch(value)
    if found is None:
        raise Unclear(f"expected a length such as `length >= 2`, got {value!r:.80}")
    sign, size = cast("Sign", found[1]), int(found[2])
    if (sign, size) in ((">=", 0), ("<", 0)):
        raise Unclear(f"expected a length that can be missed and met, got {value!r}")
    return Length(sign, size)


def _matches(value: str) -> Matches:
    found = _REGEX.fullmatch(value)
    if found is None:
        raise Unclear(f"expected a pattern such as `matches /[0-9]+ flats/`, got {value!r:.80}")
    try:
        made = re.compile(found[1], re.IGNORECASE)
    except re.error as error:
        raise Unclear(f"expected a regular expression, got /{found[1]}/: {error}") from None
    if made.search(""):
        raise Unclear(f"expected a pattern that an empty text does not match, got /{found[1]}/")
    return Matches(found[1])


def _response(value: str) -> Expectation:
    return ResponseCheck(_predicate(value))


def _actions(value: str) -> Expectation:
    if value.startswith("length"):
        return ActionsCount(_length(value))
    for words, made in (("any action contains ", Contains), ("no action contains ", Lacks)):
        if value.startswith(words):
            return ActionsCheck(made(quoted(value.removeprefix(words).strip())))
    raise Unclear(
        'expected length >= 2, any action contains "a" or "b", or no action contains "a", '
        f"got {value!r:.80}"
    )


def _state(value: str) -> Expectation:
    found = _KEY.fullmatch(value)
    if found is None or found[1] in {"contains", "matches", "length", "not"}:
        raise Unclear(f'expected a key, such as `user_name contains "x"`, got {value!r:.80}')
    return StateCheck(found[1], _predicate(found[2]))


def _trace(value: str) -> Expectation:
    verb, _, rest = value.partition(" ")
    rest = rest.strip()
    if verb == "has":
        return Has(_facts(rest))
    if verb == "no":
        return HasNo(_facts(rest))
    first, middle, then = value.partition(" before ")
    if middle:
        return Before(_fact(first.strip()), _fact(then.strip()))
    raise Unclear(
        "expected `has tool_call create_machine`, `no thinker`, `has x or y` or `x before y`, "
        f"got {value!r:.80}"
    )


def _facts(text: str) -> tuple[Fact, ...]:
    return tuple(_fact(part.strip()) for part in _alternatives(text))


def _alternatives(text: str) -> list[str]:
    """Split at `` or `` outside of quotes."""
    found, begin = list[str](), 0
    for match in re.finditer(rf"{_QUOTED}| or ", text):
        if match[0] == " or ":
            found.append(text[begin : match.start()])
            begin = match.end()
    return [*found, text[begin:]]


def _fact(text: str) -> Fact:
    if not _FACT.fullmatch(text):
        raise Unclear(
            f'expected a node or an event, such as `thinker` or `machine_created id="nav"`, '
            f"got {text!r:.80}"
        )
    name, *rest = [*_PART.finditer(text)]
    words = [part[3] for part in (name, *rest) if part[3]]
    if not name[3] or _RESERVED & {*words}:
        raise Unclear(f"expected the name of a node or an event first, got {text!r:.80}")
    values = tuple((part[1], _unquoted(part[2])) for part in rest if part[1])
    return Fact(name[3], tuple(words[1:]), values)


def _frames(value: str) -> Expectation:
    if not re.fullmatch(r"[1-9]\d{0,2}", value):
        raise Unclear(f"expected a number of frames such as 4, got {value!r:.80}")
    return FramesCheck(int(value))


def _path(value: str) -> Expectation:
    names = value.split(" or ")
    if not all(_PATH.fullmatch(name) for name in names):
        raise Unclear(f"expected a path such as `pa` or `expert+interpreter`, got {value!r:.80}")
    return PathCheck(tuple(names))


def _sql(value: str) -> Expectation:
    if found := _ORDER.fullmatch(value):
        return SqlBefore(*(quoted(part)[0] for part in found.groups()))
    return SqlCheck(_predicate(value))


def _tokens(value: str) -> Expectation:
    return _spent("tokens", value)


def _ms(value: str) -> Expectation:
    return _spent("ms", value)


def _spent(what: Literal["tokens", "ms"], value: str) -> Expectation:
    found = _AMOUNT.fullmatch(value)
    if found is None:
        raise Unclear(f"expected an amount such as `<= 900`, got {value!r:.80}")
    sign, amount = cast("Sign", found[1]), int(found[2])
    if (sign, amount) in ((">=", 0), ("<", 0)):
        raise Unclear(f"expected an amount that can be missed and met, got {value!r}")
    return SpentCheck(what, sign, amount)


EXPECTATIONS: Mapping[str, Callable[[str], Expectation]] = {
    "expect_response": _response,
    "expect_actions": _actions,
    "expect_state": _state,
    "expect_trace": _trace,
    "expect_frames": _frames,
    "expect_path": _path,
    "expect_sql": _sql,
    "expect_tokens": _tokens,
    "expect_ms": _ms,
}
