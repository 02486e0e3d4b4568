"""Judging: what fits passes, what does not fails, and nothing at all fails."""

import pytest

from agent.cases.expect import EXPECTATIONS, expectation
from agent.cases.match import Evidence, find, judge
from agent.cases.suite import Click

SEEN = Evidence(
    run_id="r-1",
    response="There are 29 customers in Köln.",
    actions=(
        {"type": "button", "label": "Plus one", "action": "inc"},
        {"type": "button", "label": "−", "action": "dec"},
    ),
    state={
        "memorizer": {"user_name": "Ada", "facts": ["a", "b"], "topic": None},
        "ui": {"state": {"count": 1}, "machines": {"nav": {"current": "news"}}},
    },
    trace={
        "path": "expert",
        "total_frames": 4,
        "tokens": 900,
        "total_ms": 41.5,
        "frames": [{"node": "input"}, {"node": "pa"}],
        "post_frames": [{"node": "memorizer"}],
    },
    events=(
        {"event": "streaming", "node": "pa", "text": "One moment."},
        {"event": "tool_call", "node": "expert_eras", "tool": "query_db", "args": {"query": "DESCRIBE kunden"}},
        {"event": "tool_result", "node": "expert_eras", "tool": "query_db", "ok": False},
        {"event": "tool_call", "node": "expert_eras", "tool": "query_db", "args": {"query": "SELECT COUNT(*) FROM kunden"}},
        {"event": "tool_call", "node": "expert_eras", "tool": "create_machine", "args": {"id": "nav"}},
        {"event": "machine_created", "node": "expert_eras", "id": "nav"},
    ),
)  # fmt: skip

HOLDS = """
expect_response: contains "KÖLN" or "x"
expect_response: contains "29 customers"
expect_response: not contains "30" or "31"
expect_response: length > 30
expect_response: length == 31
expect_response: matches /^there ARE \\d+/
expect_actions: length == 2
expect_actions: any action contains "PLUS"
expect_actions: any action contains "x" or "dec"
expect_actions: no action contains "reset"
expect_state: user_name contains "ada"
expect_state: facts length == 2
expect_state: facts contains "b"
expect_state: count matches /^1$/
expect_state: state.count contains "1"
expect_state: machines.nav.current contains "news"
expect_state: user_name not contains "anonymous"
expect_trace: has pa
expect_trace: has memorizer
expect_trace: has expert_eras
expect_trace: has tool_call create_machine
expect_trace: has TOOL_CALL id="NAV"
expect_trace: has machine_created id="nav"
expect_trace: has x or machine_created
expect_trace: has tool_result query_db ok="false"
expect_trace: has expert_eras tool_call
expect_trace: no thinker
expect_trace: no thinker or director
expect_trace: no tool_call emit_actions
expect_trace: streaming before tool_call
expect_trace: tool_call before machine_created id="nav"
expect_frames: 4
expect_path: expert
expect_path: pa or expert
expect_sql: contains "count(*)"
expect_sql: not contains "delete"
expect_sql: matches /from\\s+kunden/
expect_sql: length == 2
expect_sql: "describe kunden" before "select"
expect_tokens: <= 900
expect_tokens: > 899
expect_ms: <= 42
""".splitlines()[1:]
FAILS = """
expect_response: contains "Leipzig" or "x"
expect_response: not contains "x" or "köln"
expect_response: length > 31
expect_response: length < 10
expect_response: matches /^customers/
expect_actions: length >= 3
expect_actions: any action contains "reset"
expect_actions: no action contains "plus"
expect_state: user_name contains "bob"
expect_state: topic contains "x"
expect_state: topic not contains "x"
expect_state: nothing length < 3
expect_state: facts length > 2
expect_state: count matches /^2$/
expect_trace: has thinker
expect_trace: has tool_call emit_actions
expect_trace: has tool_call create
expect_trace: has machine_created id="other"
expect_trace: has machine_created create_machine
expect_trace: has x or y
expect_trace: has pa input
expect_trace: no pa
expect_trace: no thinker or tool_call
expect_trace: no machine_created id="nav"
expect_trace: tool_call before streaming
expect_trace: streaming before interpreted
expect_trace: interpreted before streaming
expect_trace: streaming before streaming
expect_frames: 5
expect_path: expert+interpreter
expect_path: pa or reflex
expect_sql: contains "objekte"
expect_sql: not contains "kunden"
expect_sql: matches /^count/
expect_sql: length < 2
expect_sql: "select" before "describe"
expect_tokens: < 900
expect_ms: <= 41
""".splitlines()[1:]


def read(line):
    key, _, value = line.partition(": ")
    return expectation(key, value)


@pytest.mark.parametrize("line", HOLDS)
def test_what_fits_passes(line):
    assert judge(read(line), SEEN) == ""


@pytest.mark.parametrize("line", FAILS)
def test_what_does_not_fit_fails_and_says_what_came(line):
    assert judge(read(line), SEEN)


def test_every_kind_is_judged_both_ways():
    assert {line.partition(":")[0] for line in HOLDS} == {*EXPECTATIONS}
    assert {line.partition(":")[0] for line in FAILS} == {*EXPECTATIONS}


@pytest.mark.parametrize("line", [line for line in HOLDS if "no action" not in line])
def test_nothing_at_all_passes_no_check(line):
    assert judge(read(line), Evidence(run_id="r-1"))


@pytest.mark.parametrize("line", HOLDS)
def test_no_check_of_a_run_that_failed_passes(line):
    assert judge(read(line), Evidence(trouble="the run ended with error: x")).endswith("error: x")


def test_messages_say_what_was_expected_and_what_came():
    told = judge(read('expect_response: contains "Leipzig" or "Halle"'), SEEN)
    assert (
        told == 'expected "Leipzig" or "Halle"; the response is \'There are 29 customers in Köln.\''
    )
    told = judge(read("expect_trace: has thinker"), SEEN)
    assert told.startswith(
        "expected thinker, got nodes input, pa, memorizer; events streaming, tool_call query_db"
    )
    assert judge(read("expect_frames: 5"), SEEN) == "expected 5, got 4"
    told = judge(read('expect_state: age contains "1"'), SEEN)
    assert told == "expected a value 'age', got none; there are user_name, facts, topic, count"


def test_the_frame_trace_is_looked_at_before_the_events():
    assert judge(read("expect_trace: has pa"), Evidence(trace=SEEN.trace)) == ""
    assert judge(read("expect_trace: no pa"), Evidence(trace=SEEN.trace))
    assert judge(read("expect_trace: has tool_call"), Evidence(events=SEEN.events)) == ""


def button(label, action):
    return {"type": "button", "label": label, "action": action}


@pytest.mark.parametrize(
    ("patterns", "exact", "found"),
    [
        (("inc",), False, "increase"),
        (("+", "inc"), False, "more"),
        (("nothing", "RESET"), False, "reset_all"),
        (("back",), True, "back"),
        (("Go Back",), True, "back"),
        (("bac",), True, None),
        (("nothing",), False, None),
    ],
)
def test_patterns_are_tried_in_order_against_action_and_label(patterns, exact, found):
    shown = [
        button("Plus", "increase"),
        button("+", "more"),
        button("Reset", "reset_all"),
        button("go back", "back"),
    ]
    clicked = find(Click(line=1, patterns=patterns, exact=exact), shown)
    assert (clicked and clicked["action"]) == found
