"""Long texts leave their rows and come back; nothing is taken for a reference that is none."""

from hypothesis import given, strategies as st

from agent.adapters.stores.blobs import LONG, MARK, name_of, pack, unpack

LONG_TEXTS = st.text("ab", min_size=1, max_size=3).map(lambda text: text * LONG)
KEYS = st.sampled_from([MARK, "$blob$", "a", "b", "$blob$$"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | LONG_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=8,
)


def packed(value):
    kept: dict[str, str] = {}
    return pack(value, kept.__setitem__), kept


def size(value) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return max([size(v) for v in value.values()], default=0)
    return max([size(v) for v in value], default=0) if isinstance(value, list) else 0


@given(VALUES)
def test_what_was_packed_comes_back_whatever_it_looks_like(value):
    small, kept = packed(value)
    assert unpack(small, kept.__getitem__) == value
    assert size(small) < LONG
    assert all(name_of(text) == name for name, text in kept.items())


def test_a_text_that_occurs_twice_is_kept_once():
    text = "x" * LONG
    small, kept = packed({"one": text, "two": [text]})
    assert kept == {name_of(text): text}
    assert small == {"one": {MARK: name_of(text)}, "two": [{MARK: name_of(text)}]}


def test_the_border_is_where_it_says():
    assert packed("x" * (LONG - 1)) == ("x" * (LONG - 1), {})
    assert packed("x" * LONG)[1] != {}


def test_a_value_that_looks_like_a_reference_is_quoted():
    value = {MARK: "0" * 32}
    small, kept = packed(value)
    assert kept == {}
    assert small != value
    assert unpack(small, {}.__getitem__) == value
