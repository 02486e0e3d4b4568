"""Facts are kept until disproved, once each, at most twenty."""

from hypothesis import given, strategies as st

from agent.core.memory import changes_to, conversation, merge_facts, merge_topics, recap
from agent.core.messages import Turn
from agent.core.state import apply, at

FACTS = st.lists(st.text("abc ", min_size=1, max_size=4).filter(str.strip), max_size=30)


@given(FACTS, FACTS, FACTS)
def test_known_facts_go_only_when_disproved(known, new, gone):
    start = merge_facts([], known)
    after = merge_facts(start, new, gone)
    assert len(after) <= 20
    assert len({" ".join(f.split()).casefold() for f in after}) == len(after)
    essence = {" ".join(fact.split()) for fact in gone}
    said_again = {" ".join(fact.split()) for fact in new}
    for fact in start:
        disproved = " ".join(fact.split()) in essence
        assert (fact in after) != disproved or " ".join(fact.split()) in said_again


def test_spelling_does_not_make_a_fact_new():
    assert merge_facts(["Likes tea."], ["likes TEA", "Likes  tea"]) == ["Likes tea."]


def test_a_disproved_fact_is_replaced():
    assert merge_facts(["Lives in Bonn"], ["Lives in Trier"], ["lives in bonn"]) == [
        "Lives in Trier"
    ]


def test_topics_are_kept_once_newest_last():
    assert merge_topics(["a", "b"], "a", "c") == ["b", "a"]
    assert merge_topics(["a"], None, "c") == ["a"]
    assert merge_topics(["a"], "c", "c") == ["a"]
    assert len(merge_topics([str(n) for n in range(20)], "x", "y")) == 10


def test_only_what_differs_is_written():
    memory = {"topic": "a", "facts": []}
    changes = changes_to(memory, {"topic": "b", "facts": []})
    assert [change.path for change in changes] == [("memory", "topic")]
    assert at(apply({"memory": memory}, changes), "memory") == {"topic": "b", "facts": []}


def test_a_recap_is_short():
    turns = [Turn(role="user", content="x " * 500)] * 20
    assert len(recap(turns)) < 1100
    assert len(conversation(turns)) == 20
