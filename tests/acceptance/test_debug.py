"""Held, killed, started again, edited, let go: on the real server, over HTTP and on the command line."""

import json

import pytest
from acceptance.processes import events

LEIPZIG = "how many customers are in Leipzig?"
ROWS = {"columns": ["count"], "rows": [[4711]], "row_count": 1}


def breaks(served, *breakpoints: dict, channel="main") -> None:
    served.http.put(
        "/api/debug/breakpoints", json=list(breakpoints), params={"channel": channel}
    ).raise_for_status()


def hold(served, text=LEIPZIG, **more) -> tuple[str, dict]:
    """Send; wait for the event that says it is held."""
    run = served.send(text, **more)
    with served.http.stream("GET", "/api/events", params={"since": 0}) as response:
        for event in events(response):
            if event.get("run_id") == run and event.get("status") == "paused":
                break
    shown = served.get("/api/debug", channel=more.get("channel", "main"))
    assert (shown["held"], shown["run_id"], shown["status"]) == (True, run, "paused")
    return run, shown


def edit(served, path: str, value) -> dict:
    edits = [{"path": path, "value": value}]
    answer = served.http.patch("/api/debug/pending", json={"edits": edits})
    return answer.raise_for_status().json()


def exact(served, run: str) -> None:
    verdict = served.post(f"/api/traces/{run}/replay")
    assert (verdict["verdict"], verdict["divergence"]) == ("exact", None)
    assert verdict["matched"] == verdict["total"] > 0


PLACES = [
    ({"node": "expert_eras"}, "/memory/topic", "heating"),
    (
        {"at": "after", "node": "pa"},
        "/pending/expert_eras/text",
        "how many customers are in Dresden?",
    ),
    ({"on": "model", "node": "expert_eras"}, "/model_request/temperature", 0.5),
    ({"on": "tool", "when": "arguments.query contains 'count'"}, "/tool_result", ROWS),
    (
        {"on": "tool", "when": "arguments.query contains 'count'"},
        "/tool/arguments/query",
        "SELECT 4711 AS count",
    ),
    ({"frame": 4}, "/ui_state/n", 7),
]


@pytest.mark.parametrize(("breakpoint_", "path", "value"), PLACES, ids=lambda v: json.dumps(v)[:40])
def test_a_held_run_outlives_a_kill_at_the_same_place_with_its_edits(
    serve, breakpoint_, path, value
):
    one = serve()
    breaks(one, breakpoint_)
    run, _ = hold(one)
    waiting = one.send("hello")
    shown = edit(one, path, value)
    one.kill()

    two = serve()
    assert two.get("/api/debug") == shown
    assert two.get("/api/result", id="msg_1")["status"] == "paused"
    assert [r["status"] for r in two.get("/api/runs")["runs"]] == ["queued", "paused"]
    assert two.get("/api/debug/breakpoints")[0].items() >= breakpoint_.items()
    breaks(two)
    assert two.post("/api/debug/resume")["status"] == "running"
    ended = two.ended(run)
    assert ended["status"] == "done"
    assert two.ended(waiting)["status"] == "done"
    said = {
        "/tool_result": "4711",
        "/tool/arguments/query": "4711",
        "/pending/expert_eras/text": "Dresden",
    }.get(path, "29")
    assert said in ended["response"]
    kinds = [e["kind"] for e in two.get(f"/api/traces/{run}")["effects"]]
    assert kinds.count("operator_edit") == 1
    exact(two, run)


def test_a_held_run_outlives_a_terminated_server_that_does_not_wait_for_it(serve):
    one = serve()
    breaks(one, {"frame": 2})
    run, shown = hold(one)
    assert one.close() == 0
    two = serve()
    assert two.get("/api/debug") == shown
    shown = two.post("/api/debug/drop")
    assert (shown["held"], shown["status"]) == (False, "cancelled")
    assert two.get(f"/api/runs/{run}")["status"] == "cancelled"


NODE = '''"""Says a word."""


async def word(ctx, envelope):
    ctx.say("{word}")
'''
GRAPH = """
name = "words"
[[node]]
role = "input"
impl = "input_v1"
[[node]]
role = "word"
impl = "word"
[[edge]]
from = "input"
to = ["word"]
"""


def test_code_that_changed_while_it_was_held_ends_the_run_and_says_what(serve, tmp_path):
    desk = tmp_path / "desk"
    for folder in ("nodes", "graphs"):
        (desk / folder).mkdir(parents=True)
    (desk / "nodes" / "word.py").write_text(NODE.format(word="one"))
    (desk / "graphs" / "words.toml").write_text(GRAPH)
    one = serve("--workspace", desk, "--graph", "words")
    breaks(one, {"node": "word"})
    run, _ = hold(one, "hello")
    one.kill()
    (desk / "nodes" / "word.py").write_text(NODE.format(word="two"))
    two = serve("--workspace", desk, "--graph", "words")
    ended = two.ended(run)
    assert ended["status"] == "interrupted"
    assert "these have changed since: node:word" in ended["error"]
    assert [row["node"] for row in two.frames(run)["frames"]] == ["input", "word"]
    assert two.get("/api/result", id="msg_1")["status"] == "interrupted"
    breaks(two)
    again = two.send("hello")
    assert two.ended(again)["response"] == "two"


