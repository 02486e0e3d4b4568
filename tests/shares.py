"""The unit tests in several processes, each with a share of the files.

    python tests/shares.py [pytest options]

Nobody collects what another runs, and nobody reports each test to a coordinator: with tests this
short that was a sixth of the processor time. Invariant: a file belongs to exactly one share.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

TESTS = Path(__file__).resolve().parent
APART = {"acceptance", "e2e"}
"""Folders without a unit test."""
SLOW = re.compile(rb"^pytestmark = .*mark\.slow", re.MULTILINE)
"""A file without one. To import what is then left out takes as long as many tests."""
NOTHING_SELECTED = 5
"""What pytest returns when no test matches."""
MOST = 8
"""With more processes than this, each begins longer than it works."""
MEMORY, ROOM = Path("/dev/shm"), 1 << 28
"""Where the files of unit tests go if there is so much room: to wait for a disk proves nothing."""


def deal(files: Iterable[Path], count: int) -> list[list[Path]]:
    """Deal ``files`` to ``count`` shares of about the same size, the largest first."""
    sized = sorted(((path.stat().st_size, path) for path in files), reverse=True)
    shares: list[list[Path]] = [[] for _ in range(count)]
    filled = [0] * count
    for size, path in sized:
        least = filled.index(min(filled))
        shares[least].append(path)
        filled[least] += size
    return shares


def run(files: Iterable[Path], count: int, options: Sequence[str]) -> int:
    """Have ``count`` processes of pytest run ``files``; show what each said, one after the other.

    Returns:
        0 when all passed, else what the first that failed returned.
    """
    command = (sys.executable, "-m", "pytest", *options)
    with TemporaryDirectory(prefix="framescope-tests-", dir=_memory()) as folder:
        env = {**os.environ, "TMPDIR": folder}
        begun = [_begin((*command, *map(str, share)), env) for share in deal(files, count) if share]
        codes = [_end(process, said) for process, said in begun]
    ran = [code for code in codes if code != NOTHING_SELECTED]
    return next((code for code in ran if code), 0) if ran else NOTHING_SELECTED


def _memory() -> Path | None:
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if roomy else None


def _begin(command, env):
    said = TemporaryFile()  # noqa: SIM115 - closed by who reads it
    return subprocess.Popen(command, env=env, stdout=said, stderr=subprocess.STDOUT), said


def _end(process, said):
    with said, process:
        code = process.wait()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
        sys.stdout.flush()
    return code


def units() -> list[Path]:
    """Return the files that have unit tests."""
    files = TESTS.rglob("test_*.py")
    return [
        file
        for file in files
        if file.parent.name not in APART and not SLOW.search(file.read_bytes())
    ]


if __name__ == "__main__":
    raise SystemExit(run(units(), min(os.cpu_count() or 1, MOST), sys.argv[1:]))
