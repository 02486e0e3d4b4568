"""A search looks through so many runs at a time, and finds everything all the same."""

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest
from rig import ask, graph, runtime, says

from agent.adapters.stores.memory import MemoryStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.runs import Run, RunStatus
from agent.runtime import desk
from agent.runtime.ports import RunFilter

pytestmark = pytest.mark.anyio
SPEC, CODE = graph("a"), {"a": says("fine")}


class Looked:
    """A store that notes between which numbers it was searched."""

    def __init__(self, store) -> None:
        self.store = store
        self.ranges: list[tuple[int, int]] = []
        self.listed: list[int | None] = []

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def summaries(self, wanted: RunFilter):
        self.ranges.append((wanted.since, wanted.before))
        return await self.store.summaries(wanted)

    async def runs(self, wanted: RunFilter):
        self.listed.append(wanted.since)
        return await self.store.runs(wanted)


def ids(page) -> list[int]:
    texts = [msgspec.json.decode(body)["run_id"] for body in page["traces"]]
    return [int(text[2:14]) for text in texts]


async def pages(rt, q: str, *, limit: int = 2) -> list[list[int]]:
    found, before = [], None
    while True:
        page = await rt.traces(q=q, limit=limit, before=before)
        found.append(ids(page))
        before = page["next"]
        if before is None:
            return found


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "s.db")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(desk, "SEARCHED", 4)


async def told(rt, *texts: str) -> None:
    for text in texts:
        await ask(rt, text)


async def test_a_search_goes_on_from_where_it_has_looked_to(store):
    looked = Looked(store)
    async with runtime(SPEC, CODE, store=looked) as rt:
        await told(rt, "rare", *("x" for _ in range(6)), "rare", "x", "rare")
        assert await pages(rt, "rare") == [[10, 8], [], [1]]
        assert looked.ranges == [(7, 11), (4, 8), (1, 4)]
        assert await pages(rt, "nothing") == [[], [], []]
        assert (await rt.traces(q="rare", limit=1))["next"].startswith("r-000000000010-")


async def test_a_full_page_goes_on_from_its_last_run(store):
    async with runtime(SPEC, CODE, store=store) as rt:
        await told(rt, *("all" for _ in range(9)))
        assert await pages(rt, "all", limit=3) == [[9, 8, 7], [6, 5, 4], [3, 2, 1], []]
        assert await pages(rt, "path:nowhere") == [[], [], []]
        assert await pages(rt, "node:a", limit=50) == [[9, 8, 7, 6], [5, 4, 3, 2], [1]]


async def test_a_list_without_a_search_is_not_bounded(store):
    looked = Looked(store)
    async with runtime(SPEC, CODE, store=looked) as rt:
        await told(rt, *("x" for _ in range(9)))
        for q in ("", "  "):
            page = await rt.traces(q=q, limit=8)
            assert (len(ids(page)), looked.ranges.pop()) == (8, (None, None))


async def test_for_runs_that_have_not_ended_no_history_is_looked_through(store):
    looked, going, go = Looked(store), asyncio.Event(), asyncio.Event()

    async def waits(_ctx, _envelope):
        going.set()
        await go.wait()

    async with runtime(SPEC, {"a": waits}, store=looked) as rt:
        go.set()
        await told(rt, *("x" for _ in range(9)))
        go.clear()
        going.clear()
        tenth, eleventh = await rt.send("y"), await rt.send("z")
        await going.wait()
        found = [
            (await rt.runs(status=status))["runs"] for status in ("running", "queued", "paused")
        ]
        assert [[run["run_id"] for run in runs] for runs in found] == [
            [tenth.run_id], [eleventh.run_id], [],
        ]  # fmt: skip
        assert looked.listed[-3:] == [10] * 3
        go.set()
        await rt.finished(eleventh)
        assert (await rt.runs(status="running"))["runs"] == []
        assert len((await rt.runs(status="done"))["runs"]) == 11
        assert looked.listed[-2:] == [desk.NO_RUN, None]


async def test_a_cursor_from_far_ahead_begins_at_the_newest_run(store):
    async with runtime(SPEC, CODE, store=store) as rt:
        assert await rt.traces(q="x") == {"traces": [], "next": None}
        await told(rt, "x", "y")
        page = await rt.traces(q="x", before="r-999999999999-0000")
        assert (ids(page), page["next"]) == ([1], None)


@pytest.mark.slow
async def test_a_store_of_many_runs_is_searched_to_its_first_one(monkeypatch, tmp_path):
    monkeypatch.undo()
    file, many = tmp_path / "many.db", 2 * desk.SEARCHED + 1000
    store = SqliteStore(file)
    store.load()
    await store.close()
    run = Run(
        n=1, run_id="r-NUMBER-0000", status=RunStatus.DONE, channel="main", text="text NUMBER.",
        created=1.0,
    )  # fmt: skip
    summary = b'{"run_id":"r-NUMBER-0000"}'
    with closing(sqlite3.connect(file)) as db:
        numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<?) "
        named = "replace(CAST(? AS TEXT),'NUMBER',printf('%012d',n))"
        filled = f"CAST(replace({named},'\"n\":1,','\"n\":'||n||',') AS BLOB)"
        db.execute(
            f"{numbers} INSERT INTO runs SELECT n,'done','message','main',{filled} FROM c",
            (many, msgspec.json.encode(run)),
        )
        db.execute(
            f"{numbers} INSERT INTO ends SELECT n,'{{}}',{filled} FROM c",
            (many, summary),
        )
        db.commit()
    looked = Looked(SqliteStore(file))
    async with runtime(SPEC, CODE, store=looked) as rt:
        assert await pages(rt, f"{1:012d}.") == [[], [], [1]]
        assert [end - begin for begin, end in looked.ranges] == [20_000, 20_000, 1000]
