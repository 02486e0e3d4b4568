"""Sharing the files out: nothing is lost, nothing is done twice, and nobody gets all the work."""

from pathlib import Path

from hypothesis import given, strategies as st
from shares import deal

TESTS = Path(__file__).parent


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
