"""The durable store: what is written is read again, also by the next process."""

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from agent.adapters.stores.opening import VERSION, NewerSchema, UnreadableStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.effects import Chunk, Effect, EffectError
from agent.core.errors import Overloaded
from agent.core.frames import Envelope, FrameRecord
from agent.core.journal import Closed, Intent, Settled, summary_of
from agent.core.messages import Turn, Usage
from agent.core.runs import Run, RunStatus
from agent.core.state import drop, put
from agent.runtime.ports import ChannelRow, End, Key, RunFilter

pytestmark = pytest.mark.anyio
LONG = "a long text " * 100


def a_run(n: int = 1, **more) -> Run:
    fields = {
        "n": n, "run_id": f"r-{n:012d}-0000", "status": RunStatus.QUEUED, "channel": "main",
        "text": f"text {n}", "alias": f"msg_{n}", "created": float(n),
    }  # fmt: skip
    return Run(**{**fields, **more})


async def finished(
    store, n: int, end: End | None = None, row: ChannelRow | None = None, **more
) -> Run:
    run = a_run(n, status=RunStatus.DONE, **more)
    await store.finish(
        run, end or End(parent=0, history_len=0, since_snapshot=0), summary_of(run, (), (), ()), row
    )
    return run


# Round trips


async def test_a_new_file_is_empty(sqlite):
    loaded = sqlite().loaded
    assert (loaded.next_n, loaded.first_seq, loaded.channels, loaded.unfinished) == (1, 0, (), ())


async def test_an_accepted_run_is_there_for_the_next_process(sqlite):
    run = a_run(
        7, kind="action", action=True, data={"x": [1, None]}, dashboard={"y": LONG}, base={"m": 1}
    )
    await sqlite().accept(run, Key(key="main/k", body_hash="h", n=7))
    other = sqlite()
    assert await other.run(7) == run
    assert other.loaded.unfinished == (run,)
    assert other.loaded.next_n == 8
    assert await other.key("main/k") == Key(key="main/k", body_hash="h", n=7)
    assert await other.key("main/other") is None
    assert await other.run(8) is None


async def test_a_run_is_unfinished_until_it_is_terminal(sqlite):
    store = sqlite()
    for n, status in enumerate(RunStatus, 1):
        await store.accept(a_run(n))
        store.update(a_run(n, status=status))
    await store.save_record("x", 1)
    unfinished = {run.status for run in sqlite().loaded.unfinished}
    assert unfinished == {s for s in RunStatus if not s.terminal}


async def test_finishing_writes_run_end_summary_and_head_together(sqlite):
    store = sqlite()
    await store.accept(a_run(1))
    end = End(
        parent=0, history_len=2, since_snapshot=0, turns=(Turn(role="user", content=LONG),),
        changes=(put("a", "b", value={"x": 1}), drop("c")), snapshot={"a": {"b": {"x": 1}}},
    )  # fmt: skip
    row = ChannelRow(
        name="main", graph="g", head=1, last_sent=1, situation={"at": "home"}, identity="Ada"
    )
    run = await finished(store, 1, end, row, response="yes")
    other = sqlite()
    assert await other.run(1) == run
    assert await other.end(1) == end
    assert other.loaded.channels == (row,)
    assert other.loaded.unfinished == ()
    (body,) = await other.summaries(RunFilter())
    assert body == summary_of(run, (), (), ()).encoded()


async def test_a_refused_finish_leaves_nothing_of_it(sqlite, file):
    store = sqlite()
    await store.accept(a_run(1))
    with closing(sqlite3.connect(file)) as db:
        db.execute("DROP TABLE channels")
    row = ChannelRow(name="main", graph="g")
    with pytest.raises(Overloaded, match="channels"):
        await finished(store, 1, None, row)
    assert (await store.run(1)).status is RunStatus.QUEUED
    assert await store.end(1) is None
    assert await store.summaries(RunFilter()) == []


EFFECT = Effect(
    effect_id="1.a.1.0", frame=1, node="a", visit=1, kind="model", name="m", request_hash="h",
    request={"messages": [{"role": "system", "content": LONG}], "$blob": "not one"}, started=1.0, write=True,
)  # fmt: skip
ROWS = [
    Intent(effect=EFFECT),
    Settled(
        effect_id="1.a.1.0", ended=2.0, chunks=(Chunk(0.5, "he"),), response={"$blob": "0" * 32},
        usage=Usage(prompt_tokens=1, completion_tokens=2), cost=0.0,
    ),
    Settled(effect_id="1.a.1.0", ended=2.0, error=EffectError(code="c", detail="d", partial={"text": "p"})),
    Closed(
        records=(
            FrameRecord(
                frame=1, node="a", visit=1, started=1.0, duration_ms=2.0, input=Envelope(kind="x", text=LONG),
                output=Envelope(kind="y", data={"k": [1]}), said="s", route="b", condition="c=True",
                changes=(put("k", value=None), drop("l")), effects=("1.a.1.0",),
            ),
        ),
        post=True,
    ),
]  # fmt: skip


