"""State changes: never in place, foldable, and readable where there is nothing."""

import copy

from hypothesis import given, strategies as st

from agent.core.state import Change, apply, at, drop, fresh, put

KEYS = st.sampled_from("abc")
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
CHANGES = st.lists(
    st.builds(Change, path=PATHS, value=VALUES) | PATHS.map(lambda path: drop(*path)), max_size=8
)
TREES = st.dictionaries(KEYS, VALUES, max_size=3)


@given(TREES, CHANGES)
def test_a_state_that_somebody_holds_never_changes(tree, changes):
    before = copy.deepcopy(tree)
    apply(tree, changes)
    assert tree == before


@given(TREES, CHANGES, st.integers(0, 8))
def test_changes_fold_the_same_in_one_go_or_in_two(tree, changes, cut):
    assert apply(apply(tree, changes[:cut]), changes[cut:]) == apply(tree, changes)


@given(TREES, PATHS, VALUES)
def test_what_was_put_is_read_and_what_was_dropped_is_gone(tree, path, value):
    there = apply(tree, [put(*path, value=value)])
    assert at(there, *path) == value
    assert at(apply(there, [drop(*path)]), *path) is None


@given(TREES, PATHS, VALUES)
def test_a_change_leaves_every_other_branch_as_it_was(tree, path, value):
    after = apply(tree, [put(*path, value=value)])
    for key in tree:
        if key != path[0]:
            assert after[key] is tree[key]


def test_a_path_through_a_value_that_is_no_object_makes_one():
    assert apply({"a": 5}, [put("a", "b", value=1)]) == {"a": {"b": 1}}


def test_dropping_what_is_not_there_is_no_fault():
    assert apply({}, [drop("a")]) == {}


def test_reading_past_the_end_gives_nothing():
    assert at({"a": {"b": 1}}, "a", "b", "c") is None
    assert at(None, "a") is None
    assert at({"a": 1}) == {"a": 1}


def test_a_cleared_channel_keeps_name_and_situation_only():
    state = fresh("Ada", "in a meeting")
    assert state["memory"] == {
        "user_name": "Ada", "user_mood": "neutral", "topic": None, "topic_history": [],
        "situation": "in a meeting", "language": "en", "style_hint": "casual, technical",
        "facts": [],
    }  # fmt: skip
    assert state["ui"] == {"state": {}, "controls": [], "machines": {}}
