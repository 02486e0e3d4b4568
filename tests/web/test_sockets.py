"""The three sockets: what is said on them, and what they make of bad input."""

import pytest
from hypothesis import given, strategies as st
from starlette.websockets import WebSocketDisconnect

from agent.core.checks import Post
from agent.core.errors import BadInput
from agent.web.chat import Act, Cancel, Say, understand
from agent.web.sockets import ARRAY_BYTES, arrays
from web.conftest import PROCESS


def open_socket(world, path: str):
    return world.client().websocket_connect(path)


def call(socket, work, *values):
    """Run ``work`` on the loop that serves the socket."""
    return socket.portal.call(work, *values)


# Chat


def test_the_chat_begins_with_a_snapshot_and_goes_on_live(world):
    with open_socket(world, "/ws") as socket:
        assert socket.receive_json()["type"] == "snapshot"
        call(socket, lambda: world.say(2, chat=True))
        assert [socket.receive_json()["content"] for _ in range(2)] == ["0", "1"]


def test_the_chat_shows_one_channel_and_no_trace(world):
    with open_socket(world, "/ws?channel=side") as socket:
        socket.receive_json()
        call(socket, lambda: world.say(1, channel="side"))
        call(socket, lambda: world.say(1, chat=True))
        call(socket, lambda: world.say(1, channel="side", chat=True))
        assert socket.receive_json()["type"] == "delta"


def test_a_reconnect_gets_what_it_missed_and_no_snapshot(world):
    world.say(3, chat=True)
    with open_socket(world, "/ws?since=1") as socket:
        assert [socket.receive_json()["seq"] for _ in range(2)] == [2, 3]


def test_a_number_from_nowhere_meets_a_gap(world):
    with open_socket(world, "/ws?since=999") as socket:
        assert socket.receive_json()["type"] == "gap"


def test_who_is_there_is_counted(world):
    with open_socket(world, "/ws") as first, open_socket(world, "/ws") as second:
        first.receive_json()
        second.receive_json()
        assert world.runtime.chats == 2
    assert world.runtime.chats == 0
    assert world.runtime.people == ["anonymous"] * 2


def test_what_is_said_reaches_the_runtime_in_order(world):
    with open_socket(world, "/ws?channel=side") as socket:
        socket.receive_json()
        socket.send_json({"text": "one", "dashboard": [1]})
        socket.send_json({"type": "anything", "text": "two"})
        socket.send_json({"type": "action", "action": "go", "data": {"a": 1}})
        socket.send_json({"type": "action"})
        socket.send_json({"type": "cancel", "run_id": "msg_1"})
        said = [socket.receive_json()["text"] for _ in range(2)]
        socket.send_json({"text": "three"})
        said.append(socket.receive_json()["text"])
    assert said == ["one", "two", "three"]
    assert world.runtime.asked[:5] == [
        ("send", "one", "side", [1], True, "chat", None, ""),
        ("send", "two", "side", None, True, "chat", None, ""),
        ("act", "go", {"a": 1}, "side", None),
        ("act", "unknown", None, "side", None),
        ("cancel", "msg_1"),
    ]


def test_cancel_without_a_name_means_the_active_run(world):
    with open_socket(world, "/ws") as socket:
        socket.receive_json()
        socket.send_json({"type": "cancel"})
        assert "nothing to cancel" in socket.receive_json()["detail"]
        world.runtime.active = "msg_1"
        socket.send_json({"type": "cancel"})
        socket.send_json({"text": " "})
        socket.receive_json()
    assert ("cancel", "msg_1") in world.runtime.asked


BAD = [
    "",
    "hello",
    "{",
    "[]",
    "null",
    "5",
    '"text"',
    "{}",
    '{"text":5}',
    '{"text":null}',
    '{"text":""}',
    '{"text":"  "}',
    '{"type":"dance"}',
    '{"type":5}',
    '{"type":["action"]}',
    '{"type":"action","action":5}',
    '{"type":"cancel","run_id":5}',
    '{"type":"cancel","run_id":"none"}',
    '{"text":NaN}',
    '{"text":"\\ud800"}',
    '{"a":' * 65 + "1" + "}" * 65,
    "[" * 100_000,
    '{"text":"x"}{"text":"y"}',
    '{"type":"x' + "y" * 5000 + '"}',
]


def test_bad_input_is_answered_and_the_socket_stays(world):
    with open_socket(world, "/ws") as socket:
        socket.receive_json()
        for text in BAD:
            socket.send_text(text)
            answer = socket.receive_json()
            assert answer["type"] == "error", text[:50]
            assert 0 < len(answer["detail"]) < 300
        socket.send_bytes(b'{"text":"x"}')
        assert "binary" in socket.receive_json()["detail"]
        socket.send_json({"text": "still here"})
        assert socket.receive_json()["text"] == "still here"


