"""Whatever is sent, the answer is an error that says so, and the server goes on."""

import json

import pytest
from websockets.sync.client import connect

from agent.web.routes import ENDPOINTS

POSTS = [endpoint for endpoint in ENDPOINTS if endpoint.method == "POST"]
LONG = "n" * 10_000
VALUES = [
    None,
    True,
    -1,
    1e308,
    10**400,
    "",
    LONG,
    "\u0000",
    "\ud800",
    [],
    [[]],
    {},
    {"a": {"b": []}},
]
NAMES = [
    "text", "queue", "dashboard", "channel", "name", "when", "run_id", "pinned", "event", "suite",
    "count", "result", "token", "code", "since",
]  # fmt: skip
BODIES = [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{}" * 2, b"NaN", b'{"text": NaN}',
    b"[" * 100_000, b'{"a":' * 5_000, b'{"text": "\xff"}', b'{"text":"a","text":"b"}',
    b" " * 100_000, b'{"' + b"k" * 100_000 + b'": 1}', b'{"text": "\\ud800"}',
]  # fmt: skip
FINE = range(200, 500)


@pytest.fixture(autouse=True)
def alive(server):
    yield
    assert server.process.poll() is None
    assert server.get("/health") == {"status": "ok"}


def paths(endpoint) -> list[str]:
    if "{" not in endpoint.path:
        return [endpoint.path]
    head, _, rest = endpoint.path.partition("{")
    tail = rest.partition("}")[2]
    return [
        f"{head}{name}{tail}"
        for name in ("msg_1", "msg_0", "r-1", "x" * 5_000, "%00", "..%2f", "é")
    ]


def judge(answer) -> None:
    """An answer is never a defect, and every error is told in the one shape."""
    assert answer.status_code in FINE, (answer.request.url, answer.text)
    if answer.status_code >= 400:
        told = answer.json()
        assert told["detail"]
        assert told["error"]


@pytest.mark.parametrize("endpoint", POSTS, ids=lambda e: e.path)
def test_no_body_is_more_than_a_refusal(server, endpoint):
    for path in paths(endpoint):
        for body in BODIES:
            headers = {"content-type": "application/json"}
            judge(server.http.post(path, content=body, headers=headers))
        judge(server.http.post(path, content=b"x", headers={"content-type": "text/plain"}))


@pytest.mark.parametrize("endpoint", POSTS, ids=lambda e: e.path)
def test_no_value_of_a_wrong_type_is_more_than_a_refusal(server, endpoint):
    path = paths(endpoint)[0]
    for name in NAMES:
        for value in VALUES:
            body = json.dumps({"event": "step_result", name: value}, ensure_ascii=True)
            headers = {"content-type": "application/json"}
            judge(server.http.post(path, content=body.encode(), headers=headers))


@pytest.mark.parametrize(
    "name", [LONG, "a/b", "../x", "a b\n", "\u0000", "ä" * 300, " ", "-", "💥"]
)
def test_a_channel_name_is_taken_or_refused_everywhere(server, name):
    answers = [
        server.http.post("/api/send", json={"text": "hello", "channel": name, "queue": True}),
        server.http.post("/api/clear", json={"channel": name}),
        server.http.post(
            "/api/graph/switch", json={"name": "v3-framed", "when": "cancel", "channel": name}
        ),
    ]
    for answer in answers:
        judge(answer)
    statuses = {answer.status_code for answer in answers}
    assert statuses in ({200}, {422})
    for path in (
        "/api/state",
        "/api/poll",
        "/api/history",
        "/api/frames",
        "/api/result",
        "/api/info",
    ):
        judge(server.http.get(path, params={"channel": name}))


def test_an_unknown_channel_is_a_new_and_empty_one(server):
    assert server.get("/api/history", channel="never-seen")["messages"] == []
    assert server.get("/api/result", channel="never-seen")["status"] == "idle"


def test_a_message_of_anything_is_answered(server):
    for text in (
        LONG,
        "{{ 7 * 7 }} {% raw %}",
        "'; DROP TABLE kunden; --",
        "\u202e\u0000",
        "💥" * 99,
    ):
        run = server.send(text, channel="anything")
        record = server.ended(run)
        assert record["status"] == "done", record
    counted = server.ask("how many customers are in Leipzig?", channel="anything")
    assert counted["path"] == "expert"


@pytest.mark.parametrize("path", ["/ws", "/ws/test", "/ws/trace"])
def test_a_socket_answers_rubbish_and_stays(server, path):
    header = {"Authorization": f"Bearer {server.token}"}
    address = f"{server.url.replace('http', 'ws')}{path}"
    for rubbish in (
        "{",
        "[]",
        "null",
        "",
        '{"type": 1}',
        "[" * 50_000,
        b"\xff",
        '{"text": 1}',
        '{"text": "\\ud800"}',
    ):
        with connect(address, additional_headers=header, proxy=None) as socket:
            socket.recv(20)
            socket.send(rubbish)
            if path == "/ws":
                assert json.loads(socket.recv(20))["type"] == "error"
