"""The whole server killed at a stage: sends with a key, and a run that goes on afterwards."""

import json
import shutil
import signal
from pathlib import Path

import httpx
import pytest
from acceptance.processes import STALL_S

WORKSPACE = Path(__file__).resolve().parents[1] / "walks" / "ledger"


def send(served, text: str, key: str = "mine") -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return served.http.post("/api/send", json={"text": text, "queue": True}, headers=headers)


def dies(served) -> None:
    """Be sure that it killed itself."""
    assert served.process.wait(STALL_S) == -signal.SIGKILL
    served.close()


@pytest.mark.parametrize("stage", ["accept.asked", "accept.written", "accept.committed"])
def test_the_same_key_after_a_kill_between_send_and_answer_is_one_message(serve, stage):
    one = serve(CRASH_AT=f"{stage}:1")
    with pytest.raises(httpx.TransportError):
        send(one, "hello")
    dies(one)
    two = serve()
    found = [run["run_id"] for run in two.get("/api/runs")["runs"]]
    assert bool(found) == (stage == "accept.committed")
    again = send(two, "hello")
    assert again.status_code == 200
    assert send(two, "hello").json() == again.json()
    assert send(two, "bye").status_code == 422
    two.ended(again.json()["run_id"])
    assert [run["run_id"] for run in two.get("/api/runs")["runs"]] == (
        found or [again.json()["run_id"]]
    )


@pytest.fixture
def ledger(tmp_path) -> Path:
    """A workspace whose tool writes to a file, and that file."""
    shutil.copytree(WORKSPACE, tmp_path / "own")
    return tmp_path / "ledger.txt"


def cut(serve, ledger: Path, stage: str):
    """Start a server that dies at ``stage``, and the one after it; its options, and the cut run."""
    own = {"AGENT_WORKSPACE": str(ledger.with_name("own")), "LEDGER": str(ledger)}
    one = serve("--graph", "ledger", CRASH_AT=stage, **own)
    run = one.send("hello")
    dies(one)
    two = serve("--graph", "ledger", **own)
    assert two.get(f"/api/runs/{run}")["status"] == "interrupted"
    return two, run


def test_a_write_that_was_cut_off_is_asked_about_over_http(serve, ledger):
    two, run = cut(serve, ledger, "result.known:2")
    assert "unknown outcome: book (1.ask.1.1)" in two.get(f"/api/runs/{run}")["error"]
    [effect] = [e for e in two.get(f"/api/traces/{run}")["effects"] if e["kind"] == "tool"]
    assert "ended" not in effect
    asked = two.http.post(f"/api/runs/{run}/resume")
    assert (asked.status_code, asked.json()["error"]) == (409, "unknown_outcome")
    assert '"done"' in asked.json()["detail"]
    body = {"unknown": "done", "result": "seen by me"}
    gone_on = two.http.post(f"/api/runs/{run}/resume", json=body).raise_for_status().json()
    assert gone_on["resumed_from"] == run
    ended = two.ended(gone_on["run_id"])
    assert (ended["status"], ended["kind"], ended["response"]) == ("done", "resume", "1")
    assert ledger.read_text().splitlines() == [f"{run} first", f"{run} second"]
    assert two.http.post(f"/api/runs/{run}/resume", json=body).status_code == 409
    assert two.get("/api/history")["messages"] == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "1"},
    ]


def test_on_the_command_line_with_and_without_a_server(serve, ledger):
    two, run = cut(serve, ledger, "result.known:2")
    env = {"AGENT_WORKSPACE": str(ledger.with_name("own")), "LEDGER": str(ledger)}
    asked = two.cli("resume", run, **env)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "look whether it happened" in asked.stderr
    wrong = two.cli("resume", run, "--unknown", "run", "--result", "1", **env)
    assert (wrong.returncode, "--unknown done" in wrong.stderr) == (2, True)
    assert two.close() == 0
    alone = two.cli("resume", run, "--unknown", "run", "--json", **env)
    answer = json.loads(alone.stdout)
    assert (alone.returncode, answer["status"], answer["response"]) == (0, "done", "1")
    first = f"{run} first"
    assert ledger.read_text().splitlines() == [first, first, f"{run} second"]
