"""One holder a folder; what the file says is void when its lock is not held."""

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent import lease
from agent.lease import FILE, Lease, Server, Taken, running

ROOT = Path(__file__).parents[1]
SERVER = Server(pid=1234, url="http://127.0.0.1:5", token="secret")
HOLD = """
import sys
from pathlib import Path
from agent.lease import Lease, Server
held = Lease(Path(sys.argv[1]))
held.announce(Server(pid=1, url="http://127.0.0.1:7", token="t"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(lease, "LOOKS", 2)
    monkeypatch.setattr(lease, "PAUSE_S", 0.0)


@contextmanager
def other(folder: Path) -> Iterator[subprocess.Popen]:
    """Another process that holds ``folder``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_nobody_holds_a_new_folder(tmp_path):
    assert running(tmp_path) is None
    assert running(tmp_path / "missing") is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_announced_is_found(tmp_path):
    held = Lease(tmp_path)
    assert running(tmp_path) is None
    held.announce(SERVER)
    assert running(tmp_path) == SERVER
    held.release()
    assert running(tmp_path) is None


def test_a_second_announcement_replaces_a_longer_first(tmp_path):
    held = Lease(tmp_path)
    held.announce(SERVER)
    held.announce(Server(pid=1, url="u", token=""))
    assert running(tmp_path) == Server(pid=1, url="u", token="")
    held.release()


def test_only_the_owner_can_read_it(tmp_path):
    (tmp_path / FILE).touch(0o644)
    held = Lease(tmp_path)
    held.announce(SERVER)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    held.release()


def test_a_second_holder_is_told_who_the_first_is(tmp_path):
    held = Lease(tmp_path)
    held.announce(SERVER)
    before = len([*Path("/dev/fd").iterdir()])
    with pytest.raises(Taken, match=r"another server .* \(pid 1234, http://127.0.0.1:5\)") as taken:
        Lease(tmp_path)
    assert taken.value.server == SERVER
    assert "secret" not in str(taken.value)
    assert len([*Path("/dev/fd").iterdir()]) == before
    assert running(tmp_path) == SERVER
    held.release()
    Lease(tmp_path).release()


def test_a_holder_without_a_name_is_waited_for_and_then_told(tmp_path):
    held = Lease(tmp_path)
    with pytest.raises(Taken, match="just starting"):
        Lease(tmp_path)
    held.release()


def test_a_command_that_is_done_soon_is_waited_for(tmp_path, monkeypatch):
    held = Lease(tmp_path)
    asked = threading.Event()

    def pause(_seconds):
        asked.set()
        held.release()

    monkeypatch.setattr(lease.time, "sleep", pause)
    second = Lease(tmp_path)
    assert asked.is_set()
    second.announce(SERVER)
    assert running(tmp_path) == SERVER
    second.release()


def test_looking_never_takes_the_lock_for_long(tmp_path):
    Lease(tmp_path).release()
    for _ in range(100):
        assert running(tmp_path) is None
    Lease(tmp_path).release()


def test_a_crashed_holder_holds_nothing(tmp_path):
    with other(tmp_path) as process:
        assert running(tmp_path) == Server(pid=1, url="http://127.0.0.1:7", token="t")
        with pytest.raises(Taken):
            Lease(tmp_path)
        process.kill()
        process.wait()
        assert b"127.0.0.1:7" in (tmp_path / FILE).read_bytes()
        assert running(tmp_path) is None
        held = Lease(tmp_path)
        assert (tmp_path / FILE).read_bytes() == b""
        held.release()


def test_a_child_does_not_keep_the_lock(tmp_path):
    held = Lease(tmp_path)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        held.release()
        Lease(tmp_path).release()
        child.kill()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xff", b"null"])
def test_a_file_that_says_nothing_names_nobody(tmp_path, content):
    held = Lease(tmp_path)
    (tmp_path / FILE).write_bytes(content)
    assert running(tmp_path) is None
    held.release()
