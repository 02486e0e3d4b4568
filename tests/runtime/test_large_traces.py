"""A large trace is listed, opened and looked into for what is asked of it, not for what it has."""

import msgspec
import pytest
from rig import ScriptedModel, ask, graph, runtime

from agent.adapters.stores.memory import MemoryStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import UnknownRun
from agent.core.frames import GLANCE_CHARS, LISTED, Envelope, encoded
from agent.core.state import put
from agent.runtime.recordings import recording

pytestmark = pytest.mark.anyio
ROUNDS = LISTED + 20
LONG = "long " * 100
SPEC = graph("a z m", "a>z?has_tool_output a>a", post="m", budget=ROUNDS + 2)


async def again(ctx, envelope):
    reply = await ctx.model([{"role": "user", "content": f"{LONG} {ctx.visit}"}])
    ctx.remember(put("ui", "state", "n", value=ctx.visit))
    done = {"tool_output": True} if ctx.visit == ROUNDS else None
    return Envelope(kind="passed", text=f"{reply.text} {LONG} {ctx.visit}", data=done)


async def last(ctx, envelope):
    ctx.say("over")


async def distil(ctx, envelope):
    ctx.now()


CODE = {"a": again, "z": last, "m": distil}


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "s.db")


def opened(store):
    return runtime(SPEC, CODE, store=store, model=ScriptedModel("fine"))


def read(body):
    return msgspec.json.decode(body)


async def test_its_skeleton_has_all_visits_and_little_of_what_they_held(store):
    async with opened(store) as live:
        run = await ask(live, "go")
        assert run.status == "done", run.error
        whole, bare = read(await live.trace(run.run_id)), await live.skeleton(run.run_id)
        found = read(bare)
        for rows in ("frames", "post_frames"):
            shown = [(row["frame"], row["node"], row["visit"], row["route"]) for row in found[rows]]
            assert shown == [
                (r["frame"], r["node"], r["visit"], r.get("route", "")) for r in whole[rows]
            ]
        assert max(len(row["output"]) for row in found["frames"]) == GLANCE_CHARS
        assert (found["skeleton"], found["response"]) == (True, "over")
        assert (found["total_frames"], found["tokens"]) == (ROUNDS + 1, 5 * ROUNDS)
        assert len(bare) * 5 < len(await live.trace(run.run_id))


async def test_its_summary_names_the_nodes_of_what_it_leaves_out(store):
    async with opened(store) as live:
        run = await ask(live, "go")
        (found,) = read(msgspec.json.encode((await live.traces(q="node:z"))["traces"]))
        assert found["run_id"] == run.run_id, "also who was there only in the part that is left out"
        assert len(found["frames"]) == LISTED
        assert found["left_out"] == [
            {"node": "a", "visits": ROUNDS - LISTED},
            {"node": "z", "visits": 1},
        ]


async def test_a_frame_comes_whole_and_alone(store):
    async with opened(store) as live:
        run = await ask(live, "go")
        whole = read(await live.trace(run.run_id))
        effects = {effect["effect_id"]: effect for effect in whole["effects"]}
        for frame in (*range(1, ROUNDS, 9), ROUNDS, ROUNDS + 1, ROUNDS + 2):
            found = read(msgspec.json.encode(await live.frame(run.run_id, frame)))
            assert found["frames"] == [r for r in whole["frames"] if r["frame"] == frame]
            assert found["post_frames"] == [r for r in whole["post_frames"] if r["frame"] == frame]
            names = [
                n for r in (*found["frames"], *found["post_frames"]) for n in r.get("effects", ())
            ]
            assert found["effects"] == [effects[name] for name in names]
        for frame in (-1, 0, ROUNDS + 3, 10**7):
            with pytest.raises(UnknownRun, match=f"no frame {frame}"):
                await live.frame(run.run_id, frame)


async def test_a_small_one_has_no_skeleton_and_comes_whole(store):
    async with runtime(graph("a"), {"a": last}, store=store) as live:
        run = await ask(live, "go")
        assert await live.skeleton(run.run_id) == await live.trace(run.run_id)


async def test_a_run_at_work_is_opened_as_far_as_it_is(store):
    found = []

    async def looks(ctx, envelope):
        ctx.now()
        found.append((read(await live.skeleton(ctx.run_id)), await live.trace(ctx.run_id)))

    async with runtime(graph("a"), {"a": looks}, store=store) as live:
        run = await ask(live, "go")
        assert run.status == "done", run.error
    ((bare, whole),) = found
    assert [seen["outcome"] for seen in (bare, read(whole))] == ["running"] * 2


@pytest.mark.slow
async def test_a_skeleton_survives_a_restart_and_an_import(tmp_path):
    async with opened(SqliteStore(tmp_path / "s.db")) as live:
        run = await ask(live, "go")
        before = await live.skeleton(run.run_id)
    async with opened(SqliteStore(tmp_path / "s.db")) as live:
        assert await live.skeleton(run.run_id) == before
        told = await live.take_in(await live.export(run.run_id, "zip"))
        found = read(await live.skeleton(told["run_id"]))
        assert (found["skeleton"], found["imported_from"]) == (True, run.run_id)
        assert found["frames"] == read(before)["frames"]


async def test_a_trace_that_is_encoded_in_pieces_is_the_same(store):
    async with opened(store) as live:
        run = await ask(live, "go")
        trace = await recording(live._parts.store, live._parts.library, run)
    assert read(encoded(trace)) == read(msgspec.json.encode(trace))
    empty = msgspec.structs.replace(trace, frames=(), post_frames=(), effects=())
    assert encoded(empty) == msgspec.json.encode(empty)
