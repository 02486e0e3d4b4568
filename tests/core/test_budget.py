"""What of a conversation fits: the system prompt and the end always, the middle as room allows."""

from hypothesis import given, strategies as st

from agent.core.budget import KEEP_TAIL, estimate, fit


def said(role: str, text: str = "x") -> dict[str, str]:
    return {"role": role, "content": text}


def conversation(*roles: str, size: int = 40) -> tuple[dict[str, str], ...]:
    return tuple(said(role, f"{place}:" + "x" * size) for place, role in enumerate(roles))


def test_what_fits_is_sent_as_it_is():
    messages = conversation("system", "user", "assistant", "user")
    assert fit(messages, 10_000) == (messages, 0)


def test_nothing_is_no_fault():
    assert fit((), 0) == ((), 0)


def test_the_oldest_of_the_middle_go_first():
    messages = conversation("system", *["user", "assistant"] * 5)
    room = sum(map(estimate, messages)) - 1
    kept, dropped = fit(messages, room)
    assert (kept, dropped) == (messages[:1] + messages[2:], 1)


def test_system_prompt_and_the_last_four_stay_even_without_room():
    messages = conversation("system", *["user", "assistant"] * 5)
    kept, dropped = fit(messages, 0)
    assert kept == messages[:1] + messages[-KEEP_TAIL:]
    assert dropped == 6


def test_without_a_system_prompt_only_the_end_stays():
    messages = conversation(*["user", "assistant"] * 4)
    assert fit(messages, 0)[0] == messages[-KEEP_TAIL:]


def test_a_tool_result_never_stays_without_the_message_that_asked_for_it():
    messages = conversation("system", "user", "assistant", *["tool"] * 6)
    kept, _ = fit(messages, 0)
    assert kept == (messages[0], *messages[2:])


def test_the_results_of_a_call_that_is_left_out_are_left_out_too():
    messages = conversation("system", "assistant", "tool", "tool", *["user", "assistant"] * 3)
    room = sum(map(estimate, messages)) - 1
    kept, dropped = fit(messages, room)
    assert kept == (messages[0], *messages[4:])
    assert dropped == 3


ROLES = st.lists(st.sampled_from(["user", "assistant", "tool"]), max_size=12)


@given(ROLES, st.booleans(), st.integers(0, 400))
def test_what_stays_is_the_head_and_one_unbroken_end(roles, system, room):
    messages = conversation(*(["system"] if system else []), *roles)
    head = 1 if system else 0
    kept, dropped = fit(messages, room)
    assert len(kept) + dropped == len(messages)
    assert kept == messages[:head] + messages[head + dropped :]
    assert len(kept) >= min(len(messages), KEEP_TAIL)


@given(ROLES, st.integers(0, 400))
def test_it_is_under_the_budget_or_nothing_more_could_go(roles, room):
    messages = conversation("system", *roles)
    kept, _ = fit(messages, room)
    spare = kept[1:-KEEP_TAIL] if len(kept) > KEEP_TAIL else ()
    asked_by = [m for m in spare if m["role"] != "tool"]
    tail_needs = kept[-KEEP_TAIL:][0]["role"] == "tool" if len(kept) > KEEP_TAIL else False
    assert sum(map(estimate, kept)) <= room or len(asked_by) <= (1 if tail_needs else 0)


@given(ROLES, st.integers(0, 400))
def test_what_was_cut_never_begins_with_an_orphaned_result(roles, room):
    messages = conversation("system", *roles)
    kept, dropped = fit(messages, room)
    if dropped:
        assert kept[1:2] == () or kept[1]["role"] != "tool"
