"""Getting in: launch links, the cookie, tickets; each works once, in time, and for us alone."""

import pytest
from starlette.websockets import WebSocketDisconnect


def launch(client) -> str:
    url = client.post("/auth/launch-code").json()["url"]
    base, _, code = url.partition("/auth/launch")
    assert base == "http://127.0.0.1:8765"
    return f"/auth/launch{code}"


def test_a_launch_link_sets_the_cookie_and_goes_home(world):
    link = launch(world.client())
    answer = world.client(auth=False).get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("framescope_8765=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "Domain" not in cookie
    assert "the-right-token" not in cookie
    value = cookie.partition(";")[0]
    assert world.client(auth=False, cookie=value).get("/api/state").status_code == 200


def test_a_launch_link_works_once(world):
    link = launch(world.client())
    client = world.client(auth=False)
    assert client.get(link).status_code == 303
    again = client.get(link)
    assert again.status_code == 401
    assert "python3 run.py open" in again.json()["detail"]
    assert "set-cookie" not in again.headers


def test_a_launch_link_grows_old(world):
    young, old = launch(world.client()), launch(world.client())
    world.clock.seconds += 599
    assert world.client(auth=False).get(young).status_code == 303
    world.clock.seconds += 1
    assert world.client(auth=False).get(old).status_code == 401


@pytest.mark.parametrize(
    "query", ["", "?code=", "?code=x", "?code=x&code=y", "?code=" + "x" * 201, "?code=%00"]
)
def test_no_other_code_opens(world, query):
    answer = world.client(auth=False).get(f"/auth/launch{query}")
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


def test_a_link_on_another_site_may_be_followed(world):
    link = launch(world.client())
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert world.client(auth=False).get(link, headers=headers).status_code == 303


def test_another_sites_page_cannot_use_a_code_up(world):
    link = launch(world.client())
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert world.client(auth=False).get(link, headers=headers).status_code == 403
    assert world.client(auth=False).get(link).status_code == 303


def test_the_token_or_a_code_can_be_exchanged(world):
    client = world.client(auth=False)
    code = launch(world.client()).partition("code=")[2]
    for body in ({"token": "the-right-token"}, {"code": code}):
        answer = client.post("/auth/exchange", json=body)
        assert answer.json() == {"status": "ok"}
        value = answer.headers["set-cookie"].partition(";")[0]
        assert world.client(auth=False, cookie=value).get("/api/state").status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"token": "wrong"}, {"code": "wrong"}, {"token": "", "code": ""}, {"token": "é"}]
)
def test_nothing_else_can_be_exchanged(world, body):
    answer = world.client(auth=False).post("/auth/exchange", json=body)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_wrong_token_does_not_fall_back_to_a_code(world):
    code = launch(world.client()).partition("code=")[2]
    body = {"token": "wrong", "code": code}
    assert world.client(auth=False).post("/auth/exchange", json=body).status_code == 401
    assert world.client(auth=False).post("/auth/exchange", json={"code": code}).status_code == 200


def test_a_cookie_of_another_port_opens_nothing(make):
    here, there = make(), make(port=9999)
    assert here.cookie != there.cookie
    value = there.cookie.partition("=")[2]
    for cookie in (there.cookie, f"framescope_8765={value}"):
        assert here.client(auth=False, cookie=cookie).get("/api/state").status_code == 401


def test_the_cookie_is_secure_behind_tls(make):
    world = make(public_url="https://debug.example")
    answer = world.client(auth=False).post("/auth/exchange", json={"token": "the-right-token"})
    assert "Secure" in answer.headers["set-cookie"]
    assert (
        world.client()
        .post("/auth/launch-code")
        .json()["url"]
        .startswith("https://debug.example/auth/")
    )


def test_a_wrong_header_is_not_made_good_by_a_cookie(world):
    client = world.client(auth=False, cookie=world.cookie, authorization="Bearer wrong")
    assert client.get("/api/state").status_code == 401


def test_a_ticket_opens_one_socket(world):
    ticket = world.client().post("/api/ws-ticket").json()["ticket"]
    client = world.client(auth=False)
    with client.websocket_connect(f"/ws?ticket={ticket}") as socket:
        assert socket.receive_json()["type"] == "snapshot"
    with (
        client.websocket_connect(f"/ws?ticket={ticket}") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_json()
    assert closed.value.code == 4001


def test_a_ticket_grows_old_and_opens_no_route(world):
    ticket = world.client().post("/api/ws-ticket").json()
    client = world.client(auth=False)
    assert client.get(f"/api/state?ticket={ticket['ticket']}").status_code == 401
    assert (
        client.get(
            "/api/state", headers={"authorization": f"Bearer {ticket['ticket']}"}
        ).status_code
        == 401
    )
    assert ticket["expires_ms"] == world.clock.now_ms() + 30_000
    world.clock.seconds += 30
    path = f"/ws?ticket={ticket['ticket']}"
    with client.websocket_connect(path) as socket, pytest.raises(WebSocketDisconnect):
        socket.receive_json()


@pytest.mark.parametrize("mode", ["local", "none"])
def test_the_page_can_ask_how_to_get_in(make, mode):
    answer = make(mode).client(auth=False).get("/auth/config").json()
    assert answer == {"enabled": False, "issuer": "", "clientId": "", "projectId": "", "mode": mode}
