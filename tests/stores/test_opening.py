"""A file that is not right is refused with what to do, and left as it is; a new one is made whole."""

import sqlite3
from contextlib import closing

import pytest
from stores.test_sqlite_store import a_run, finished

from agent.adapters.stores import opening
from agent.adapters.stores.opening import UnreadableStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import Overloaded
from agent.runtime.ports import RunFilter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def used(file):
    """A file with 60 runs, all of it in the file itself."""
    store = SqliteStore(file)
    store.load()
    for n in range(1, 60):
        store._writer.post(
            lambda db, n=n: db.execute("INSERT INTO blobs VALUES(?,?)", (f"{n}", "x" * 2000))
        )
        store.update(a_run(n))
    await finished(store, 60)
    await store.close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def refused(file) -> str:
    with pytest.raises(UnreadableStore) as error:
        SqliteStore(file).load()
    return str(error.value)


async def test_an_empty_file_is_not_made_a_new_one(used):
    used.write_bytes(b"")
    assert "it is empty); put a copy that is whole in its place" in refused(used)
    assert used.read_bytes() == b""


async def test_another_programs_database_is_left_alone(file):
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE theirs(x)")
    before = file.read_bytes()
    assert "of another program); use another --data-dir" in refused(file)
    assert file.read_bytes() == before


async def test_a_file_that_is_gone_is_not_made_anew_beside_its_log(used):
    log = used.with_name(f"{used.name}-wal")
    log.write_bytes(b"what was not in the file yet")
    used.unlink()
    assert f"it is gone, but {log.name} is there" in refused(used)
    assert not used.exists()


async def test_a_file_cut_short_is_refused(used):
    whole = used.read_bytes()
    used.write_bytes(whole[: len(whole) // 2])
    assert "malformed" in refused(used)
    assert used.stat().st_size == len(whole) // 2


async def test_a_torn_header_is_refused(used):
    whole = used.read_bytes()
    used.write_bytes(b"\0" * 16 + whole[16:])
    assert "not a database" in refused(used)
    assert used.read_bytes() == b"\0" * 16 + whole[16:]


async def test_garbage_in_the_runs_is_refused(used):
    _spoil(used, "runs")
    assert "--data-dir" in refused(used)


async def test_garbage_elsewhere_is_a_named_error_of_who_reads_it(used):
    _spoil(used, "ends", "blobs")
    store = SqliteStore(used)
    store.load()
    try:
        with pytest.raises(UnreadableStore, match="put a copy that is whole"):
            await store.end(60)
        assert len(await store.runs(RunFilter(limit=500))) == 60
        await store.accept(a_run(61))
    finally:
        await store.close()


def _spoil(file, *tables: str) -> None:
    """Write garbage over the first page of each table."""
    with closing(sqlite3.connect(file)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        sql = "SELECT rootpage FROM sqlite_master WHERE name=?"
        pages = [db.execute(sql, (name,)).fetchone()[0] for name in tables]
    with file.open("r+b") as raw:
        for page in pages:
            raw.seek((page - 1) * size)
            raw.write(b"\xa5" * size)


async def test_rows_that_nobody_can_read_are_refused(used):
    with closing(sqlite3.connect(used)) as db, db:
        db.execute("UPDATE runs SET body='{' WHERE n=7")
    assert "--data-dir" in refused(used)


async def test_another_programs_lock_is_named_at_start(used, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_S", 0.01)
    with closing(sqlite3.connect(used, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        assert "locked); another program is writing to it; end that one" in refused(used)


async def test_another_programs_lock_refuses_sends_until_it_is_gone(used, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_S", 0.01)
    store = SqliteStore(used)
    store.load()
    try:
        with closing(sqlite3.connect(used, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(Overloaded, match="another program is writing to it"):
                await store.accept(a_run(61))
            assert "locked" in store.trouble
            assert (await store.run(60)).n == 60
        await store.accept(a_run(61))
        assert store.trouble == ""
    finally:
        await store.close()


async def test_a_new_file_is_made_whole_or_not_at_all(file, monkeypatch):
    def dies(stage):
        raise KeyboardInterrupt(stage)

    monkeypatch.setattr(opening, "reached", dies)
    with pytest.raises(KeyboardInterrupt):
        SqliteStore(file).load()
    assert not file.exists()
    monkeypatch.undo()
    store = SqliteStore(file)
    assert store.load().next_n == 1
    await store.close()
    assert not file.with_name(f"{file.name}-new").exists()