@given(st.text() | st.binary())
def test_no_message_does_anything_but_be_understood_or_refused(message):
    try:
        assert isinstance(understand(message), Say | Act | Cancel)
    except BadInput as error:
        assert str(error)  # noqa: PT017 - both outcomes are fine


@pytest.mark.parametrize("path", ["/ws", "/ws/trace"])
@pytest.mark.parametrize(
    "query",
    [
        "since=x",
        "since=-1",
        "since=",
        "since=1e3",
        "since=" + "9" * 30,
        "channel=a%20b",
        "channel=",
    ],
)
def test_a_bad_query_is_told_and_the_socket_closed(world, path, query):
    with open_socket(world, f"{path}?{query}") as socket:
        answer = socket.receive_json()
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert (answer["type"], answer["error"]) == ("error", "unprocessable")
    assert closed.value.code == 1008
    assert world.runtime.chats == 0


# Trace


def test_the_trace_begins_with_a_snapshot_and_is_flat(world):
    world.say(2)
    with open_socket(world, "/ws/trace") as socket:
        first = socket.receive_json()
        assert (first["node"], first["event"], first["seq"]) == ("runtime", "snapshot", 2)
        call(socket, lambda: world.say(1))
        line = socket.receive_json()
    assert (line["seq"], line["event"], line["channel"]) == (3, "thinking", "main")


def test_the_trace_resumes(world):
    world.say(3)
    with open_socket(world, "/ws/trace?since=1") as socket:
        assert socket.receive_json()["seq"] == 1
        assert [socket.receive_json()["seq"] for _ in range(2)] == [2, 3]


def test_the_trace_can_be_of_one_channel(world):
    with open_socket(world, "/ws/trace?channel=side") as socket:
        socket.receive_json()
        call(socket, lambda: world.say(1))
        call(socket, lambda: world.say(1, channel="side"))
        assert socket.receive_json()["channel"] == "side"


def test_the_trace_ignores_what_is_said_and_never_shows_tests(world):
    with open_socket(world, "/ws/trace") as socket:
        socket.receive_json()
        for text in BAD:
            socket.send_text(text)
        socket.send_bytes(b"\x00")
        call(socket, world.board.take, Post(event="suite_start", suite="x", count=1))
        call(socket, lambda: world.say(1))
        assert socket.receive_json()["event"] == "thinking"


def test_arrays_hold_what_came_meanwhile(world):
    with open_socket(world, "/ws/trace?batch=1") as socket:
        assert [line["event"] for line in socket.receive_json()] == ["snapshot"]
        call(socket, lambda: world.say(3))
        assert [line["seq"] for line in socket.receive_json()] == [1, 2, 3]


@given(st.lists(st.integers(min_value=1, max_value=ARRAY_BYTES * 2), min_size=1, max_size=20))
def test_arrays_hold_every_line_once_and_are_bounded(sizes):
    lines = [b"1" * size for size in sizes]
    made = arrays(lines)
    assert b",".join(array[1:-1] for array in made) == b",".join(lines)
    for array in made:
        assert len(array) <= ARRAY_BYTES + 20 + 2 or b"," not in array


# Tests


def test_the_test_socket_shows_the_record_now_and_at_every_change(world):
    with open_socket(world, "/ws/test") as socket:
        first = socket.receive_json()
        assert (first["type"], first["running"], first["results"]) == ("test_status", False, [])
        call(socket, world.board.take, Post(event="suite_start", suite="x", count=1))
        call(
            socket,
            world.board.take,
            Post(event="step_result", result={"step": "a", "check": "b", "status": "PASS"}),
        )
        assert socket.receive_json()["running"] is True
        assert socket.receive_json()["current"] == "ab"


def test_a_slow_test_reader_gets_the_newest(world):
    with open_socket(world, "/ws/test") as socket:
        socket.receive_json()

        async def burst() -> None:
            for number in range(500):
                await world.board.take(
                    Post(event="step_result", result={"step": str(number), "status": "PASS"})
                )

        call(socket, burst)
        seen = 0
        last = None
        while last is None or last["current"] != "499":
            last = socket.receive_json()
            seen += 1
    assert seen < 500
    assert len(last["results"]) == 500


def test_a_switch_leaves_the_socket_alone(world):
    client = world.client()
    with open_socket(world, "/ws") as socket:
        socket.receive_json()
        assert client.post("/api/graph/switch", json={"name": "v3-framed"}).status_code == 200
        call(socket, lambda: world.say(1, chat=True))
        assert socket.receive_json()["type"] == "delta"


def test_a_tool_call_is_stopped_over_the_socket(world):
    with open_socket(world, "/ws") as socket:
        socket.receive_json()
        socket.send_json({"type": "cancel_process", "pid": PROCESS["pid"]})
        socket.send_json({"type": "cancel_process", "pid": "x"})
        assert socket.receive_json()["error"] == "unknown_process"
    assert world.runtime.asked == [("stop", PROCESS["pid"]), ("stop", "x")]
