"""Words and places that differ: they lead from one side to the other, and never take long."""

from hypothesis import given, strategies as st

from agent.core.pointers import read, steps
from agent.debugger.texts import REST, differences, words

TEXT = st.text(alphabet="ab \n", max_size=60)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(TEXT, TEXT)
def test_what_stays_and_goes_is_in_the_one_and_what_comes_in_the_other(one, two):
    found = words(one, two)
    old = "".join(text for op, text in found if op != "+")
    new = "".join(text for op, text in found if op != "-")
    assert old in one
    assert new in two
    if one != two:
        assert any(op != "=" for op, _ in found)


def test_only_words_near_a_difference_are_told():
    assert words("a b c", "a x c") == [("=", "a "), ("-", "b"), ("+", "x"), ("=", " c")]
    long = " ".join(map(str, range(1000)))
    found = words(f"{long} old {long}", f"{long} new {long}")
    assert [op for op, _ in found] == ["=", "-", "+", "="]
    assert sum(len(text) for _, text in found) < 150


def test_a_long_rest_is_told_as_replaced():
    one, two = (" ".join(f"{letter}{n}" for n in range(REST)) for letter in "ab")
    assert [op for op, _ in words(one, two)] == ["-", "+"]


@given(VALUE, VALUE)
def test_every_place_that_is_told_differs_and_there_is_one_when_values_do(one, two):
    found = [*differences(one, two)]
    for pointer, left, right in found:
        assert (read(one, steps(pointer)), read(two, steps(pointer))) == (left, right)
    assert not [*differences(one, one)]
    if one != two:
        assert found


def test_what_one_side_has_more_is_a_difference_though_it_is_null():
    assert [*differences({"a": [[]]}, {"a": [[None]]})] == [("/a/0", [], [None])]
    assert [*differences({"a": None}, {})] == [("", {"a": None}, {})]


def test_a_place_is_named_by_its_pointer():
    one, two = {"a": [1, {"b/c": 2}], "d": 1}, {"a": [1, {"b/c": 3}, 4], "d": 1}
    assert [*differences(one, two)] == [("/a/1/b~1c", 2, 3), ("/a/2", None, 4)]
