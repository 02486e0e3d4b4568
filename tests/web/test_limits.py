"""What a body may be, against a decoder that knows."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from agent.core.errors import BadInput
from agent.web.limits import DEPTH, check_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(VALUES, st.integers(min_value=0, max_value=80))
def test_depth_is_counted_as_a_decoder_would(value, wraps):
    for turn in range(wraps):
        value = [value] if turn % 2 else {'"[{\\': value}
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    if depth(value) > DEPTH:
        with pytest.raises(BadInput):
            check_json(body)
    else:
        check_json(body)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"NaN"}',
        '["Infinity"]',
        '{"NaN":1}',
        '"-Infinity"',
        '["\\"NaN"]',
        '["' + "[" * 200 + '"]',
    ],
)
def test_words_and_brackets_inside_strings_are_fine(text):
    check_json(text.encode())


@pytest.mark.parametrize(
    "text", ["NaN", "[1,NaN]", '{"a":-Infinity}', '["\\\\",NaN]', '["x",Infinity,"x"]']
)
def test_numbers_that_are_none_are_refused(text):
    with pytest.raises(BadInput, match="is not JSON"):
        check_json(text.encode())


HOSTILE = [
    b"[" * (1 << 20),
    b"[]" * (1 << 19),
    b'"' * (1 << 20),
    b'"' + b'\\"' * (1 << 19),
    b'"' + b"\\" * (1 << 20),
    b'{"a":[1]},' * 100_000,
    b'"a",' * (1 << 18) + b"[" * 65,
    (b"[" * 64 + b"]" * 64) * (1 << 13),
    b"]" * (1 << 20) + b"[" * 65,
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda b: repr(b[:12]))
def test_no_body_takes_more_than_a_few_passes(body):
    """A pattern that backtracks would need hours for these."""
    with suppress(BadInput):
        check_json(body)
