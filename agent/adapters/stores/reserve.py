"""A piece of the disk that is kept free by a file, for the day on which everything else is used up.

Invariant: new work is taken only while the file is there. When the disk is full it is given back to
the disk, so that what was taken can be brought to its end; it is made again when there is room.
"""

import os
from pathlib import Path

SIZE = 8 << 20
FILE = "framescope.reserve"
SPARE = 8
"""It is made where an eighth of it stays free beside it, so that it does not come and go."""


def room(folder: Path) -> int:
    """Return how many bytes can still be written to the disk of ``folder``."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Reserve:
    """The file.

    Args:
        path: where it is; its folder exists.
        size: bytes.
    """

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size
        self.held = False
        """It is there, so there is room for what may come."""

    def take(self) -> bool:
        """Make sure of it where the disk has more room than that; tell whether it is there."""
        if not self.held:
            there = self._path.exists() and self._path.stat().st_size >= self._size
            if room(self._path.parent) < self._size // SPARE + (0 if there else self._size):
                self.free()
            else:
                self.held = there or self._made()
        return self.held

    def _made(self) -> bool:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._size)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    def free(self) -> bool:
        """Give it back to the disk; tell whether there was anything to give."""
        was, self.held = self.held, False
        self._path.unlink(missing_ok=True)
        return was
