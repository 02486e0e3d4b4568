"""The whole server on a disk that is full, read-only, or holds a file that is not right."""

import sqlite3
from contextlib import closing

import pytest
from acceptance.processes import agent, events
from disks import small_disk

from agent.adapters.stores.reserve import FILE


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "24m") as made:
        yield made


def send(served):
    return served.http.post("/api/send", json={"text": "hello", "queue": True})


def start(data, cwd):
    return agent("serve", "--no-browser", "--port", 0, "--data-dir", data, cwd=cwd)


def test_a_full_disk_takes_no_messages_and_goes_on_with_everything_else(disk, serve):
    data = disk.folder / "data"
    one = serve(data=data, AGENT_BUILTIN_TOKEN_MS="20")
    one.ask("hello")
    begun = one.send("make a counter")
    disk.fill()
    taken = []
    while (answer := send(one)).status_code == 200:
        taken.append(answer.json()["run_id"])
    assert answer.status_code == 507
    assert answer.headers["retry-after"]
    assert "free some space" in answer.json()["detail"]
    assert {one.ended(run)["status"] for run in (begun, *taken)} == {"done"}
    assert one.get("/health")["degraded"] == ["store"]
    assert len(one.get("/api/history")["messages"]) == 2 * (2 + len(taken))
    disk.empty()
    assert one.get("/health") == {"status": "ok"}
    assert one.ask("hello")["path"] == "reflex"
    disk.fill()
    one.kill()

    two = serve(data=data)
    assert two.get("/health")["degraded"] == ["store"]
    assert send(two).status_code == 507
    assert not (data / FILE).exists()
    with two.http.stream("GET", "/api/events", params={"since": 0}) as live:
        disk.empty()
        run = send(two).json()["run_id"]
        assert next(event for event in events(live) if event.get("run_id") == run)


def test_a_disk_that_cannot_be_written_to_is_refused(disk, tmp_path):
    data = disk.folder / "data"
    disk.fill()
    full = start(data, tmp_path)
    assert (full.returncode, full.stdout) == (2, "")
    assert "free some space" in full.stderr
    assert "Traceback" not in full.stderr
    disk.read_only(True)
    locked = start(data, tmp_path)
    assert (locked.returncode, locked.stdout) == (2, "")
    assert "Read-only" in locked.stderr
    assert "--data-dir" in locked.stderr


def test_a_file_that_is_not_right_ends_the_start_with_what_to_do(serve, tmp_path):
    one = serve()
    assert one.close() == 0
    file = one.data / "framescope.db"
    whole = file.read_bytes()
    for content in (b"", b"\0" * 16 + whole[16:], whole[:4096]):
        file.write_bytes(content)
        refused = start(one.data, tmp_path)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "put a copy that is whole in its place" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert file.read_bytes() == content
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version=99")
    newer = start(one.data, tmp_path)
    assert newer.returncode == 2
    assert "use the newer version" in newer.stderr
