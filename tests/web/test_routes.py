"""Every route: what it passes on, what it answers, what it refuses."""

import msgspec
import pytest

from agent.core.runs import RunStatus
from agent.runtime.desk import NO_WORKSPACE
from agent.runtime.forks import Wish
from agent.web.routes import ENDPOINTS

JSON_ROUTES = [e for e in ENDPOINTS if e.method == "GET" and e.answer is not None]


def url(endpoint) -> str:
    path = endpoint.path.replace("{path:path}", "plain.svg")
    if endpoint.path == "/api/diff":
        return "/api/diff?left=r-1&right=r-2"
    if endpoint.path.startswith("/api/traces"):
        return path.replace("{run_id}", "r-1").replace("{frame}", "1")
    return path.replace("{id}", "msg_1")


@pytest.mark.parametrize("endpoint", JSON_ROUTES, ids=lambda e: e.path)
def test_an_answer_has_the_declared_shape(client, endpoint):
    answer = client.get(url(endpoint))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    msgspec.convert(answer.json(), endpoint.answer)


def test_a_send_is_passed_on(world, client):
    answer = client.post(
        "/api/send", json={"text": "hello", "dashboard": {"a": 1}, "channel": "side"}
    )
    assert answer.json() == {"status": "queued", "id": "msg_1", "run_id": "r-000000000001-0000"}
    assert world.runtime.asked == [("send", "hello", "side", {"a": 1}, False, "api", None, "")]


def test_queue_is_asked_for(world, client):
    world.runtime.busy = True
    refused = client.post("/api/send", json={"text": "x"})
    assert (refused.status_code, refused.json()) == (
        409,
        {"detail": "Pipeline already running", "error": "busy"},
    )
    assert client.post("/api/send", json={"text": "x", "queue": True}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n"}, {"text": None}, {"txt": "x"}])
def test_a_blank_send_is_400_but_busy_comes_first(world, client, body):
    answer = client.post("/api/send", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Missing 'text' field")
    world.runtime.busy = True
    assert client.post("/api/send", json=body).status_code == 409


def test_an_empty_body_counts_as_an_empty_object(client):
    assert client.post("/api/send").status_code == 400
    assert client.post("/api/clear").json() == {"status": "cleared"}
    assert client.post("/api/send/check").json()["ready"] is True
    answer = client.post("/api/graph/switch")
    assert (answer.status_code, answer.json()["detail"]) == (422, "Missing 'name' field")


def test_the_idempotency_key_goes_along_with_a_hash_of_the_meaning(world, client):
    for content in ('{"text":"a","queue":true}', '{ "queue": true, "text": "a" }', '{"text":"b"}'):
        client.post(
            "/api/send",
            content=content,
            headers={"idempotency-key": "k", "content-type": "application/json"},
        )
    hashes = [asked[-1] for asked in world.runtime.asked]
    assert [asked[-2] for asked in world.runtime.asked] == ["k"] * 3
    assert hashes[0] == hashes[1] != hashes[2]
    assert client.post("/api/send", headers={"idempotency-key": "k" * 256}).status_code == 422


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/result?id=msg_7&channel=a", ("result", "msg_7", "a")),
        ("/api/frames?last=100&run=r-1", ("frames", 100, "r-1", "main")),
        ("/api/history?last=1000", ("history", 1000, "main")),
        (
            "/api/runs?status=done&kind=replay&before=r-9&limit=3",
            ("runs", None, "done", "replay", "r-9", 3),
        ),
        ("/api/traces?q=hello&limit=1", ("traces", 1, None, "hello")),
        ("/api/traces/r-1?skeleton=1", ("skeleton", "r-1")),
        ("/api/traces/r-1/frames/9999", ("frame", "r-1", 9999)),
    ],
)
def test_a_query_is_passed_on(world, client, path, asked):
    assert client.get(path).status_code == 200
    assert world.runtime.asked == [asked]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/frames?last=0", "last"),
        ("/api/frames?last=101", "last"),
        ("/api/frames?last=x", "last"),
        ("/api/frames?last=", "last"),
        ("/api/frames?last=1e9", "last"),
        ("/api/frames?last=5&last=6", "last"),
        ("/api/frames?last=" + "9" * 5000, "last"),
        ("/api/history?last=1001", "last"),
        ("/api/history?last=-1", "last"),
        ("/api/trace?last=0", "last"),
        ("/api/trace?last=1001", "last"),
        ("/api/runs?limit=201", "limit"),
        ("/api/runs?status=gone", "status"),
        ("/api/runs?kind=gone", "kind"),
        ("/api/events?since=-1", "since"),
        ("/api/events?since=x", "since"),
        ("/api/traces?q=" + "x" * 1001, "q"),
        ("/api/state?channel=", "channel"),
        ("/api/state?channel=../x", "channel"),
        ("/api/state?channel=main%0a", "channel"),
        ("/api/state?channel=" + "x" * 65, "channel"),
        ("/api/state?channel=%C3%A4", "channel"),
    ],
)
def test_a_wrong_query_names_the_parameter(client, path, field):
    answer = client.get(path)
    assert answer.status_code == 422
    assert f"`{field}`" in answer.json()["detail"]
    assert answer.json()["error"] == "unprocessable"
    assert len(answer.text) < 1000