def test_every_kind_of_hold_on_one_server(server):
    for breakpoint_, path, value in PLACES:
        breaks(server, breakpoint_)
        run, _ = hold(server)
        edit(server, path, value)
        breaks(server)
        seen = []
        shown = server.http.post("/api/debug/step", json={"unit": "node"}).json()
        while shown["held"]:
            seen.append((shown["frame"], shown["node"]))
            shown = server.http.post("/api/debug/step", json={"unit": "node"}).json()
        assert seen[-1] in {(4, "ui"), (5, "ui")}
        assert shown["status"] == "done"
        exact(server, run)


def test_two_channels_are_held_at_once(server):
    breaks(server, {"node": "pa"}, channel="left")
    breaks(server, {"on": "model", "node": "pa"}, channel="right")
    left, _ = hold(server, channel="left")
    right, shown = hold(server, channel="right")
    assert shown["model_request"]["messages"]
    assert server.get("/api/debug", channel="left")["frame"] == 2
    assert server.get("/api/debug")["held"] is False
    for channel, run in (("right", right), ("left", left)):
        breaks(server, channel=channel)
        assert server.post("/api/debug/resume", channel=channel)["channel"] == channel
        assert server.ended(run)["status"] == "done"


def test_what_cannot_be_is_answered_clearly(server):
    http = server.http
    for verb, body in (("resume", {}), ("step", {}), ("run_to", {"frame": 2}), ("drop", {})):
        answer = http.post(f"/api/debug/{verb}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (409, "not_held")
    edits = {"edits": [{"path": "/memory/topic", "value": 1}]}
    answer = http.patch("/api/debug/pending", json=edits)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_held")
    for bad in (
        [{"when": "frame ="}],
        [{"frame": 0}],
        [{"on": "nothing"}],
        [{"colour": "red"}],
        {"node": "pa"},
        [{"node": "pa"}, 3],
    ):
        answer = http.put("/api/debug/breakpoints", json=bad)
        assert answer.status_code == 422, bad
    answer = http.put("/api/debug/breakpoints", json=[{"when": "frame ="}])
    assert (answer.json()["error"], "column 7" in answer.json()["detail"]) == (
        "bad_condition",
        True,
    )
    for body in ({"unit": "mile"}, {"unit": 3}):
        assert http.post("/api/debug/step", json=body).status_code == 422
    for body in ({}, {"frame": 0}, {"frame": "x"}):
        assert http.post("/api/debug/run_to", json=body).status_code == 422
    for body in (
        {},
        {"edits": []},
        {"edits": [{"path": "/memory"}]},
        {"edits": [{"path": 1, "value": 1}]},
    ):
        assert http.patch("/api/debug/pending", json=body).status_code == 422
    assert server.get("/api/debug/breakpoints") == []


def test_the_command_line_holds_shows_steps_and_says_so(serve):
    served = serve()
    assert served.cli("debug").returncode == 1
    assert served.cli("debug", "step").returncode == 1
    bad = served.cli("debug", "break", "--when", "frame =")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "column 7" in bad.stderr
    listed = served.cli("debug", "break", "--node", "pa", "--id", "mine", "--json")
    assert json.loads(listed.stdout)[0]["id"] == "mine"
    run, _ = hold(served)
    shown = served.cli("debug", "show")
    assert shown.returncode == 0
    assert f"{run} is held before frame 2 pa: breakpoint mine" in shown.stdout
    assert served.cli("debug", "edit", "/memory/facts", '["x"]').returncode == 0
    text = json.loads(served.cli("debug", "edit", "/memory/topic", "x y", "--json").stdout)
    assert (text["memory"]["topic"], text["memory"]["facts"]) == ("x y", ["x"])
    assert served.cli("debug", "edit", "/held", "true").returncode == 2
    stepped = json.loads(served.cli("debug", "step", "--json").stdout)
    assert stepped["frame"] == 3
    assert json.loads(served.cli("debug", "run-to", "4", "--json").stdout)["frame"] == 4
    assert "off" in served.cli("debug", "breakpoints", "--disable", "mine").stdout
    assert served.cli("debug", "breakpoints", "--remove", "yours").returncode == 2
    assert served.cli("debug", "resume").returncode == 0
    assert served.ended(run)["status"] == "done"
    armed = served.cli("debug", "pause")
    assert (armed.returncode, "the next run is held" in armed.stdout) == (0, True)
    run, _ = hold(served)
    assert served.cli("debug", "drop").returncode == 0
    assert served.ended(run)["status"] == "cancelled"
    assert served.cli("debug", "finish").returncode == 1
    every = served.cli("debug", "break")
    assert "every frame" in every.stdout
    run, _ = hold(served)
    assert served.cli("debug", "finish").returncode == 0
    assert served.ended(run)["status"] == "done"
    assert json.loads(served.cli("debug", "breakpoints", "--clear", "--json").stdout) == []
    assert served.close() == 0
    assert served.cli("debug").returncode == 2
