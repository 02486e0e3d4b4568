"""Statuses, ids and names: what is allowed, and what the refusal says."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from agent.core.errors import IllegalMove
from agent.core.ids import is_name, number_of, run_id
from agent.core.runs import ACTIVE, MOVES, TERMINAL, Run, RunStatus, advance

ALLOWED = {(old, new) for old, news in MOVES.items() for new in news}


def a_run(status: RunStatus, **more) -> Run:
    return Run(n=1, run_id="r-1", status=status, channel="main", text="x", created=1.0, **more)


@pytest.mark.parametrize(("old", "new"), sorted(product(RunStatus, repeat=2)))
def test_the_table_decides_every_move(old, new):
    run = a_run(old)
    if (old, new) in ALLOWED:
        assert advance(run, new, 7.0).status is new
    else:
        with pytest.raises(IllegalMove, match=f"is {old} and cannot become {new}"):
            advance(run, new, 7.0)


def test_nothing_follows_a_terminal_status():
    assert all(not MOVES[status] for status in TERMINAL)
    assert {s for s in RunStatus if s.terminal} == TERMINAL
    assert not TERMINAL & ACTIVE


def test_a_run_starts_once_and_ends_once():
    running = advance(a_run(RunStatus.QUEUED), RunStatus.RUNNING, 2.0)
    assert (running.started, running.ended) == (2.0, None)
    again = advance(advance(running, RunStatus.PAUSED, 3.0), RunStatus.RUNNING, 4.0)
    assert again.started == 2.0
    assert advance(again, RunStatus.DONE, 5.0).ended == 5.0


@given(st.integers(1, 10**12 - 1))
def test_a_run_id_holds_its_number(number):
    assert number_of(run_id(number, "00ff")) == number
    assert number_of(f"msg_{number}") == number


@given(st.integers(1, 10**12 - 2))
def test_run_ids_sort_by_age(number):
    assert run_id(number, "ffff") < run_id(number + 1, "0000")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1",
        "msg_0",
        "msg_01",
        "msg_-1",
        "msg_1 ",
        "r-1-0000",
        "r-000000000001-000G",
        "r-000000000001-0000\n",
    ],
)
def test_what_is_no_run_id_has_no_number(name):
    assert number_of(name) is None


@pytest.mark.parametrize("name", ["main", "a.b-c_d", "A" * 64, "0"])
def test_names(name):
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "_a", "a/b", "a b", "ä", "a\n", "A" * 65])
def test_what_is_no_name(name):
    assert not is_name(name)
