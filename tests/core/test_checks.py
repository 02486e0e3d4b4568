"""The fold of a suite runner's posts."""

import pytest
from hypothesis import given, strategies as st

from agent.core import checks
from agent.core.checks import Post, SuiteRecord, advance, finished, view
from agent.core.errors import Unprocessable

GREEN = {"step": "1. Greet", "check": "contains hello", "status": "PASS"}
RED = {"step": "2. Count", "check": "length > 1", "status": "FAIL", "more": [1]}


def fold(*posts: Post) -> SuiteRecord:
    record = SuiteRecord()
    for post in posts:
        record = advance(record, post)
    return record


START = Post(event="suite_start", suite="smoke", count=2)


def result(value) -> Post:
    return Post(event="step_result", result=value)


def test_a_new_record_is_empty():
    assert view(SuiteRecord()) == {
        "running": False,
        "current": "",
        "results": (),
        "last_green": None,
        "last_red": None,
        "total_expected": 0,
    }


def test_results_are_kept_as_sent_and_the_current_check_is_named():
    seen = view(fold(START, result(GREEN), result(RED)))
    assert seen["running"] is True
    assert seen["results"] == (GREEN, RED)
    assert seen["current"] == "2. Countlength > 1"
    assert (seen["last_green"], seen["last_red"], seen["total_expected"]) == (GREEN, RED, 2)


def test_the_end_keeps_the_results():
    seen = view(fold(START, result(GREEN), Post(event="suite_end")))
    assert (seen["running"], seen["current"], seen["results"]) == (False, "", (GREEN,))


def test_a_start_with_a_count_begins_anew_and_without_one_appends():
    more = fold(START, result(GREEN), Post(event="suite_start", suite="fast"))
    assert (more.results, more.total_expected, more.suites) == ((GREEN,), 2, ("smoke", "fast"))
    anew = advance(more, Post(event="suite_start", suite="x", count=7))
    assert (anew.results, anew.last_green, anew.total_expected) == ((), None, 7)


@pytest.mark.parametrize("count", [0, None, False, "", []])
def test_only_a_truthy_count_begins_anew(count):
    assert fold(START, result(GREEN), Post(event="suite_start", count=count)).results == (GREEN,)


def test_an_unknown_event_changes_nothing():
    record = fold(START)
    assert advance(record, Post(event="lunch")) is record


@pytest.mark.parametrize("value", [None, 5, "x", [GREEN]])
def test_a_result_that_is_no_object_is_refused(value):
    with pytest.raises(Unprocessable, match="result"):
        advance(SuiteRecord(), result(value))


def test_only_the_newest_results_are_kept(monkeypatch):
    monkeypatch.setattr(checks, "KEEP", 2)
    assert fold(*(result({"n": n}) for n in range(4))).results == ({"n": 2}, {"n": 3})


def test_what_a_finished_run_shows():
    seen = finished(fold(START, result(GREEN), result(RED)), 5)
    assert (seen["passed"], seen["failed"], seen["finished"], seen["suites"]) == (
        1,
        1,
        5,
        ("smoke",),
    )


@given(st.lists(st.sampled_from([START, result(GREEN), result(RED), Post(event="suite_end")])))
def test_the_last_green_and_red_are_results_of_the_record(posts):
    record = fold(*posts)
    for last in (record.last_green, record.last_red):
        assert last is None or last in record.results
