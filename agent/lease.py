"""Who serves a data folder: ``<data-dir>/server.json``, valid only while its lock is held.

The file says pid, url and token and is readable by its owner only. A crashed server leaves the
file, but not the lock, so what it says is then void.
"""

import fcntl
import os
import time
from pathlib import Path

import msgspec

FILE = "server.json"
LOOKS, PAUSE_S = 40, 0.05
"""How often, and how long apart, to look at a lock that no server has put its name to: another
command will be done in a moment, or only looked."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A running server."""

    pid: int
    url: str
    token: str


class Taken(Exception):  # noqa: N818
    """Another server holds the folder."""

    def __init__(self, server: Server | None) -> None:
        self.server = server
        unnamed = "it is just starting, or a command works on it"
        where = f"pid {server.pid}, {server.url}" if server else unnamed
        super().__init__(f"another server has this data folder ({where})")


class Lease:
    """Holds a data folder until the process ends.

    Args:
        folder: the data folder; it exists.

    Raises:
        Taken: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._fd, folder)
        except Taken:
            os.close(self._fd)
            raise
        os.fchmod(self._fd, 0o600)
        os.ftruncate(self._fd, 0)

    def announce(self, server: Server) -> None:
        """Tell other commands where the server is."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, msgspec.json.encode(server), 0)

    def release(self) -> None:
        """Let go."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def running(folder: Path) -> Server | None:
    """Return the server that holds ``folder`` now, or ``None``."""
    try:
        fd = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(folder)
    finally:
        os.close(fd)
    return None


def _lock(fd: int, folder: Path) -> None:
    for _ in range(LOOKS):
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            server = _read(folder)
        if server is not None:
            raise Taken(server)
        time.sleep(PAUSE_S)
    raise Taken(None)


def _read(folder: Path) -> Server | None:
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Server)
    except (msgspec.DecodeError, FileNotFoundError):
        return None
