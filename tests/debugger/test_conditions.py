"""The language of conditions: what holds, what is refused and where, and that nothing else happens."""

import pytest
from hypothesis import given, strategies as st

from agent.core.errors import BadCondition
from agent.core.graph import condition as of_graph
from agent.debugger.conditions import DEEPEST, LONGEST, NAMES, Condition

WORLD = {
    "frame": 3,
    "node": "thinker",
    "at": "before",
    "envelope": {
        "kind": "plan",
        "text": "How many in Leipzig?",
        "data": {"steps": ["a", {"n": 1}], "tool_output": [1], "odd name": True, "expert": "eras"},
    },
    "memory": {"topic": None, "facts": ["likes tea"]},
    "tokens": 120,
    "cost": 0.25,
    "error": "",
}


def holds(source: str) -> bool:
    return Condition(source)(WORLD.get)


@pytest.mark.parametrize(
    "source",
    [
        "true",
        "frame == 3",
        "frame == 3.0",
        "frame != 4 and frame >= 3 and frame <= 3",
        "frame > 2 and not frame > 3",
        "frame < 4 or nothing" if "nothing" in NAMES else "frame < 4 or false",
        "node == 'thinker'",
        'node == "thinker"',
        "node > 'a'",
        "envelope.text contains 'LEIPZIG'",
        "'leipzig' in envelope.text",
        "envelope.data.steps[0] == 'a'",
        "envelope.data.steps[-1].n == 1",
        "envelope.data['odd name']",
        "envelope.data.steps contains 'a'",
        "envelope.data contains 'steps'",
        "envelope['data'].steps[1]['n'] == 1",
        "not memory.topic",
        "memory.topic == null",
        "memory.nothing.at.all[7] == null",
        "memory.facts[0] contains 'tea'",
        "tokens > 100 and cost > 0.2 or false",
        "false and false or true",
        "not (true and false)",
        "not not true",
        "has_tool_output",
        "expert_is_eras and not expert_is_none",
        "not reflex",
        "envelope.text != '\\\"'",
        "  frame==3  ",
        "error == ''",
    ],
)
def test_what_holds(source):
    assert holds(source)


@pytest.mark.parametrize(
    "source",
    [
        "false",
        "null",
        "0",
        "''",
        "frame == '3'",
        "true == 1",
        "node < 3",
        "memory.topic < 3",
        "memory > memory",
        "envelope.text contains 3",
        "frame contains 3",
        "false or false and true",
        "error",
        "memory.facts[1]",
        "arguments.for",
    ],
)
def test_what_does_not(source):
    assert not holds(source)


@pytest.mark.parametrize(
    ("source", "column", "told"),
    [
        ("", 1, "expected a value, got nothing more"),
        ("frame ==", 9, "expected a value, got nothing more"),
        ("frame = 3", 7, "expected a value, a name or a sign, got '='"),
        ("frame == 3 4", 12, "expected the end"),
        ("frme == 3", 1, "expected one of at, frame"),
        ("frame and frme", 11, "expected one of at, frame"),
        ("(frame == 3", 12, "expected ')'"),
        ("memory.", 8, "expected a name"),
        ("memory.3", 8, "expected a name"),
        ("memory[", 8, "expected a whole number or a quoted name"),
        ("memory[1.5]", 8, "expected a whole number"),
        ("memory[0", 9, "expected ']'"),
        ("and", 1, "expected a value"),
        ("frame == not 3", 10, "expected a value"),
        ("'open", 1, "expected a value, a name or a sign"),
        ("frame == 3;", 11, "got ';'"),
        ("__import__('os')", 1, "expected one of"),
        ("memory.__class__()", 17, "expected the end"),
        ("3 == 3 == 3", 8, "expected the end"),
        ("(" * (DEEPEST + 1) + "1", DEEPEST + 2, "at most 32 levels"),
        ("not " * (DEEPEST + 1) + "1", 4 * (DEEPEST + 1) + 1, "at most 32 levels"),
    ],
)
def test_what_is_refused_and_where(source, column, told):
    with pytest.raises(BadCondition) as caught:
        Condition(source)
    assert str(caught.value).startswith(f"when: column {column}: ")
    assert told in str(caught.value)


def test_it_has_a_length():
    Condition("1" + " " * (LONGEST - 1))
    with pytest.raises(BadCondition, match="at most 1000 characters, got 1001"):
        Condition("1" * (LONGEST + 1))


def test_the_conditions_of_graphs_are_those_that_route():
    for name in ("reflex", "has_tool_output", "expert_is_eras"):
        assert of_graph(name) is not None
        Condition(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [*NAMES, "or", "and", "not", "contains", "in", "==", "!=", "<", ">", "<=", ">=", "(", ")", "[", "]",
     ".", "'", '"', "\\", "0", "1.5", "-3", "1e9", "true", "null", "reflex", "expert_is_", "ä", "\n", "x"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=3), max_size=30), st.data())
def test_any_text_is_a_condition_that_never_fails_or_is_refused_with_a_column(words, data):
    source = " ".join(words)
    try:
        condition = Condition(source)
    except BadCondition as error:
        assert str(error).startswith("when: ")  # noqa: PT017
        assert "column" in str(error) or "characters" in str(error)  # noqa: PT017
        return
    for name in NAMES[:4]:
        assert condition(dict.fromkeys(NAMES, data.draw(JSON, label=name)).get) in (True, False)


def operands(depth: int) -> st.SearchStrategy[str]:
    leaf = st.sampled_from(
        ["frame", "memory.topic", "envelope.data.steps[0]", "7", "'a b'", "null"]
    )
    compared = st.tuples(leaf, st.sampled_from(["==", "!=", "<", "contains", "in"]), leaf).map(
        " ".join
    )
    if not depth:
        return leaf | compared
    inner = operands(depth - 1)
    joined = st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
    return compared | joined | inner.map("not ({})".format) | inner.map("({})".format)


@given(operands(3))
def test_what_follows_the_grammar_is_taken_and_brackets_around_it_change_nothing(source):
    assert holds(source) is holds(f"({source})") is (not holds(f"not ({source})"))


@given(operands(2), operands(2))
def test_and_binds_closer_than_or(one, two):
    assert holds(f"({one}) or ({two}) and false") is holds(f"({one})")
