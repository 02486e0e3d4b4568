"""Secrets are masked in whole texts, in JSON and across the pieces of a stream."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agent.core.redact import MASK, SHORTEST, Redactor, Stream

KEY = "sk-abcdefgh"
OVERLAPPING = ("abababab", "ababababcc", "bababaXX")


def streamed(redactor: Redactor, pieces: list[str]) -> str:
    stream = Stream(redactor)
    return "".join([stream.feed(piece) for piece in pieces]) + stream.end()


def test_a_secret_is_masked_wherever_it_stands():
    redactor = Redactor([KEY])
    assert redactor.text(f"a{KEY}b {KEY}") == f"a{MASK}b {MASK}"
    assert redactor.json({KEY: [KEY, 1, None, {"x": f"-{KEY}"}]}) == {
        MASK: [MASK, 1, None, {"x": f"-{MASK}"}]
    }


def test_short_and_empty_values_are_no_secrets():
    redactor = Redactor(["", "x" * (SHORTEST - 1)])
    assert redactor.secrets == ()
    assert redactor.text("x" * 20) == "x" * 20
    assert streamed(redactor, ["x" * 3, "x" * 9]) == "x" * 12


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_a_secret_cut_in_two_is_masked_and_nothing_of_it_told_before(cut):
    stream = Stream(Redactor([KEY]))
    assert stream.feed("it is " + KEY[:cut]) == "it is "
    assert stream.feed(KEY[cut:] + ".") == f"{MASK}."
    assert stream.end() == ""


def test_the_beginning_of_a_secret_that_does_not_go_on_is_told():
    assert streamed(Redactor([KEY]), ["sk-", "abc", " no"]) == "sk-abc no"
    assert streamed(Redactor([KEY]), ["sk-abc"]) == "sk-abc"


@given(
    st.lists(st.text("abcX ", max_size=6) | st.sampled_from(OVERLAPPING), max_size=8),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_any_cut_of_a_stream_gives_the_masked_whole(parts, cuts):
    text = "".join(parts)
    places = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    redactor = Redactor(OVERLAPPING)
    assert streamed(redactor, pieces) == redactor.text(text)
