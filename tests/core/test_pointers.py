"""One place of a JSON value, read and written without changing the value."""

import copy

import pytest
from hypothesis import given, strategies as st

from agent.core.errors import Unprocessable
from agent.core.pointers import pointer, read, steps, write

VALUE = {"a": {"b/c": [1, {"~": 2}], "": 3}, "list": [], "text": "x"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", VALUE),
        ("/a/b~1c/0", 1),
        ("/a/b~1c/1/~0", 2),
        ("/a/", 3),
        ("/nothing", None),
        ("/a/b~1c/2", None),
        ("/a/b~1c/-", None),
        ("/a/b~1c/01", None),
        ("/text/0", None),
    ],
)
def test_read(path, found):
    assert read(VALUE, steps(path)) == found


@pytest.mark.parametrize(
    ("path", "at", "found"),
    [
        ("/a/b~1c/0", ("a", "b/c"), ["new", {"~": 2}]),
        ("/a/b~1c/-", ("a", "b/c"), [1, {"~": 2}, "new"]),
        ("/list/0", ("list",), ["new"]),
        ("/added", ("added",), "new"),
        ("/a", ("a",), "new"),
    ],
)
def test_write_leaves_the_old_value_alone(path, at, found):
    before = copy.deepcopy(VALUE)
    assert read(write(VALUE, steps(path), "new"), at) == found
    assert before == VALUE


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/no/where", "there is no /no"),
        ("/text/0", "neither an object nor an array"),
        ("/list/1", "has 0 items"),
        ("/a/b~1c/x", "got 'x'"),
        ("/a/b~1c/99999999999999999999", "has 2 items"),
        ("/a/b~1c/2/deep", "has 2 items"),
    ],
)
def test_what_leads_nowhere_is_refused(path, told):
    with pytest.raises(Unprocessable, match=told):
        write(VALUE, steps(path), 1)


def test_what_is_no_pointer_is_refused():
    with pytest.raises(Unprocessable, match="expected a JSON pointer"):
        steps("a/b")


@given(st.lists(st.text(max_size=5)))
def test_a_pointer_put_together_is_taken_apart_the_same(path):
    assert steps(pointer(tuple(path))) == tuple(path)
