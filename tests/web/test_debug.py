"""The doors of the debugger: what they pass on, answer and refuse."""

import pytest

from agent.engine.stops import Edit
from web.conftest import HELD


@pytest.mark.parametrize(
    ("verb", "body", "asked"),
    [
        ("pause", {}, ("pause", "main")),
        ("pause", {"channel": "side"}, ("pause", "side")),
        ("step", {}, ("step", "frame", "main")),
        ("step", {"unit": "node", "channel": "side"}, ("step", "node", "side")),
        ("finish", {"channel": "side"}, ("finish", "side")),
        ("drop", {"channel": "side"}, ("drop", "side")),
    ],
)
def test_a_verb_is_passed_on_and_answered_with_what_is_held(world, client, verb, body, asked):
    answer = client.post(f"/api/debug/{verb}", json=body)
    assert (answer.status_code, answer.json()) == (200, HELD)
    assert world.runtime.asked == [asked]


def test_an_empty_body_will_do(world, client):
    assert client.post("/api/debug/step").status_code == 200
    assert client.post("/api/debug/pause?channel=side").status_code == 200
    assert world.runtime.asked == [("step", "frame", "main"), ("pause", "side")]


def test_what_takes_too_long_is_202_with_how_far_it_is(world, client):
    answer = client.post("/api/debug/run_to", json={"frame": 7, "channel": "side"})
    assert (answer.status_code, answer.json()) == (202, HELD)
    assert world.runtime.asked == [("run_to", 7, "side")]


def test_nothing_held_is_409(client):
    answer = client.post("/api/debug/resume", json={})
    assert (answer.status_code, answer.json()["error"]) == (409, "not_held")


def test_edits_are_passed_on_as_they_came(world, client):
    edits = [{"path": "/memory/a", "value": None}, {"path": "/pending/a/data", "value": [1]}]
    answer = client.patch("/api/debug/pending?channel=side", json={"edits": edits})
    assert (answer.status_code, answer.json()) == (200, HELD)
    given = (Edit(path="/memory/a", value=None), Edit(path="/pending/a/data", value=[1]))
    assert world.runtime.asked == [("edit", given, "side")]


@pytest.mark.parametrize(
    "edits",
    [None, [], {}, [{}], [{"path": "/memory"}], [{"value": 1}], [{"path": 1, "value": 1}],
     [{"path": "/memory", "value": 1, "more": 1}], [{"path": "/memory", "value": 1}] * 101],
)  # fmt: skip
def test_edits_of_another_shape_are_422(world, client, edits):
    answer = client.patch("/api/debug/pending", json={"edits": edits})
    assert (answer.status_code, answer.json()["error"]) == (422, "unprocessable")
    assert world.runtime.asked == []


def test_breakpoints_are_a_list_in_both_directions(world, client):
    rows = [{"node": "pa", "when": None}, {"on": "tool", "tool": "query_db", "id": "mine"}]
    answer = client.put("/api/debug/breakpoints?channel=side", json=rows)
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()] == ["b1", "mine"]
    assert answer.json()[0]["at"] == "before"
    assert answer.json()[0]["enabled"] is True
    assert client.get("/api/debug/breakpoints").json() == answer.json()
    assert client.put("/api/debug/breakpoints", json=answer.json()).json() == answer.json()
    assert world.runtime.asked[0] == ("breakpoints", "side")


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ({}, "unprocessable"),
        (None, "unprocessable"),
        ([1], "unprocessable"),
        ([{"at": "around"}], "unprocessable"),
        ([{"frame": "x"}], "unprocessable"),
        ([{"colour": "red"}], "unprocessable"),
        ([{"when": "frame ="}], "bad_condition"),
        ([{"when": "frame ==", "enabled": False}], "bad_condition"),
    ],
)
def test_breakpoints_that_cannot_be_are_422(client, rows, error):
    answer = client.put("/api/debug/breakpoints", json=rows)
    assert (answer.status_code, answer.json()["error"]) == (422, error)


def test_a_bad_condition_names_breakpoint_and_column(client):
    rows = [{"node": "a"}, {"id": "mine", "when": "node == 'x' or"}]
    detail = client.put("/api/debug/breakpoints", json=rows).json()["detail"]
    assert detail == "breakpoint mine: when: column 15: expected a value, got nothing more"


@pytest.mark.parametrize("body", [{"unit": "mile"}, {"unit": None}, {"channel": "../x"}])
def test_a_step_of_another_kind_is_422(client, body):
    assert client.post("/api/debug/step", json=body).status_code == 422


@pytest.mark.parametrize(
    "body", [{}, {"frame": 0}, {"frame": 1.5}, {"frame": "1"}, {"frame": 2**40}]
)
def test_a_frame_that_cannot_be_is_422(client, body):
    assert client.post("/api/debug/run_to", json=body).status_code == 422
