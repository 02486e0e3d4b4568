"""A full disk: what was taken is brought to its end, nothing new is taken, and it mends itself."""

import pytest
from disks import small_disk
from stores.test_sqlite_store import a_run, finished

from agent.adapters.stores.reserve import FILE, Reserve
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import DiskFull
from agent.core.runs import RunStatus

pytestmark = pytest.mark.anyio
SIZE = 1 << 20


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "4m") as made:
        yield made


@pytest.fixture
async def store(disk):
    made = SqliteStore(disk.folder / "framescope.db", reserve=SIZE)
    made.load()
    yield made
    await made.close()


async def take_until_full(store) -> int:
    """Accept runs until one is refused; the number of the first that was."""
    for n in range(1, 10_000):
        try:
            await store.accept(a_run(n))
        except DiskFull:
            return n
    raise AssertionError("the disk never got full")


async def test_what_was_taken_ends_and_nothing_is_taken(store, disk):
    assert (disk.folder / FILE).stat().st_size == SIZE
    disk.fill()
    refused = await take_until_full(store)
    assert not (disk.folder / FILE).exists()
    for n in range(1, refused):
        await finished(store, n)
    assert (await store.run(refused - 1)).status is RunStatus.DONE
    assert await store.run(refused) is None
    with pytest.raises(DiskFull, match="free some space"):
        await store.accept(a_run(refused))
    assert "is full" in store.trouble


async def test_it_mends_itself_when_there_is_room(store, disk):
    disk.fill()
    refused = await take_until_full(store)
    disk.empty()
    await store.accept(a_run(refused))
    assert store.trouble == ""
    assert (disk.folder / FILE).stat().st_size == SIZE


async def test_it_mends_itself_for_who_only_looks(store, disk):
    disk.fill()
    await take_until_full(store)
    disk.empty()
    assert store.trouble == ""


async def test_a_start_on_a_full_disk_gives_it_back(store, disk):
    disk.fill()
    again = Reserve(disk.folder / FILE, SIZE)
    assert not again.take()
    assert not (disk.folder / FILE).exists()


async def test_it_is_not_made_where_nothing_would_stay_free(tmp_path):
    with small_disk(tmp_path / "tiny", "1m") as tiny:
        assert not Reserve(tiny.folder / FILE, SIZE).take()
        assert not (tiny.folder / FILE).exists()


async def test_what_is_there_is_taken_as_it_is(store, disk):
    there = Reserve(disk.folder / FILE, SIZE)
    assert there.take()
    assert there.free()
    assert not there.free()
