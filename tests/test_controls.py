"""Control tools, what the page shows, and clicks that need no model."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from agent.core import controls
from agent.core.buttons import MAX_CONTROLS
from agent.core.errors import ToolFailed
from agent.core.json import canonical
from agent.core.machines import MAX_MACHINE, MAX_STATES, controls_of
from agent.core.state import apply, at, fresh

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def did(*calls, state=None):
    """Run control tools in order and return the ui they leave."""
    state = fresh("ada") if state is None else state
    for tool, arguments in calls:
        _, changes = controls.run(tool, arguments, at(state, "ui"))
        state = apply(state, changes)
    return at(state, "ui")


def click(ui, action, data=None):
    found = controls.resolve(ui, action, data)
    return None if found is None else at(apply({"ui": ui}, found.changes), "ui")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({"label": "Go", "action": "go_on"}, {"label": "Go", "action": "go_on"}),
        ({"text": "Go", "id": "x"}, {"label": "Go", "action": "x"}),
        ({"text": "Go", "go": "home"}, {"label": "Go", "action": "home", "go": "home"}),
        (
            {"label": "A", "action": "a", "data": {"n": 1}},
            {"label": "A", "action": "a", "payload": {"n": 1}},
        ),
        ({"label": "A", "action": "a", "payload": 3}, {"label": "A", "action": "a", "payload": 3}),
        ("Help me", {"label": "Help me", "action": "help_me"}),
        ({"action": "save"}, {"label": "save", "action": "save"}),
        (
            {"label": "+", "op": "inc", "var": "n"},
            {"label": "+", "action": "+", "payload": {"op": "inc", "var": "n"}},
        ),
    ],
)
def test_a_button_has_one_form_however_it_was_written(written, kept):
    ui = did(("emit_actions", {"actions": [written]}))
    assert controls.current(ui) == [{"type": "button", **kept}]


def test_new_buttons_replace_buttons_and_leave_displays():
    ui = did(
        ("emit_display", {"items": ["Total"]}),
        ("emit_actions", {"actions": ["A"]}),
        ("emit_actions", {"actions": ["B"]}),
    )
    assert [c.get("text") or c.get("label") for c in controls.current(ui)] == ["Total", "B"]


def test_a_label_bound_to_a_value_shows_it():
    ui = did(
        ("set_state", {"key": "count", "value": 7}),
        ("emit_display", {"items": [{"label": "Count", "var": "count"}]}),
    )
    assert controls.current(ui) == [{"type": "label", "label": "Count", "var": "count", "value": 7}]


def test_a_table_is_made_of_rows_or_of_objects():
    ui = did(("emit_display", {"items": [{"rows": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}]}))
    assert controls.current(ui) == [
        {"type": "table", "columns": ["a", "b"], "rows": [[1, 2], [3, 4]]}
    ]


STATES = {"red": {"buttons": [{"label": "Next", "go": "green"}]}, "green": ["red"]}


@pytest.mark.parametrize(
    "states",
    [
        STATES,
        [
            {"name": "red", "buttons": [{"label": "Next", "go": "green"}]},
            {"state": "green", "actions": ["red"]},
        ],
        {"red": {"on": {"Next": "green"}}, "green": "red"},
    ],
)
def test_states_are_taken_as_dict_or_list(states):
    ui = did(("create_machine", {"id": "light", "initial": "red", "states": states}))
    assert [c["label"] for c in controls.current(ui)] == ["light", "Next"]
    assert {c["machine_id"] for c in controls.current(ui)} == {"light"}
    ui = click(ui, "green", {"machine_id": "light"})
    assert at(ui, "machines", "light", "current") == "green"
    assert at(click(ui, "red"), "machines", "light", "current") == "red"


def test_bare_states_lead_to_each_other():
    ui = did(
        ("create_machine", {"id": "nav", "initial": "home", "states": ["home", "shop", "cart"]})
    )
    assert [c.get("go") for c in controls.current(ui)] == [None, "shop", "cart"]
    ui = did(("add_state", {"id": "nav", "state": "help"}), state={"ui": ui})
    assert [c.get("go") for c in controls.current(ui)] == [None, "shop", "cart", "help"]


def test_a_state_is_added_to_a_machine_with_buttons_and_can_be_left_again():
    ui = did(
        ("create_machine", {"id": "light", "initial": "red", "states": STATES}),
        ("add_state", {"id": "light", "state": "blinking", "from": ["red"]}),
    )
    assert [c.get("go") for c in controls.current(ui)] == [None, "green", "blinking"]
    ui = click(ui, "blinking")
    assert at(click(ui, "red"), "machines", "light", "current") == "red"


def test_machines_coexist_reset_and_go_away_while_buttons_stay():
    ui = did(
        ("create_machine", {"id": "a", "initial": "x", "states": ["x", "y"]}),
        ("create_machine", {"id": "b", "initial": "y", "states": ["x", "y"]}),
        ("emit_actions", {"actions": ["Help"]}),
    )
    ui = click(ui, "y", {"machine_id": "a"})
    assert [at(ui, "machines", m, "current") for m in "ab"] == ["y", "y"]
    ui = did(("reset_machine", {"id": "a"}), ("destroy_machine", {"id": "b"}), state={"ui": ui})
    assert at(ui, "machines", "a", "current") == "x"
    assert "b" not in at(ui, "machines")
    assert [c["label"] for c in controls.current(ui)] == ["Help", "a", "y"]


@pytest.mark.parametrize(
    ("payload", "before", "after"),
    [
        ({"op": "inc", "var": "v"}, 1, 2),
        ({"op": "inc", "var": "v", "step": 5}, None, 5),
        ({"op": "dec", "var": "v", "step": 0.5}, 1, 0.5),
        ({"op": "set", "var": "v", "value": "x"}, 1, "x"),
        ({"op": "toggle", "var": "v"}, False, True),
        ({"op": "toggle", "var": "v"}, None, True),
        ({"op": "inc", "var": "v"}, "text", 1),
    ],
)
def test_a_bound_click_changes_its_value(payload, before, after):
    ui = did(("emit_actions", {"actions": [{"label": "B", "action": "b", "payload": payload}]}))
    ui = {**ui, "state": {} if before is None else {"v": before}}
    found = controls.resolve(ui, "b", payload)
    assert found is not None
    assert (found.id, found.before, found.after) == ("v", before, after)
    assert at(click(ui, "b"), "state", "v") == after


def test_payload_tells_apart_buttons_that_share_an_action():
    one, two = {"op": "inc", "var": "one"}, {"op": "inc", "var": "two"}
    actions = [
        {"label": "+", "action": "inc", "payload": one},
        {"label": "+", "action": "inc", "payload": two},
    ]
    ui = did(("emit_actions", {"actions": actions}))
    assert at(click(ui, "inc", two), "state") == {"two": 1}
    assert at(click(ui, "inc"), "state") == {"one": 1}


def wizard(*buttons):
    """A machine whose first state has ``buttons``."""
    states = {"a": {"buttons": [*buttons]}, "b": {"buttons": []}, "c": {"buttons": []}}
    return "create_machine", {"id": "m", "initial": "a", "states": states}


def test_action_and_payload_tell_apart_buttons_of_one_machine():
    one, two = ({"label": "+", "action": "inc", "payload": {"op": "inc", "var": v}} for v in "xy")
    ui = did(wizard(one, two))
    for button, var in ((one, "x"), (two, "y")):
        data = {"machine_id": "m", "payload": button["payload"]}
        assert at(click(ui, "inc", data), "state") == {var: 1}
        assert at(click(ui, "inc", button["payload"]), "state") == {var: 1}
    assert at(click(ui, "inc", {"machine_id": "m"}), "state") == {"x": 1}


def test_the_target_tells_apart_buttons_of_one_machine():
    ui = did(wizard(*({"label": "on", "action": "on", "go": state} for state in "bc")))
    for state in "bc":
        after = click(ui, "on", {"machine_id": "m", "go": state})
        assert at(after, "machines", "m", "current") == state


@pytest.mark.parametrize(
    "data",
    [
        {"machine_id": "m", "payload": {"op": "inc", "var": "z"}},
        {"machine_id": "gone"},
        {"op": "inc", "var": "z"},
        {"machine_id": "m", "go": "b"},
    ],
)
def test_data_that_no_button_has_does_nothing_on_a_guess(data):
    ui = did(
        wizard(*({"label": "+", "action": "inc", "payload": {"op": "inc", "var": v}} for v in "xy"))
    )
    assert controls.resolve(ui, "inc", data) is None


SENT = st.sampled_from(
    [None, 1, "p", {"op": "inc", "var": "x"}, {"op": "dec", "var": "y"}, {"machine_id": "m"}]
)
SHOWN = st.builds(
    lambda label, action, payload: {"label": label, "action": action, "payload": payload},
    st.sampled_from("AB"), st.sampled_from(["go", "A"]), SENT,
)  # fmt: skip


@given(st.lists(SHOWN, max_size=5), st.lists(SHOWN, max_size=5))
def test_what_can_be_seen_can_be_clicked(own, of_machine):
    ui = did(("emit_actions", {"actions": own}), wizard(*of_machine))
    for control in controls.current(ui):
        if control["type"] == "button":
            data = controls.sent(control)
            found = controls.clicked(ui, control["action"], data)
            assert controls.sent(found) == data
            assert control["action"] in (found["action"], found["label"])


@pytest.mark.parametrize(
    "payload", [None, {"op": "explode", "var": "v"}, {"op": "inc"}, "inc", {"op": "inc", "var": 3}]
)
def test_any_other_click_needs_a_run(payload):
    ui = did(("emit_actions", {"actions": [{"label": "B", "action": "b", "payload": payload}]}))
    assert controls.resolve(ui, "b", payload) is None
    assert controls.resolve(ui, "unknown", {"op": "inc", "var": "v"}) is None


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("emit_actions", {}, "actions"),
        ("emit_actions", {"actions": [{"payload": 1}]}, "actions[0].label"),
        ("emit_actions", {"actions": ["x"] * 41}, "actions"),
        (
            "emit_actions",
            {"actions": [{"label": "x", "payload": "y" * 5000}]},
            "actions[0].payload",
        ),
        ("emit_display", {"items": [{}]}, "items[0]"),
        ("emit_display", {"items": [{"rows": [[1]] * 201, "columns": ["a"]}]}, "items[0].rows"),
        ("set_state", {"key": "a"}, "value"),
        ("set_state", {"key": "", "value": 1}, "key"),
        ("set_state", {"key": "a", "value": "y" * 20_000}, "value"),
        ("create_machine", {"id": "a", "initial": "z", "states": ["x"]}, "initial"),
        ("create_machine", {"id": "a", "initial": "x", "states": []}, "states"),
        ("create_machine", {"id": "a", "initial": "x", "states": ["x", "x"]}, "states"),
        (
            "create_machine",
            {"id": "a", "initial": "x", "states": {"x": ["nowhere"]}},
            "states.x.buttons.go",
        ),
        ("add_state", {"id": "none", "state": "x"}, "id"),
        ("reset_machine", {}, "id"),
        ("destroy_machine", [], "arguments"),
    ],
)
def test_what_is_wrong_is_named(tool, arguments, field):
    with pytest.raises(ToolFailed) as caught:
        controls.run(tool, arguments, at(fresh("ada"), "ui"))
    assert caught.value.code == "bad_arguments"
    assert str(caught.value).startswith(f"{field}: ")


def test_a_machine_that_is_too_big_is_refused_whichever_way_it_grows():
    big = {"label": "x", "payload": "y" * 4000}
    states = {f"s{n}": {"buttons": [big] * 8} for n in range(4)}
    with pytest.raises(ToolFailed, match="states: expected at most 131072 bytes of JSON, got '13"):
        controls.run("create_machine", {"id": "m", "states": {**states, "last": [big]}}, {})
    ui = did(("create_machine", {"id": "m", "states": states}))
    with pytest.raises(ToolFailed, match="state: expected at most 131072 bytes of JSON"):
        controls.run("add_state", {"id": "m", "state": "more", "buttons": [big] * 4}, ui)
    assert controls.run("add_state", {"id": "m", "state": "more"}, ui)


def test_a_state_that_is_full_gets_no_button_more():
    states = {"full": [f"b{n}" for n in range(40)], "free": []}
    states = {name: [{"label": b} for b in buttons] for name, buttons in states.items()}
    ui = did(("create_machine", {"id": "m", "states": states}))
    with pytest.raises(
        ToolFailed, match="from: expected states with fewer than 40 buttons, got 'full'"
    ):
        controls.run("add_state", {"id": "m", "state": "new"}, ui)
    ui = did(("add_state", {"id": "m", "state": "new", "from": ["free"]}), state={"ui": ui})
    assert [b["label"] for b in at(ui, "machines", "m", "states", "free", "buttons")] == ["new"]


NAMES = st.sampled_from([f"s{n}" for n in range(45)] + ["n" * 100])
FEW_OR_MANY = st.sampled_from([0, 1, 39, 40])
PLAIN = st.sampled_from([{"label": "x"}, {"label": "y", "payload": "z" * 1000}])
GROWTH = st.fixed_dictionaries(
    {"state": NAMES},
    optional={
        "buttons": st.builds(lambda button, count: [button] * count, PLAIN, FEW_OR_MANY),
        "from": st.lists(NAMES, max_size=3),
    },
)


@given(st.lists(NAMES, min_size=1, max_size=40, unique=True), st.lists(GROWTH, max_size=6))
def test_a_machine_keeps_its_limits_whatever_is_added(names, additions):
    ui = did(("create_machine", {"id": "m", "states": names}))
    for addition in additions:
        with suppress(ToolFailed):
            ui = did(("add_state", {"id": "m", **addition}), state={"ui": ui})
        machine = at(ui, "machines", "m")
        assert len(canonical(machine)) <= MAX_MACHINE
        assert len(machine["states"]) <= MAX_STATES
        assert max(len(state["buttons"]) for state in machine["states"].values()) <= MAX_CONTROLS
        assert len(controls_of(machine)) <= MAX_CONTROLS + 1


def test_an_unknown_tool_is_refused_and_every_tool_is_told_of():
    with pytest.raises(ToolFailed, match="no control tool"):
        controls.run("paint", {}, {})
    assert {spec["function"]["name"] for spec in controls.SPECS} == controls.NAMES


def test_a_page_that_differs_is_named_and_one_that_is_unknown_is_not():
    ui = did(("emit_actions", {"actions": ["A"]}))
    assert "['A']" in controls.mismatch(ui, {"controls": []})
    assert controls.mismatch(ui, controls.current(ui)) == ""
    assert controls.mismatch(ui, None) == controls.mismatch(ui, {"viewport": 3}) == ""


@given(st.sampled_from(sorted(controls.NAMES)), JSON)
def test_no_arguments_end_in_anything_but_changes_or_a_named_refusal(tool, arguments):
    ui = did(("create_machine", {"id": "m", "initial": "x", "states": ["x", "y"]}))
    try:
        _, changes = controls.run(tool, arguments, ui)
    except ToolFailed as failure:
        changes = None
        code = failure.code
    if changes is None:
        assert code == "bad_arguments"
        return
    after = at(apply({"ui": ui}, changes), "ui")
    for control in controls.current(after):
        assert control["type"]
        if control["type"] == "button":
            controls.resolve(after, control["action"], control.get("payload"))


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, unique=True),
    st.lists(st.sampled_from("abcd"), max_size=8),
)
def test_a_machine_is_always_in_one_of_its_states(states, clicks):
    ui = did(("create_machine", {"id": "m", "initial": states[0], "states": states}))
    for action in clicks:
        before = at(ui, "machines", "m", "current")
        after = click(ui, action)
        ui = after or ui
        assert at(ui, "machines", "m", "current") == (
            action if action in states and action != before else before
        )


NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False))
VALUES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5), st.lists(st.none()))


@given(
    st.dictionaries(st.sampled_from(["op", "var", "step", "value"]), VALUES),
    st.sampled_from(["inc", "dec", "set", "toggle", "jump"]),
    st.booleans(),
    VALUES,
)
def test_no_payload_breaks_a_click_or_leaves_what_cannot_be_stored(payload, op, known, before):
    bound = {"op": op, "var": "n", **payload}
    button = {"type": "button", "label": "b", "action": "b", "payload": bound}
    ui = {"state": {"n": before} if known else {}, "controls": [button], "machines": {}}
    found = controls.resolve(ui, "b", bound)
    if found is None:
        return
    canonical(found.changes)
    value = at(apply({"ui": ui}, found.changes), "ui", "state", found.id)
    assert value == found.after


@pytest.mark.parametrize(
    "payload", [{"op": [], "var": "x"}, {"op": "inc", "var": ""}, {"op": {}, "var": []}]
)
def test_a_payload_that_names_no_value_is_for_a_model(payload):
    ui = {"controls": [{"type": "button", "label": "b", "action": "b", "payload": payload}]}
    assert controls.resolve(ui, "b", None) is None


def test_a_click_makes_no_more_values_than_there_may_be():
    payload = {"op": "inc", "var": "new"}
    ui = {
        "state": {f"k{n}": n for n in range(controls.MAX_KEYS)},
        "controls": [{"type": "button", "label": "b", "action": "b", "payload": payload}],
    }
    assert controls.resolve(ui, "b", None) is None
    ui["state"].pop("k0")
    assert controls.resolve(ui, "b", None).after == 1


def test_a_button_may_be_wrapped_in_its_name():
    ui = did(
        ("emit_actions", {"actions": [{"button": {"text": "Go", "id": "go"}}, {"button": "Stop"}]})
    )
    shown = [(c["label"], c["action"]) for c in controls.current(ui)]
    assert shown == [("Go", "go"), ("Stop", "stop")]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"type": "progress", "label": "Read", "value": 3, "max": 4}, {"type": "progress", "label": "Read", "text": "75%"}),
        ({"type": "progress", "value": 9, "max": 3}, {"type": "progress", "text": "100%"}),
        ({"type": "progress", "value": "40%"}, {"type": "progress", "text": "40%"}),
        ({"type": "gauge", "label": "n", "value": 5}, {"type": "label", "label": "n", "text": "5"}),
        ({"title": "T", "columns": ["a"], "rows": [[1]]}, {"type": "table", "columns": ["a"], "rows": [[1]], "label": "T"}),
    ],
)  # fmt: skip
def test_displays_take_one_of_three_shapes(given, kept):
    ui = did(("emit_display", {"items": [given]}))
    assert controls.current(ui) == [kept]
