"""The guard, for every route of the table: no route can be forgotten."""

import json
import logging

import pytest
from starlette.websockets import WebSocketDisconnect

from agent.web.limits import JSON_MEDIA
from agent.web.routes import ENDPOINTS, SOCKETS

HOST = "127.0.0.1:8765"
CLOSED = [e for e in ENDPOINTS if not e.open]
POSTS = [e for e in ENDPOINTS if e.method == "POST"]
HTTP = [*ENDPOINTS]


def name(endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def url(endpoint) -> str:
    return (
        endpoint.path.replace("{path:path}", "plain.svg")
        .replace("{id}", "msg_1")
        .replace("{run_id}", "r-1")
    )


def ask(world, endpoint, headers=(), body=b"", **more):
    return world.ask(endpoint.method, url(endpoint), [*headers], body, **more)


def test_the_open_routes_are_exactly_these():
    assert {name(e) for e in ENDPOINTS if e.open} == {
        "GET /",
        "GET /static/{path:path}",
        "GET /health",
        "GET /probes/healthz",
        "GET /probes/readyz",
        "GET /auth/config",
        "GET /auth/launch",
        "POST /auth/exchange",
    }


BAD_AUTH = [
    {},
    {"authorization": "Bearer wrong"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer"},
    {"authorization": "Basic the-right-token"},
    {"authorization": "the-right-token"},
    {"authorization": "Bearer the-right-token, Bearer x"},
    {"authorization": "Bearer the-right-toke"},
    {"authorization": "Bearer the-right-tokenn"},
    {"authorization": "Bearer THE-RIGHT-TOKEN"},
    {"authorization": "Bearer null"},
    {"authorization": "Bearer \xff\xfe"},
    {"authorization": "Bearer " + "x" * 8000},
    {"cookie": "framescope_8765=wrong"},
    {"cookie": "framescope_8765="},
    {"cookie": "framescope_8765=the-right-token"},
    {"cookie": "framescope=the-right-token"},
    {"cookie": "token=the-right-token"},
    {"x-token": "the-right-token"},
    {"x-forwarded-user": "root"},
    {"proxy-authorization": "Bearer the-right-token"},
]


@pytest.mark.parametrize("endpoint", CLOSED, ids=name)
def test_no_closed_route_answers_without_a_good_credential(shared, endpoint):
    for headers in BAD_AUTH:
        answer = ask(shared, endpoint, [*headers.items()], auth=False)
        assert answer.status == 401, headers
        assert answer.json()["error"] == "unauthorized"
        assert "python3 run.py open" in answer.json()["detail"]
        assert "data/token" in answer.json()["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"
    assert shared.runtime.asked == []


BAD_HOSTS = [
    None,
    "",
    "evil.example",
    "evil.example:8765",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:8766",
    "127.0.0.1:08765",
    "127.0.0.1:8765.",
    "127.0.0.1.:8765",
    "127.0.0.1:8765:8765",
    "127.0.0.1:8765@evil.example",
    "user@127.0.0.1:8765",
    "evil.example#127.0.0.1:8765",
    "evil.example/127.0.0.1:8765",
    "127.0.0.1:8765/",
    "127.0.0.1:8765, evil.example",
    "127.0.0.1.nip.example:8765",
    "localhost",
    "localhost.:8765",
    "localhost.evil.example:8765",
    "evil-localhost:8765",
    "LOCALHOST.:8765",
    "[::1]",
    "[0:0:0:0:0:0:0:1]:8765",
    "[::ffff:127.0.0.1]:8765",
    "::1:8765",
    "[::1%25lo]:8765",
    "0.0.0.0:8765",
    "127.1:8765",
    "2130706433:8765",
    "0x7f.0.0.1:8765",
    "127.0.0.2:8765",
    "127.0.0.1:8765\t",
    "127.0.0.1%3A8765",
    "http://127.0.0.1:8765",
    "*",
    "127.0.0.1\uff1a8765".encode("utf-8").decode("latin-1"),
]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_no_route_answers_for_a_foreign_host(shared, endpoint):
    for host in BAD_HOSTS:
        assert ask(shared, endpoint, [("host", host)]).status == 421, host
    assert ask(shared, endpoint, [("host", HOST), ("host", HOST)]).status == 421
    assert ask(shared, endpoint, [("host", "evil.example"), ("host", HOST)]).status == 421
    assert shared.runtime.asked == []


GOOD_HOSTS = ["127.0.0.1:8765", "localhost:8765", "LocalHost:8765", "[::1]:8765"]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_our_own_names_are_answered(world, host):
    assert world.client().get("/api/state", headers={"host": host}).status_code == 200


BAD_ORIGINS = [
    "null",
    "",
    "http://evil.example",
    "https://127.0.0.1:8765",
    "http://127.0.0.1",
    "http://127.0.0.1:8766",
    "http://127.0.0.1:8765.evil.example",
    "http://127.0.0.1:8765/",
    "http://127.0.0.1:8765/path",
    "http://user@127.0.0.1:8765",
    "http://127.0.0.1:8765@evil.example",
    "http://localhost.:8765",
    "http://localhost:3000",
    "http://evil-localhost:8765",
    "http://[::1]",
    "HTTP://LOCALHOST:8765",
    "http://127.0.0.1:8765 http://evil.example",
    "http://evil.example, http://127.0.0.1:8765",
    "file://",
    "chrome-extension://abc",
    "ws://127.0.0.1:8765",
    "127.0.0.1:8765",
    "*",
]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_no_route_answers_another_sites_page(shared, endpoint):
    for origin in BAD_ORIGINS:
        assert ask(shared, endpoint, [("origin", origin)]).status == 403, origin
    twice = [("origin", f"http://{HOST}"), ("origin", f"http://{HOST}")]
    assert ask(shared, endpoint, twice).status == 403
    assert shared.runtime.asked == []


@pytest.mark.parametrize("origin", [f"http://{host.lower()}" for host in GOOD_HOSTS])
def test_our_own_page_is_answered(world, origin):
    assert world.client(origin=origin).get("/api/state").status_code == 200


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_a_foreign_site_may_open_pages_and_nothing_else(world, endpoint):
    for site in ("cross-site", "same-site", "", "other"):
        for mode in ("cors", "no-cors", "navigate", "websocket", ""):
            answer = ask(world, endpoint, [("sec-fetch-site", site), ("sec-fetch-mode", mode)])
            opened = endpoint.page and mode == "navigate"
            assert answer.status in ((200, 422) if opened else (403,)), (site, mode)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_site_may_do_everything(world, site):
    assert world.client(**{"sec-fetch-site": site}).get("/api/state").status_code == 200


BAD_MEDIA = [
    None,
    "",
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-patch+json",
    "text/json",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; boundary=x",
    "text/plain; application/json",
]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_no_route_takes_a_body_of_another_media_type(shared, endpoint):
    for media in BAD_MEDIA:
        for body in (b'{"text":"x"}', [b'{"text":', b'"x"}']):
            answer = ask(shared, endpoint, [("content-type", media)], body)
            assert answer.status == 415, media
            how = "--json" if endpoint.media == JSON_MEDIA else "--data-binary"
            assert how in answer.json()["detail"]
    twice = [("content-type", endpoint.media[0]), ("content-type", "text/plain")]
    assert ask(shared, endpoint, twice, b"{}").status == 415
    assert shared.runtime.asked == []


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_an_empty_body_may_have_any_media_type(world, endpoint):
    assert ask(world, endpoint, [("content-type", "text/plain")]).status != 415


@pytest.mark.parametrize(
    "media", ["application/json", "Application/JSON", 'application/json; charset="UTF-8"']
)
def test_json_is_taken_however_it_is_written(client, media):
    answer = client.post("/api/send", content=b'{"text":"x"}', headers={"content-type": media})
    assert answer.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_compressed_body_is_not_taken(client, encoding):
    headers = {"content-type": "application/json", "content-encoding": encoding}
    assert client.post("/api/send", content=b"{}", headers=headers).status_code == 415


JSON = [("content-type", "application/json")]
DEEP = [
    b"[" * 65 + b"]" * 65,
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b"[" * 100_000,
    b'["]",' * 65 + b"1" + b"]" * 65,
]
NO_JSON = [b'{"a":NaN}', b"[Infinity]", b"-Infinity", b'{"a":"\xff"}', b"\xff\xfe{\x00}\x00"]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_no_route_takes_an_oversized_body(shared, endpoint):
    media = [("content-type", endpoint.media[0])]
    declared = [*media, ("content-length", str(endpoint.limit + 1))]
    assert ask(shared, endpoint, declared, [b"{", b"}"]).status == 413
    assert ask(shared, endpoint, [*media, ("content-length", "9" * 30)], [b"{}"]).status == 413
    assert ask(shared, endpoint, [*media, ("content-length", "-1")], [b"{}"]).status == 400
    answer = ask(shared, endpoint, media, [b" " * (endpoint.limit // 4)] * 5)
    assert (answer.status, answer.json()["error"]) == (413, "too_large")


@pytest.mark.parametrize("endpoint", [e for e in HTTP if e.media == JSON_MEDIA], ids=name)
def test_no_route_takes_deep_json_or_none_at_all(shared, endpoint):
    for body in [*DEEP, *NO_JSON]:
        answer = ask(shared, endpoint, JSON, body)
        assert (answer.status, answer.json()["error"]) == (400, "bad_input"), body[:20]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_no_route_takes_a_token_in_the_query(shared, endpoint):
    for query in (
        "token=x",
        "access_token=x",
        "a=1&token=",
        "%74oken=x",
        "token",
        "Token=&token=%00",
    ):
        answer = shared.ask(endpoint.method, f"{url(endpoint)}?{query}")
        assert answer.status == 401, query
        assert "allow_query_token" in answer.json()["detail"]


@pytest.mark.parametrize("endpoint", HTTP, ids=name)
def test_every_answer_has_the_security_headers(world, endpoint):
    for headers in ([], [("host", "evil.example")], [("authorization", "Bearer wrong")]):
        answer = ask(world, endpoint, headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] in ("no-store", "no-cache")


# Sockets


def refused(world, path: str, headers=()) -> int:
    """Return the status of a handshake that is refused."""
    start, body, *more = world.knock(path, [*headers])
    assert more == []
    assert start["type"] == "websocket.http.response.start"
    assert set(json.loads(body["body"])) == {"detail", "error"}
    return start["status"]


@pytest.mark.parametrize("path", SOCKETS)
def test_no_socket_answers_a_foreign_host_or_page(shared, path):
    for host in BAD_HOSTS:
        assert refused(shared, path, [("host", host)]) == 421
    for origin in BAD_ORIGINS:
        assert refused(shared, path, [("origin", origin)]) == 403
    for site in ("cross-site", "same-site"):
        foreign = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]
        assert refused(shared, path, foreign) == 403
    for query in ("token=the-right-token", "access_token=x", "%74oken=x"):
        assert refused(shared, f"{path}?{query}") == 401


@pytest.mark.parametrize(
    "path", ["/", "/ws/", "/ws/none", "/api/send", "/WS", "/ws/trace/x", "/static/x"]
)
def test_an_unknown_socket_is_404(shared, path):
    assert refused(shared, path) == 404


def closed_with(world, path: str, *texts: str, headers=()) -> str:
    """Return why the socket was closed; nothing else may have been sent."""
    accept, close = world.knock(path, [*headers], texts, auth=False)
    assert accept["type"] == "websocket.accept"
    assert (close["type"], close["code"]) == ("websocket.close", 4001)
    return close["reason"]


@pytest.mark.parametrize("path", SOCKETS)
def test_a_wrong_credential_closes_with_4001_before_anything_is_sent(shared, path):
    for headers in BAD_AUTH:
        if "authorization" in headers or "framescope_8765" in str(headers):
            assert closed_with(shared, path, headers=headers.items()) == "Invalid token"
    assert closed_with(shared, f"{path}?ticket=none") == "Invalid token"
    assert shared.runtime.people == []


FIRST = ['{"type":"hello"}', '{"text":"hi"}', "x", "[]", '"auth"', '{"type":["auth"]}', "[" * 9000]
FIRST.append('{"type":"auth","token":"the-right-token"' + " " * 20_000 + "}")


@pytest.mark.parametrize("path", SOCKETS)
def test_without_a_credential_it_closes_with_4001(shared, path):
    for first in FIRST:
        assert closed_with(shared, path, first) == "Missing token"


@pytest.mark.parametrize("path", SOCKETS)
def test_silence_closes_with_4001(shared, path, monkeypatch):
    monkeypatch.setattr("agent.web.guard.FIRST_MESSAGE_SECONDS", 0.01)
    with (
        shared.client(auth=False).websocket_connect(path) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_json()
    assert (closed.value.code, closed.value.reason) == (4001, "Missing token")


WRONG = [
    {"token": "wrong"},
    {"token": 5},
    {"token": None},
    {},
    {"token": "the-right-token", "access_token": 5},
    {"access_token": "the-right-token"},
    {"token": ["the-right-token"]},
]


@pytest.mark.parametrize("path", SOCKETS)
def test_a_wrong_auth_message_closes_with_4001(shared, path):
    for first in WRONG:
        message = json.dumps({"type": "auth", **first})
        assert closed_with(shared, path, message) == "Invalid token"


@pytest.mark.parametrize("path", SOCKETS)
def test_every_good_credential_opens_a_socket(world, path):
    ticket = world.client().post("/api/ws-ticket").json()["ticket"]
    ways = [
        (path, {"authorization": "bearer the-right-token"}),
        (path, {"cookie": f"a=b; {world.cookie}"}),
        (path, {"cookie": f"framescope_8765=tossed; {world.cookie}"}),
        (f"{path}?ticket={ticket}", {"cookie": "framescope_8765=stale"}),
    ]
    for where, headers in ways:
        with world.client(auth=False).websocket_connect(where, headers=headers) as socket:
            assert socket.receive_json()
    with world.client(auth=False).websocket_connect(path) as socket:
        socket.send_json({"type": "auth", "token": "the-right-token"})
        assert socket.receive_json()


def test_a_later_wrong_auth_message_closes_the_socket_too(world):
    with world.client().websocket_connect("/ws") as socket:
        socket.receive_json()
        socket.send_json({"type": "auth", "token": "the-right-token"})
        socket.send_json({"type": "auth", "token": "wrong"})
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert (closed.value.code, closed.value.reason) == (4001, "Invalid token")
    assert world.runtime.chats == 0


# Without authentication


@pytest.mark.parametrize("endpoint", CLOSED, ids=name)
def test_without_authentication_host_and_origin_still_count(unlocked, endpoint):
    assert ask(unlocked, endpoint, [("host", "evil.example")], auth=False).status == 421
    assert ask(unlocked, endpoint, [("origin", "null")], auth=False).status == 403
    assert ask(unlocked, endpoint, [("sec-fetch-site", "same-site")], auth=False).status == 403
    assert ask(unlocked, endpoint, auth=False).status not in (401, 403, 421)
    assert unlocked.ask(endpoint.method, f"{url(endpoint)}?token=x", auth=False).status != 401


@pytest.mark.parametrize("path", SOCKETS)
def test_without_authentication_credentials_are_ignored(make, path):
    client = make("none").client(auth=False)
    headers = {"authorization": "Bearer wrong", "cookie": "framescope_8765=stale"}
    with client.websocket_connect(f"{path}?token=x&ticket=y", headers=headers) as socket:
        assert socket.receive_json()
        socket.send_json({"type": "auth", "token": "wrong"})


# Settings


def test_a_query_token_can_be_allowed(make):
    client = make(allow_query_token=True).client(auth=False)
    assert client.get("/api/state?token=the-right-token&access_token=x").status_code == 200
    assert client.get("/api/state?token=wrong").status_code == 401
    with client.websocket_connect("/ws?token=the-right-token") as socket:
        assert socket.receive_json()["type"] == "snapshot"


def test_more_hosts_and_origins_can_be_allowed(make):
    world = make(
        allowed_hosts=("box.lan:8765",),
        allowed_origins=("https://tools.example/",),
        public_url="https://debug.example",
    )
    for host in ("box.lan:8765", "debug.example", "debug.example:443"):
        assert world.client(host=host).get("/api/state").status_code == 200
    for origin in ("https://tools.example", "https://debug.example", "http://box.lan:8765"):
        assert world.client(origin=origin).get("/api/state").status_code == 200
    for origin in ("http://debug.example", "http://tools.example", "https://box.lan:8765"):
        assert world.client(origin=origin).get("/api/state").status_code == 403
    assert world.client(host="debug.example:80").get("/api/state").status_code == 421


def test_beyond_loopback_a_401_gives_no_hints(make):
    world = make(host="192.0.2.7")
    answer = world.client(auth=False, host="192.0.2.7:8765").get("/api/state")
    assert answer.status_code == 401
    assert "token" not in answer.json()["detail"]


def test_the_access_log_has_no_query_and_no_forged_lines(world, caplog):
    caplog.set_level(logging.INFO, "agent.access")
    client = world.client()
    client.get("/api/state?channel=secret")
    client.get("/api/x%0aGET /forged 200")
    client.get("/probes/healthz")
    client.get("/api/state", headers={"authorization": "Bearer wrong"})
    lines = [record.getMessage() for record in caplog.records if record.name == "agent.access"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "GET /api/state 200",
        "GET /api/x%0AGET%20/forged%20200 404",
        "GET /api/state 401",
    ]