async def test_journal_rows_come_back_in_order_and_as_they_were(sqlite):
    store = sqlite()
    for index, row in enumerate(ROWS[:-1], 1):
        store.append(3, index, row)
    await store.secure(3, len(ROWS), ROWS[-1])
    assert await store.rows(3) == ROWS
    assert await sqlite().rows(3) == ROWS


async def test_rows_of_neighbours_do_not_mix(sqlite):
    store = sqlite()
    for n in (1, 2, 3):
        for index in (1, 2):
            store.append(n, index, Closed(records=(), post=n == 2))
    await store.save_record("x", 1)
    assert [row.post for row in await store.rows(2)] == [True, True]
    assert await store.rows(4) == []


async def test_a_text_that_many_effects_send_is_stored_once(sqlite, file):
    store = sqlite()
    for index in range(1, 50):
        store.append(1, index, Intent(effect=EFFECT))
    await store.save_record("x", 1)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM blobs").fetchone() == (1,)
        assert db.execute("SELECT max(length(body)) FROM journal").fetchone()[0] < len(LONG)
    assert all(row.effect == EFFECT for row in await store.rows(1))


KEYS = st.sampled_from(["$blob", "$blob$", "a"])
VALUES = st.recursive(
    st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=3) | st.just(LONG),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(VALUES, min_size=1, max_size=8))
def test_any_request_and_response_comes_back(tmp_path_factory, values):
    async def main():
        store = SqliteStore(tmp_path_factory.mktemp("store") / "s.db")
        store.load()
        try:
            for index, value in enumerate(values):
                store.append(
                    1, 2 * index, Intent(effect=msgspec.structs.replace(EFFECT, request=value))
                )
                store.append(
                    1, 2 * index + 1, Settled(effect_id="1.a.1.0", ended=1.0, response=value)
                )
            await store.save_record("x", values)
            rows = await store.rows(1)
            assert [row.effect.request for row in rows[::2]] == values
            assert [row.response for row in rows[1::2]] == values
            assert await store.record("x") == values
        finally:
            await store.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("value", "kept"),
    [(object, "<class 'object'>"), ({"a": {1, 2}}, {"a": [1, 2]}), ("half \ud800", "half \\ud800"),
     ({"\ud800" * 600: 1}, None), (float("nan"), None), ({3: "three"}, {"3": "three"})],
    ids=ascii,
)  # fmt: skip
async def test_what_is_no_json_is_kept_as_the_nearest_json(sqlite, value, kept):
    store = sqlite()
    store.append(1, 1, Intent(effect=EFFECT))
    store.append(1, 2, Settled(effect_id="1.a.1.0", ended=1.0, response=value))
    store.append(1, 3, Settled(effect_id="1.a.1.0", ended=1.0, response="next"))
    record = FrameRecord(
        frame=1,
        node="a",
        visit=1,
        started=1.0,
        duration_ms=2.0,
        input=Envelope(kind="x", data=value),
    )
    await store.secure(1, 4, Closed(records=(record,)))
    await store.accept(a_run(1, data=value))
    rows = await store.rows(1)
    assert [type(row) for row in rows] == [Intent, Settled, Settled, Closed]
    if kept is not None:
        assert rows[1].response == kept
        assert rows[3].records[0].input.data == kept
        assert (await store.run(1)).data == kept


async def test_named_values_and_texts_are_kept(sqlite):
    store = sqlite()
    store.note("tests", {"passed": 3})
    await store.save_record("verdict:r-1", {"verdict": "exact"})
    await store.put_blobs({"h": LONG, "i": "short"})
    await store.put_blobs({"h": "the first one counts: a name is a hash"})
    other = sqlite()
    assert await other.record("tests") == {"passed": 3}
    assert await other.record("verdict:r-1") == {"verdict": "exact"}
    assert await other.record("nothing") is None
    assert (await other.blob("h"), await other.blob("i")) == (LONG, "short")
    assert await other.blob("nothing") is None


async def test_reserved_numbers_are_known_to_the_next_process(sqlite):
    store = sqlite()
    store.reserve(20_000)
    store.reserve(30_000)
    await store.save_record("x", 1)
    assert sqlite().loaded.first_seq == 30_000


# Lineage


