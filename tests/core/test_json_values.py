"""The canonical form, and where two values first differ."""

import json

from hypothesis import given, strategies as st

from agent.core.json import canonical, digest, fields, first_difference, items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def shuffled(value):
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_changes_no_hash(value):
    assert canonical(shuffled(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


@given(VALUES, VALUES)
def test_equal_hashes_mean_equal_values(one, two):
    assert (digest(one) == digest(two)) == (canonical(one) == canonical(two))


@given(VALUES, VALUES)
def test_the_difference_is_where_it_says(one, two):
    if canonical(one) == canonical(two):
        return
    pointer, left, right = first_difference(one, two)
    assert canonical(left) != canonical(right)
    for key in pointer.split("/")[1:]:
        one = one[int(key)] if isinstance(one, list) else one.get(key)
        two = two[int(key)] if isinstance(two, list) else two.get(key)
    assert (one, two) == (left, right)


def test_one_changed_word_deep_inside_is_named():
    old = {"messages": [{"role": "system", "content": "be kind"}, {"role": "user"}]}
    new = {"messages": [{"role": "system", "content": "be brief"}, {"role": "user"}]}
    assert first_difference(old, new) == ("/messages/0/content", "be kind", "be brief")


def test_a_longer_list_differs_as_a_whole():
    assert first_difference({"a": [1]}, {"a": [1, 2]}) == ("/a", [1], [1, 2])


def test_shapes_are_asked_for_not_assumed():
    assert dict(fields([1])) == {}
    assert items({"a": 1}) == ()
    assert items((1, 2)) == (1, 2)
