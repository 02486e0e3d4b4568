"""A conversation is a chain of deltas; reading it costs what is asked for."""

from hypothesis import given, strategies as st

from agent.core.messages import Turn
from agent.core.state import apply, put
from agent.runtime.lineage import state_of, turns_of, walk
from agent.runtime.ports import End


def chain(length: int, every: int, turns: int = 2) -> dict[int, End]:
    """A conversation of ``length`` runs with a whole state every ``every``."""
    ends: dict[int, End] = {}
    state: dict[str, int] = {}
    for n in range(1, length + 1):
        changes = (put(f"k{n % 3}", value=n),)
        state = apply(state, changes)
        ends[n] = End(
            parent=n - 1, history_len=turns * n, since_snapshot=(n - 1) % every, changes=changes,
            turns=tuple(Turn(role="user", content=f"{n}.{t}") for t in range(turns)),
            snapshot=state if (n - 1) % every == 0 else None,
        )  # fmt: skip
    return ends


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 50), st.integers(0, 3))
def test_state_and_turns_are_those_of_the_whole_chain(length, every, wanted, turns):
    ends = chain(length, every, turns)
    whole = {}
    for end in ends.values():
        whole = apply(whole, end.changes)
    walked = walk(ends.get, length, wanted, snapshot=True)
    assert state_of(walked) == whole
    everything = [turn for end in ends.values() for turn in end.turns]
    assert list(turns_of(walked, wanted)) == (everything[-wanted:] if wanted else [])


@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 20))
def test_no_end_is_read_that_is_not_needed(length, every, wanted):
    ends, read = chain(length, every), []

    def get(n):
        read.append(n)
        return ends.get(n)

    walk(get, length, wanted, snapshot=True)
    assert len(read) <= max((wanted + 1) // 2, ends[length].since_snapshot + 1)


def test_without_a_snapshot_there_is_no_state():
    assert state_of([]) is None
    assert state_of([End(parent=0, history_len=0, since_snapshot=0)]) is None


def test_a_chain_that_breaks_off_gives_what_is_there():
    ends = chain(5, 100)
    del ends[2]
    assert [end.history_len for end in walk(ends.get, 5, 100, snapshot=True)] == [10, 8, 6]
