"""One thread, in order, as much a transaction as has queued up; and what a refusal does to it."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from agent.adapters.stores.writer import Writer
from agent.core.errors import DiskFull, Overloaded

pytestmark = pytest.mark.anyio


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE)"
    )
    return connection


class Flaky(sqlite3.Connection):
    """A connection whose disk fails on demand."""

    commits: int
    fault: sqlite3.Error | None

    def execute(self, sql, *values):
        disk = Disk.current
        if sql == "BEGIN IMMEDIATE":
            disk.began.set()
            disk.go.wait(20)
        if sql == "COMMIT":
            if disk.fault is not None:
                raise disk.fault
            disk.commits += 1
        return super().execute(sql, *values)


class Disk:
    """What a test does to the disk."""

    current: "Disk"

    def __init__(self) -> None:
        Disk.current = self
        self.commits = 0
        self.fault: sqlite3.Error | None = None
        self.refused_connects = 0
        self.connects = 0
        self.began, self.go = threading.Event(), threading.Event()
        self.go.set()

    def connect(self, path: Path) -> sqlite3.Connection:
        self.connects += 1
        if self.connects <= self.refused_connects:
            raise sqlite3.OperationalError("unable to open database file")
        connect(path).close()
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Flaky)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def writer(tmp_path, disk):
    made = Writer(tmp_path / "t.db", disk.connect)
    made.start()
    yield made
    disk.fault = None
    disk.go.set()
    await made.stop()


def put(value):
    return lambda db: db.execute("INSERT INTO t(v) VALUES(?)", (value,))


def values(tmp_path: Path) -> list[str]:
    connection = connect(tmp_path / "t.db")
    try:
        return [v for (v,) in connection.execute("SELECT v FROM t ORDER BY n")]
    finally:
        connection.close()


async def test_writes_are_in_the_order_they_were_asked_for(writer, tmp_path):
    writer.post(put("1"))
    await writer.commit(put("2"))
    writer.post(put("3"))
    writer.post(put("4"))
    await writer.commit(put("5"))
    assert values(tmp_path) == ["1", "2", "3", "4", "5"]


async def test_what_queues_up_meanwhile_is_one_transaction(writer, disk, tmp_path):
    disk.go.clear()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(writer.commit(put("first")))
        await asyncio.to_thread(disk.began.wait, 20)
        for n in range(100):
            group.create_task(writer.commit(put(str(n))))
        await asyncio.sleep(0)
        disk.go.set()
    assert disk.commits == 2
    assert values(tmp_path) == ["first", *map(str, range(100))]


async def test_stopping_writes_what_is_queued(tmp_path, disk):
    writer = Writer(tmp_path / "t.db", disk.connect)
    writer.start()
    for n in range(2000):
        writer.post(put(str(n)))
    await writer.stop()
    assert values(tmp_path) == list(map(str, range(2000)))


async def test_stopping_what_never_started_is_no_fault(tmp_path, disk):
    await Writer(tmp_path / "t.db", disk.connect).stop()


async def test_a_full_disk_refuses_who_waits_and_keeps_the_rest_in_front(writer, disk, tmp_path):
    writer.post(put("1"))
    await writer.commit(put("2"))
    disk.fault = sqlite3.OperationalError("database or disk is full")
    writer.post(put("3"))
    with pytest.raises(DiskFull, match="free some space"):
        await writer.commit(put("refused"))
    assert "disk is full" in writer.trouble
    writer.post(put("4"))
    with pytest.raises(DiskFull):
        await writer.commit(put("refused too"))
    disk.fault = None
    await writer.commit(put("5"))
    assert values(tmp_path) == ["1", "2", "3", "4", "5"]
    assert writer.trouble == ""


async def test_another_fault_of_the_disk_says_what_it_was(writer, disk):
    disk.fault = sqlite3.OperationalError("disk I/O error")
    with pytest.raises(Overloaded, match="disk I/O error") as refused:
        await writer.commit(put("x"))
    assert not isinstance(refused.value, DiskFull)


async def test_a_file_that_cannot_be_opened_refuses_until_it_can(tmp_path, disk):
    disk.refused_connects = 2
    writer = Writer(tmp_path / "t.db", disk.connect)
    writer.start()
    writer.post(put("1"))
    with pytest.raises(Overloaded, match="unable to open"):
        await writer.commit(put("refused"))
    while disk.connects < 3:
        try:
            await writer.commit(put("2"))
        except Overloaded:
            continue
    await writer.stop()
    assert values(tmp_path) == ["1", "2"]


def broken(error: Exception):
    def work(_db):
        raise error

    return work


@pytest.mark.parametrize(
    "error", [TypeError("no"), UnicodeEncodeError("utf-8", "x", 0, 1, "no"), AttributeError("no"),
              RecursionError("no"), sqlite3.IntegrityError("no"), sqlite3.InterfaceError("no")],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
async def test_a_write_that_no_row_can_hold_is_refused_alone(writer, disk, tmp_path, error):
    disk.go.clear()
    kept: list[str] = []

    async def commit(value):
        await writer.commit(put(value))
        kept.append(value)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(commit("0"))
        await asyncio.to_thread(disk.began.wait, 20)
        group.create_task(commit("1"))
        await asyncio.sleep(0)
        writer.post(broken(error))
        writer.post(put("2"))
        refused = group.create_task(expect_refusal(writer, broken(error)))
        group.create_task(commit("3"))
        await asyncio.sleep(0)
        disk.go.set()
    assert "cannot be stored" in await refused
    assert values(tmp_path) == ["0", "1", "2", "3"]
    assert kept == ["0", "1", "3"]
    assert writer.trouble == ""


async def expect_refusal(writer, work) -> str:
    with pytest.raises(Overloaded) as refused:
        await writer.commit(work)
    return str(refused.value)


async def test_when_the_disk_fails_half_way_through_one_by_one_nothing_overtakes(
    writer, disk, tmp_path
):
    disk.go.clear()

    def fails_the_disk(db):
        put("2")(db)
        disk.fault = sqlite3.OperationalError("disk I/O error")

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(writer.commit(put("0")))
        await asyncio.to_thread(disk.began.wait, 20)
        writer.post(broken(TypeError("no")))
        writer.post(put("1"))
        writer.post(fails_the_disk)
        writer.post(put("3"))
        late = group.create_task(expect_refusal(writer, put("refused")))
        await asyncio.sleep(0)
        disk.go.set()
    assert "disk I/O error" in await late
    disk.fault = None
    disk_is_well = put("4")
    with pytest.raises(Overloaded):  # the job that breaks the disk is still in front
        await writer.commit(disk_is_well)
    assert "1" in values(tmp_path)
    assert "3" not in values(tmp_path)


async def test_who_leaves_while_waiting_is_not_answered_and_the_write_stays(writer, disk, tmp_path):
    disk.go.clear()
    task = asyncio.ensure_future(writer.commit(put("1")))
    await asyncio.to_thread(disk.began.wait, 20)
    task.cancel()
    disk.go.set()
    await writer.commit(put("2"))
    assert task.cancelled()
    assert values(tmp_path) == ["1", "2"]


async def test_nobody_waits_for_a_loop_that_is_gone(tmp_path, disk):
    writer = Writer(tmp_path / "t.db", disk.connect)
    disk.go.clear()
    writer.start()

    def other_loop():
        async def leave():
            asyncio.get_running_loop().call_soon(lambda: None)
            task = asyncio.ensure_future(writer.commit(put("1")))
            await asyncio.to_thread(disk.began.wait, 20)
            task.cancel()

        asyncio.run(leave())

    await asyncio.to_thread(other_loop)
    disk.go.set()
    await writer.commit(put("2"))
    await writer.stop()
    assert values(tmp_path) == ["1", "2"]
