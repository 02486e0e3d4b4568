"""What a model thinks is told apart from what it says, wherever its stream was cut."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agent.adapters.models.thoughts import Thoughts

ANSWERS = {
    "none": ("Hello", "Hello", []),
    "before": ("<think>Hm {a}.</think>\n\nHello", "Hello", ["Hm {a}."]),
    "after blanks": ("\n <think>Hm</think>Hello", "Hello", ["Hm"]),
    "two": ("<think>a</think> <think>b</think> Hi", "Hi", ["a", "b"]),
    "empty": ("<think>\n\n</think>\n\nHi", "Hi", ["\n\n"]),
    "only the end of an empty one": ("\n</think>\n\nHi", "Hi", [""]),
    "in the middle": ("He<think>x</think>llo", "Hello", ["x"]),
    "other names": ("<Thinking>a</THINKING>[THINK]b[/THINK]c", "c", ["a", "b"]),
    "another closer inside": ("<think>a</thinking>b</think>c", "c", ["a</thinking>b"]),
    "never closed": ("<think>Hm", "", ["Hm"]),
    "never closed later": ("A tag is <think> here", "A tag is <think> here", []),
    "in a code span": ("Write `<think>` and `</think>`.", "Write `<think>` and `</think>`.", []),
    "in a fence": ("```\n<think>a</think>\n```\nx", "```\n<think>a</think>\n```\nx", []),
    "after a fence": ("```\na\n```\n<think>b</think>c", "```\na\n```\nc", ["b"]),
    "in JSON": ('{"a": "<think>b</think>"}', '{"a": "<think>b</think>"}', []),
    "before JSON": ('<think>{"a": 1}</think>{"a": "</think>"}', '{"a": "</think>"}', ['{"a": 1}']),
    "in a list": ('["<think>"]', '["<think>"]', []),
    "marks that were none": ("a < b, [t], ``x, <thin", "a < b, [t], ``x, <thin", []),
    "blanks alone": (" \n", " \n", []),
    "a wide margin": (" " * 300 + "Hi", " " * 300 + "Hi", []),
    "only the end": ("Hm.</think>Hi", "Hm.</think>Hi", []),
}  # fmt: skip


def read(pieces: list[str], *, inside: bool = False) -> tuple[str, list[str], bool]:
    thoughts = Thoughts(inside=inside)
    said = "".join([*map(thoughts.feed, pieces), thoughts.end()])
    return said, thoughts.found, thoughts.headless


def cuts(text: str) -> st.SearchStrategy[list[str]]:
    def pieces(places: set[int]) -> list[str]:
        return [text[a:b] for a, b in pairwise([0, *sorted(places), len(text)])]

    return st.sets(st.integers(0, len(text))).map(pieces)


@pytest.mark.parametrize(("text", "said", "found"), ANSWERS.values(), ids=ANSWERS)
def test_whole_and_letter_by_letter_it_is_the_same_answer(text, said, found):
    assert read([text])[:2] == (said, found)
    assert read([*text])[:2] == (said, found)


@given(st.sampled_from([*ANSWERS.values()]), st.data())
def test_any_cut_gives_the_same_answer(answer, data):
    text, said, found = answer
    assert read(data.draw(cuts(text)))[:2] == (said, found)


@given(st.text(alphabet="<>/`[]think{ \n", max_size=60).flatmap(lambda text: cuts(text)))
def test_a_cut_changes_nothing_whatever_is_written(pieces):
    assert read(pieces) == read(["".join(pieces)])


@pytest.mark.parametrize(
    ("text", "said", "found", "headless"),
    [
        ("Hm.</think>\n\nHi", "Hi", ["Hm."], True),
        ("<think>Hm.</think>Hi", "Hi", ["Hm."], False),
        ("Hi there", "Hi there", [], False),
        ("", "", [], False),
    ],
)
@given(data=st.data())
def test_a_model_that_begins_inside(text, said, found, headless, data):
    assert read(data.draw(cuts(text)), inside=True) == (said, found, headless)


def test_a_thought_that_a_limit_cut_is_no_answer():
    thoughts = Thoughts(inside=True)
    assert (thoughts.feed("Hm."), thoughts.end(cut=True), thoughts.found) == ("", "", ["Hm."])


def test_a_closing_tag_alone_tells_that_it_began_inside():
    assert read(["Hm.</th", "ink>Hi"]) == ("Hm.</think>Hi", [], True)
    assert not read(["Write `</think>`."])[2]


def test_what_is_said_is_said_at_once():
    thoughts = Thoughts()
    pieces = ["Hel", "lo <", "b", "> ", "<think>", "x", "</think>", "you"]
    assert [thoughts.feed(piece) for piece in pieces] == [
        "Hel",
        "lo ",
        "<b",
        "> ",
        "",
        "",
        "",
        "you",
    ]