async def test_a_lineage_reaches_back_to_a_snapshot_and_as_far_as_the_turns(sqlite):
    store = sqlite()
    turns = (Turn(role="user", content="q"), Turn(role="assistant", content="a"))
    for n in range(1, 8):
        snapshot = {"n": n} if n in (1, 4) else None
        end = End(parent=n - 1, history_len=2 * n, since_snapshot=0, turns=turns, snapshot=snapshot)
        await finished(store, n, end)

    async def parents(head, **asked):
        return [end.parent for end in await store.lineage(head, **asked)]

    assert await parents(7, turns=0, snapshot=True) == [6, 5, 4, 3]
    assert await parents(7, turns=3, snapshot=False) == [6, 5]
    assert await parents(7, turns=12, snapshot=True) == [6, 5, 4, 3, 2, 1]
    assert await parents(7, turns=1000, snapshot=True) == [6, 5, 4, 3, 2, 1, 0]
    assert await parents(7, turns=0, snapshot=False) == []
    assert await parents(0, turns=10, snapshot=True) == []
    assert await parents(99, turns=10, snapshot=True) == []


# Pages


async def test_pages_are_filtered_and_newest_first(sqlite):
    store = sqlite()
    kinds = ["message", "action", "replay", "message", "fork", "message"]
    for n, kind in enumerate(kinds, 1):
        channel = "" if kind in ("replay", "fork") else "side" if n == 4 else "main"
        text = {1: "Äpfel und Öl", 6: "100% of it"}.get(n, f"text {n}")
        await finished(store, n, kind=kind, channel=channel, text=text)
    await store.accept(a_run(7))

    async def runs(**wanted):
        return [run.n for run in await store.runs(RunFilter(**wanted))]

    async def summaries(**wanted):
        found = await store.summaries(RunFilter(**wanted))
        return [int(msgspec.json.decode(body)["run_id"][2:14]) for body in found]

    assert await runs() == [7, 6, 5, 4, 3, 2, 1]
    assert await runs(limit=2) == [7, 6]
    assert await runs(before=3) == [2, 1]
    assert await runs(channel="side") == [4]
    assert await runs(kind="message", status="done") == [6, 4, 1]
    assert await runs(only=3) == [3]
    assert await runs(text="äPFEL") == [1]
    assert await runs(text="ÖL") == [1]
    assert await runs(text="%") == [6]
    assert await runs(text="' OR 1=1 --") == []
    assert await summaries() == [6, 5, 4, 3, 2, 1]
    assert await summaries(own=True, limit=3) == [6, 4, 2]
    assert await summaries(channel="main") == [6, 2, 1]
    assert await summaries(only=5) == [5]
    assert await summaries(only=7) == []


# Faults


async def test_a_newer_schema_is_refused_and_left_alone(file):
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    before = file.read_bytes()
    with pytest.raises(
        NewerSchema, match=rf"has schema {VERSION + 1}, this version writes {VERSION}.*--data-dir"
    ):
        SqliteStore(file).load()
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert len(file.read_bytes()) >= len(before)


@pytest.mark.parametrize(
    "content", [b"no database at all, " * 100, b"SQLite format 3\x00" + b"\xff" * 4000]
)
async def test_a_file_that_is_no_database_is_refused_with_what_to_do(file, content):
    file.write_bytes(content)
    with pytest.raises(UnreadableStore, match="--data-dir"):
        SqliteStore(file).load()
    assert file.read_bytes() == content


async def test_a_folder_that_is_not_there_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(UnreadableStore, match="unable to open"):
        SqliteStore(tmp_path / "missing" / "s.db").load()


async def test_the_file_is_written_ahead_and_synchronously(sqlite, file):
    from agent.adapters.stores import opening as module

    sqlite()
    with closing(module.connect(file)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    with (
        closing(module.connect_reading(file)) as db,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        db.execute("INSERT INTO records VALUES('x', '1')")


@pytest.mark.slow
async def test_what_is_read_while_it_is_written_is_whole(sqlite):
    """A run is terminal and has its end, or neither; in every moment."""
    store = sqlite()
    done = asyncio.Event()
    torn = []

    async def write():
        for n in range(1, 60):
            await store.accept(a_run(n))
            await finished(store, n, End(parent=n - 1, history_len=n, since_snapshot=0))
        done.set()

    async def read():
        n = 1
        while not done.is_set() and n < 60:
            end = await store.end(n)
            run = await store.run(n)
            if end is not None:
                torn.extend([] if run.status is RunStatus.DONE else [n])
                n += 1

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(read())
    assert torn == []
    assert (await store.run(59)).status is RunStatus.DONE


async def test_sends_that_come_together_share_commits(sqlite):
    store = sqlite()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for n in range(1, 201):
            group.create_task(store.accept(a_run(n)))
    assert [run.n for run in await store.runs(RunFilter(limit=500))] == list(range(200, 0, -1))


async def test_the_size_counts_the_log_too(sqlite, file):
    store = sqlite()
    await store.save_record("x", LONG)
    assert await store.size() >= file.stat().st_size + 1
