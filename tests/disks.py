"""Small disks for tests: a file system in memory, of a size, gone afterwards."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _mount(*arguments: object) -> str:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    return done.stderr.strip()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator["Disk"]:
    """Mount one of ``size``; where that is not allowed the test is skipped, and fails in CI."""
    folder.mkdir()
    refused = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    if refused:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no small disk: {refused}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Disk:
    """What a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Use up what is free."""
        with self._filler.open("ab", buffering=0) as file:
            for piece in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(piece))
                except OSError:
                    continue

    def empty(self) -> None:
        """Give it back."""
        self._filler.unlink()

    def read_only(self, yes: bool) -> None:
        """Refuse all writing, or take it again."""
        assert not _mount("-o", f"remount,{'ro' if yes else 'rw'}", self.folder)
