"""Events come out of a byte stream the same, wherever the network cut it."""

import pytest
from hypothesis import given, strategies as st

from agent.adapters.models.sse import Events

SOURCE = (
    b": comment\n\ndata: one\n\ndata:two\r\ndata: lines\r\n\r\nid: 7\rdata: three\r\r"
    b"data:  kept\n\ndata: gr\xc3\xbc\xc3\x9fe\n\nevent: x\n\ndata\n\ndata: last"
)
DATA = [b"one", b"two\nlines", b"three", b" kept", "grüße".encode(), b"last"]


def read(chunks: list[bytes]) -> list[bytes]:
    events = Events()
    return [data for chunk in chunks for data in events.feed(chunk)] + events.end()


@pytest.mark.parametrize("cut", range(len(SOURCE) + 1))
def test_one_cut_anywhere(cut: int) -> None:
    assert read([SOURCE[:cut], SOURCE[cut:]]) == DATA


@pytest.mark.parametrize("size", range(1, 12))
def test_even_pieces(size: int) -> None:
    pieces = [SOURCE[start : start + size] for start in range(0, len(SOURCE), size)]
    assert read(pieces) == DATA


def test_a_chunk_that_looks_like_an_event_inside_one() -> None:
    assert read([b"data: a", b"data: b\n\n"]) == [b"adata: b"]
    assert read([b"data: a\n", b"data: b\n\n"]) == [b"a\nb"]


@given(st.lists(st.sampled_from([b"data: x", b"data:", b"\r", b"\n", b"\r\n", b"y", b""])))
def test_whole_and_in_pieces_are_the_same(pieces: list[bytes]) -> None:
    assert read(pieces) == read([b"".join(pieces)])


def test_what_is_held_back_is_counted() -> None:
    events = Events()
    events.feed(b"data: 12\ndata:\ndata: 3")
    assert events.held == len(b"data: 12data:data: 3")
    events.feed(b"\n\n")
    assert events.held == 0