STATUSES = " or ".join(sorted(repr(str(status)) for status in RunStatus))


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/traces/r-1/export?format=pdf", "`format`: expected 'html' or 'zip', got 'pdf'"),
        ("/api/runs?status=gone", f"`status`: expected {STATUSES}, got 'gone'"),
    ],
)
def test_a_wrong_choice_is_told_all_choices_once(client, path, detail):
    assert client.get(path).json()["detail"] == detail


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/api/send", {"text": 5}, "`text`: expected `str | null`, got `int`"),
        ("/api/send", [], "`body`: expected `object`, got `array`"),
        ("/api/send", {"text": "x", "queue": "yes"}, "`queue`: expected `bool`, got `str`"),
        ("/api/send", {"text": "x", "channel": "a b"}, "`channel`: expected 1 to 64"),
        (
            "/api/graph/switch",
            {"name": "x", "when": "never"},
            "`when`: expected 'after' or 'cancel' or 'now', got 'never'",
        ),
        ("/api/head", {}, "Missing 'run_id' field"),
        ("/api/traces/r-1/replay", {"pinned": 1}, "`pinned`: expected `bool`, got `int`"),
        ("/api/test/status", {}, "Missing 'event' field"),
        ("/api/test/status", {"event": 5}, "`event`: expected `str`, got `int`"),
        ("/api/test/status", {"event": "step_result"}, "`result`: expected an object, got None"),
        ("/api/traces/r-1/test", {"cassette": "../x.json"}, "`cassette`: expected `str` matching"),
        ("/api/traces/r-1/fork", {"frame": 0}, "`frame`: expected"),
        (
            "/api/traces/r-1/fork",
            {"edits": [{"target": "x", "value": 1}]},
            "`edits[0].target`: expected 'envelope' or 'memory' or ",
        ),
        (
            "/api/traces/r-1/fork",
            {"edits": [{"target": "model"}]},
            "Missing 'edits[0].value' field",
        ),
        ("/api/replays", {"case": "x"}, "Missing 'cassette' field"),
        ("/api/replays", {"case": "x", "cassette": 1, "mode": "dead"}, "`mode`: expected '"),
        ("/auth/exchange", {"token": 5}, "`token`: expected `str | null`, got `int`"),
    ],
)
def test_a_wrong_body_names_the_field(client, path, body, detail):
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)


