"""Sharing the files out: nothing is lost, nothing is done twice, and nobody gets all the work."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import shares
from hypothesis import given, strategies as st
from shares import deal

TESTS = Path(__file__).parent
PASSES, FAILS = "def test_it(): assert 1\n", "def test_it(): assert 0, 'the reason'\n"
SKIPPED = "def test_other(): pass\n"
DIES = "import os\ndef test_it(): os.kill(os.getpid(), 9)\n"


def sized(tmp_path, sizes):
    paths = [tmp_path / f"test_{number}.py" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(b"#" * size)
    return paths


@given(count=st.integers(1, 40))
def test_every_file_is_in_exactly_one_share(count):
    files = [*TESTS.rglob("test_*.py")]
    shares = deal(files, count)
    assert len(shares) == count
    assert sorted(path for share in shares for path in share) == sorted(files)


def test_who_asks_in_another_order_gets_the_same(tmp_path):
    files = sized(tmp_path, [3, 1, 1, 2, 5])
    assert deal(files, 3) == deal(files[::-1], 3)


def test_the_largest_are_dealt_first_and_each_to_the_smallest_share(tmp_path):
    files = sized(tmp_path, [6, 4, 3, 2, 1])
    assert deal(files, 2) == [[files[0], files[3]], [files[1], files[2], files[4]]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sources", "code"),
    [
        ((PASSES, PASSES), 0),
        ((PASSES, FAILS), 1),
        ((FAILS, PASSES), 1),
        ((SKIPPED, PASSES), 0),
        ((SKIPPED, FAILS), 1),
        ((SKIPPED, SKIPPED), shares.NOTHING_SELECTED),
        ((PASSES, DIES), -9),
        ((DIES, SKIPPED), -9),
    ],
)
def test_one_share_that_fails_fails_all_and_every_share_is_heard(tmp_path, capfd, sources, code):
    files = [tmp_path / f"test_{number}.py" for number in range(len(sources))]
    for file, source in zip(files, sources, strict=True):
        file.write_text(source)
    assert shares.run(files, 2, ["--rootdir", str(tmp_path), "-k", "test_it"]) == code
    out = capfd.readouterr().out
    assert out.count("1 passed") == sources.count(PASSES)
    assert out.count("the reason") >= sources.count(FAILS)


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 1 << 62])
def test_what_is_written_is_gone_afterwards_wherever_it_was(tmp_path, monkeypatch, room):
    monkeypatch.setattr(shares, "ROOM", room)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    (tmp_path / "disk").mkdir()
    file = tmp_path / "test_writes.py"
    file.write_text(
        f"def test_it(tmp_path): open({str(tmp_path / 'told')!r}, 'w').write(str(tmp_path))\n"
    )
    assert shares.run([file], 1, ["--rootdir", str(tmp_path), "-W", "ignore"]) == 0
    wrote = Path((tmp_path / "told").read_text())
    where = tmp_path / "disk" if room else shares.MEMORY
    if room or os.access(shares.MEMORY, os.W_OK):
        assert wrote.is_relative_to(where)
    assert not wrote.exists()


@pytest.mark.slow
def test_no_unit_test_is_in_a_file_that_is_left_out():
    left = {*TESTS.rglob("test_*.py")} - {*shares.units()}
    assert len(left) > 20
    command = (sys.executable, "-m", "pytest", "--collect-only", "-m", "not slow and not e2e")
    found = subprocess.run(
        (*command, *map(str, left)), cwd=TESTS.parent, capture_output=True, text=True
    )
    assert found.returncode == shares.NOTHING_SELECTED, found.stdout
