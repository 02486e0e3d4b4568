"""Killed at any moment, started again: nothing that was acknowledged is lost."""

import signal
import sqlite3
import threading

import httpx
import pytest
from acceptance.processes import ENDED, STALL_S, events

SLOW = {"AGENT_BUILTIN_TOKEN_MS": "15"}


def until(served, **wanted) -> dict:
    """Read events until one has all of ``wanted``."""
    with served.http.stream("GET", "/api/events", params={"since": 0}) as response:
        for event in events(response):
            if wanted.items() <= event.items():
                return event
    raise AssertionError(f"the events ended before {wanted}")


def test_a_kill_in_the_middle_leaves_a_run_that_can_be_seen_and_a_queue_that_goes_on(serve):
    one = serve(**SLOW)
    one.ask("hello")
    before = one.get("/api/history")["messages"]
    cut = one.send("how many customers are in Leipzig?")
    queued = [one.send("make a counter"), one.send("hello")]
    until(one, event="tool_result", run_id=cut)
    one.send("hello", channel="other")  # it is on disk when it is answered, and so is all before it
    names = [row["run_id"] for row in one.get("/api/runs")["runs"]]
    one.kill()

    two = serve()
    assert two.health == {"status": "ok"}
    record = two.get(f"/api/runs/{cut}")
    assert (record["status"], record["alias"]) == ("interrupted", "msg_2")
    assert "interrupted" in record["error"]
    trace = two.get(f"/api/traces/{cut}")
    assert trace["outcome"] == "interrupted"
    done = [effect for effect in trace["effects"] if effect["kind"] == "tool"]
    assert [effect["name"] for effect in done] == ["query_db"]
    assert done[0]["response"]["rows"]
    assert [row["node"] for row in trace["frames"]][:2] == ["input", "pa"]
    assert trace["frames"][-1]["error"].startswith("interrupted")
    result = two.get("/api/result", id="msg_2")
    assert (result["status"], result["stage"]) in {("interrupted", "error"), ("error", "error")}
    assert result["detail"]
    assert [two.ended(run)["status"] for run in queued] == ["done", "done"]
    after = [row["run_id"] for row in two.get("/api/runs")["runs"]]
    assert after[: len(names)] == names
    assert two.get("/api/history", last=100)["messages"][: len(before)] == before
    assert two.ask("hello")["run_id"] > max(names)
    # What was recorded before the cut can still be replayed up to it.
    verdict = two.post(f"/api/traces/{cut}/replay")
    assert verdict["verdict"] == "incomplete"


@pytest.mark.parametrize("acknowledged", [1, 9, 40])
def test_what_was_acknowledged_is_there_after_a_kill(serve, acknowledged):
    one = serve(AGENT_BUILTIN_TOKEN_MS="1")
    kept: list[str] = []
    enough = threading.Event()

    def send(client: httpx.Client) -> None:
        while True:
            try:
                answer = client.post("/api/send", json={"text": "hello", "queue": True})
            except httpx.TransportError:
                return
            kept.append(answer.json()["run_id"])
            if len(kept) >= acknowledged:
                enough.set()

    headers = {"Authorization": f"Bearer {one.token}"}
    with httpx.Client(base_url=one.url, headers=headers, timeout=STALL_S) as client:
        senders = [threading.Thread(target=send, args=(client,)) for _ in range(4)]
        for sender in senders:
            sender.start()
        assert enough.wait(STALL_S)
        one.kill()
        for sender in senders:
            sender.join()
    assert len(kept) == len({*kept}) >= acknowledged

    two = serve()
    last = max(kept)
    two.ended(last)
    found = {run: two.get(f"/api/runs/{run}")["status"] for run in kept}
    assert {*found.values()} <= {"done", "interrupted"}
    assert sum(status == "interrupted" for status in found.values()) <= 1
    database = sqlite3.connect(f"file:{two.data / 'framescope.db'}?mode=ro", uri=True)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def test_the_same_key_after_a_kill_is_the_same_message(serve):
    one = serve(**SLOW)
    send = {"json": {"text": "hello"}, "headers": {"Idempotency-Key": "mine"}}
    first = one.http.post("/api/send", **send).json()
    one.kill()
    two = serve()
    again = two.http.post("/api/send", **send)
    assert (again.status_code, again.json()) == (200, first)
    other = two.http.post("/api/send", json={"text": "bye"}, headers={"Idempotency-Key": "mine"})
    assert other.status_code == 422


def test_a_term_lets_the_active_run_end_and_exits_with_0(serve):
    one = serve(AGENT_BUILTIN_TOKEN_MS="5")
    active, waiting = one.send("make a counter"), one.send("hello")
    until(one, event="run", run_id=active, status="running")
    assert one.close() == 0
    assert (one.data / "server.json").read_bytes() == b""
    two = serve()
    assert two.get(f"/api/runs/{active}")["status"] == "done"
    assert two.ended(waiting)["status"] == "done"
    assert "Traceback" not in one.log.read_text()


def test_a_term_with_no_time_leaves_an_interrupted_run(serve):
    one = serve(AGENT_BUILTIN_TOKEN_MS="500", AGENT_SHUTDOWN_GRACE_S="0")
    active = one.send("make a counter")
    until(one, event="run", run_id=active, status="running")
    assert one.close() == 0
    two = serve()
    assert two.get(f"/api/runs/{active}")["status"] == "interrupted"
    assert two.ask("hello")["path"] == "reflex"


def test_a_term_says_goodbye_to_open_streams(serve):
    one = serve()
    with one.http.stream("GET", "/api/events") as response:
        one.process.send_signal(signal.SIGTERM)
        assert [*response.iter_lines()][-1:] == [""]
    assert one.process.wait(STALL_S) == 0


def test_cancelled_runs_stay_cancelled(serve):
    one = serve(**SLOW)
    active, waiting = one.send("make a counter"), one.send("hello")
    until(one, event="run", run_id=active, status="running")
    assert one.post(f"/api/runs/{waiting}/cancel")["status"] == "cancelled"
    assert one.post(f"/api/runs/{active}/cancel")["status"] == "cancelled"
    assert one.post(f"/api/runs/{active}/cancel")["status"] == "cancelled"
    one.kill()
    two = serve()
    for run in (active, waiting):
        assert two.get(f"/api/runs/{run}")["status"] == "cancelled"
    assert {row["status"] for row in two.get("/api/runs")["runs"]} <= {*ENDED}