@pytest.mark.parametrize("content", ["{", "x", '{"text":"\\ud800"}', "{'a':1}", '{"a":1}{}', "nul"])
def test_what_is_no_json_is_400(client, content):
    answer = client.post("/api/send", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_input")
    assert answer.json()["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/result?id=msg_404"),
        ("GET", "/api/runs/none"),
        ("POST", "/api/runs/none/cancel"),
        ("POST", "/api/runs/none/resume"),
        ("GET", "/api/traces/none"),
        ("POST", "/api/traces/none/replay"),
        ("POST", "/api/traces/none/test"),
        ("POST", "/api/traces/none/fork"),
        ("GET", "/api/traces/none/prompts"),
        ("GET", "/api/diff?left=r-1&right=none"),
        ("GET", "/api/nothing"),
        ("GET", "/health/"),
        ("GET", "/%2Fhealth"),
        ("GET", "/HEALTH"),
        ("GET", "/ws"),
        ("POST", "/nothing"),
    ],
)
def test_unknown_things_are_404_in_the_same_shape(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail", "error"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/send"), ("DELETE", "/api/state"), ("PUT", "/")]
)
def test_another_method_is_405_in_the_same_shape(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.json()["error"] == "method_not_allowed"
    assert "allow" in answer.headers


def test_an_unknown_graph_is_404(world, client):
    answer = client.post("/api/graph/switch", json={"name": "nope", "when": "after"})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_graph")
    assert world.runtime.asked == [("switch", "nope", "after", "main")]
    assert client.post("/api/graph/switch", json={"name": "v3-framed"}).json()["status"] == "ok"


def test_a_test_is_made_of_a_run_and_played(world, client):
    made = client.post("/api/traces/r-1/test", json={"cassette": "a.json"})
    assert made.json() == {"case": "# A", "cassette": {}, "checks": []}
    body = {"case": "# A", "cassette": {"a": [1]}, "mode": "live", "graph": "g", "suite": "s.md"}
    played = client.post("/api/replays", json=body)
    assert (played.status_code, played.json()["passed"]) == (200, 1)
    assert world.runtime.asked == [
        ("case_of", "r-1", "a.json"),
        ("try_case", "# A", b'{"a":[1]}', "live", "g", "s.md"),
    ]


def test_the_prompts_of_a_run_are_told_by_name(client):
    told = client.get("/api/traces/r-1/prompts").json()
    assert told == {"prompts": {"output": "of r-1"}}


def test_a_fork_is_asked_for_as_it_was_said(world, client):
    edit = {"target": "params", "node": "output", "path": "/temperature", "value": 0.2}
    body = {"frame": 2, "edits": [edit], "post": True, "confirm": True, "dry_run": True}
    assert client.post("/api/traces/r-1/fork", json=body).json()["reused"] == 1
    assert client.post("/api/traces/r-1/fork", json={}).status_code == 200
    wish = msgspec.convert(body, Wish)
    assert world.runtime.asked == [("fork", "r-1", wish), ("fork", "r-1", Wish())]


def test_a_head_without_a_channel_is_that_of_its_run(world, client):
    client.post("/api/head", json={"run_id": "r-1"})
    client.post("/api/head?channel=side", json={"run_id": "r-1"})
    client.post("/api/head", json={"run_id": "r-1", "channel": "main"})
    assert [asked[2] for asked in world.runtime.asked] == [None, "side", "main"]


def test_tool_calls_are_listed_and_one_is_stopped(world, client):
    listed = client.get("/api/processes", params={"status": "running", "last": 3}).json()
    [found] = listed["processes"]
    assert client.post("/api/processes/cancel", json={"pid": found["pid"]}).json() == found
    missing = client.post("/api/processes/cancel", json={"pid": "x"})
    assert (missing.status_code, missing.json()["error"]) == (404, "unknown_process")
    assert client.get("/api/processes?status=nonsense").status_code == 422
    assert world.runtime.asked[0] == ("processes", None, "running", 3)


def test_a_channel_in_the_body_wins_over_the_query(world, client):
    client.post("/api/clear?channel=a", json={"channel": "b"})
    client.post("/api/clear?channel=a")
    assert world.runtime.asked == [("clear", "b"), ("clear", "a")]


def test_a_defect_answers_500_without_a_traceback(world):
    client = world.client()
    with pytest.raises(ZeroDivisionError):
        client.post("/api/send", json={"text": "a bug"})
    quiet = world.client()
    quiet._transport.raise_server_exceptions = False
    answer = quiet.post("/api/send", json={"text": "a bug"})
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text


def test_cancel_and_replay_and_head(client):
    assert client.post("/api/runs/msg_1/cancel").json()["status"] == "cancelled"
    assert client.post("/api/traces/r-1/replay", json={"pinned": True}).json()["verdict"] == "exact"
    assert client.post("/api/head", json={"run_id": "r-1"}).json()["head"] == "r-1"


def test_a_broken_workspace_is_told_and_messages_are_still_taken(world, client, monkeypatch):
    assert client.get("/api/workspace").json()["folder"] is None
    broken = {"file": "nodes/a.py", "line": 3, "cause": "invalid syntax"}
    status = {**NO_WORKSPACE, "folder": "/ws", "errors": [broken]}
    monkeypatch.setattr(type(world.runtime), "workspace", lambda self: status)
    assert client.get("/api/workspace").json()["errors"] == [broken]
    monkeypatch.setattr(type(world.runtime), "degraded", lambda self: ["workspace"])
    assert client.get("/health").json() == {"status": "ok", "degraded": ["workspace"]}
    assert client.get("/probes/readyz").status_code == 200


def test_health_tells_what_is_degraded(world, client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/probes/readyz").json() == {"status": "ready", "checks": {"store": "ok"}}
    world.checks = {"store": "the disk is full", "model": True}
    assert client.get("/health").json() == {"status": "ok", "degraded": ["store"]}
    answer = client.get("/probes/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")


def test_the_last_events_come_flat(world, client):
    world.say(3)
    lines = client.get("/api/trace?last=2").json()["lines"]
    assert [line["text"].rstrip(".") for line in lines] == ["1", "2"]


def test_head_requests_get_headers_only(client):
    answer = client.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.head("/auth/launch?code=x").status_code == 405


def test_an_interrupted_run_is_gone_on_with(client, world):
    asks = client.post("/api/runs/msg_1/resume")
    assert (asks.status_code, asks.json()["error"]) == (409, "unknown_outcome")
    body = {"unknown": "done", "result": {"paid": 1}}
    gone_on = client.post("/api/runs/msg_1/resume", json=body).json()
    assert gone_on["status"] == "queued"
    assert gone_on["resumed_from"] == "r-000000000001-0000"
    assert world.runtime.asked[-1] == ("resume", "msg_1", "done", {"paid": 1})
    for wrong in ({"unknown": "maybe"}, {"unknown": "run", "result": 1}, {"result": 1}):
        assert client.post("/api/runs/msg_1/resume", json=wrong).status_code == 422
