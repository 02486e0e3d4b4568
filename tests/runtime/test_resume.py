"""An interrupted run goes on as a new one: nothing twice, and no guess about a write."""

import asyncio

import msgspec
import pytest
from rig import FunctionTool, Gate, ScriptedModel, ask, graph, passes, runtime

from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import Busy, Conflict, MovedOn, ToolFailed, UnknownOutcome
from agent.core.runs import RunStatus
from agent.core.state import at, put

pytestmark = pytest.mark.anyio
SPEC = graph("a b p", "a>b", post="p", paths="both=b")


class Place:
    """A file, and what is done on it: each node counts its visits, each tool its calls."""

    def __init__(self, folder) -> None:
        self.file = folder / "framescope.db"
        self.visits: list[str] = []
        self.gate = Gate()
        self.stop_at = ""
        self.booked: list[str] = []
        self.looked = 0
        self.model = ScriptedModel("thought")

    async def _here(self, place: str) -> None:
        """Stand still where the process is to end."""
        self.visits.append(place)
        if self.stop_at == place:
            self.gate.reached.set()
            await self.gate.open.wait()

    async def a(self, ctx, envelope):
        await self._here("a")
        await ctx.model([{"role": "user", "content": envelope.text}])
        ctx.remember(put("memory", "a", value=ctx.run_id))
        ctx.say("one ")
        return await passes()(ctx, envelope)

    async def b(self, ctx, envelope):
        await self._here("b")
        await ctx.call("look", {})
        try:
            said = await ctx.call("book", {"entry": ctx.run_id})
        except ToolFailed as failure:
            said = failure.code
        await self._here("b after")
        count = (at(ctx.state, "memory", "count") or 0) + 1
        ctx.remember(put("memory", "count", value=count))
        ctx.say(f"{said} {count}")

    async def p(self, ctx, envelope):
        await self._here("p")
        ctx.remember(put("memory", "last", value=envelope.data["response"]))

    async def book(self, entry):
        if self.stop_at == "book before":
            await self._here("book before")
        self.booked.append(entry)
        await self._here("book")
        return "booked"

    def look(self, _arguments):
        self.looked += 1
        return self.looked

    def open(self, spec=SPEC, code=None):
        tools = (
            FunctionTool("book", lambda a: self.book(a["entry"]), effect="write"),
            FunctionTool("look", self.look),
        )
        return runtime(
            spec, code or {"a": self.a, "b": self.b, "p": self.p},
            store=SqliteStore(self.file), model=self.model, tools=tools,
        )  # fmt: skip

    async def cut(self, place: str, text: str = "hello", *, before: int = 0) -> str:
        """Run until ``place`` and end the process there; the id of the run that was cut."""
        async with self.open() as rt:
            for n in range(before):
                await ask(rt, f"before {n}")
            self.stop_at = place
            run = await rt.send(text)
            await self.gate.reached.wait()
            await rt._parts.store.save_record("barrier", 1)
        self.stop_at = ""
        return run.run_id


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


async def resumed(rt, name: str, **how):
    return await rt.finished(await rt.resume(name, **how))


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("where", ["a", "b", "b after", "p"])
async def test_it_goes_on_where_it_was_and_does_nothing_twice(place, where, before):
    name = await place.cut(where, before=before)
    async with place.open() as rt:
        cut = await rt.find(name)
        assert cut.status is RunStatus.INTERRUPTED
        run = await resumed(rt, name)
        assert (run.status, run.kind, run.resumed_from) == (RunStatus.DONE, "resume", name)
        assert run.response == f"one booked {before + 1}"
        assert (run.parent, run.path, run.total_frames) == (cut.parent, "both", 2)
        trace = msgspec.json.decode(await rt.trace(run.run_id))
        assert [row["node"] for row in trace["frames"]] == ["a", "b"]
        assert [row["node"] for row in trace["post_frames"]] == ["p"]
        assert all("ended" in effect for effect in trace["effects"])
        assert trace["resumed_from"] == name
        assert rt.state()["memorizer"]["count"] == before + 1
        assert rt.state()["memorizer"]["a"] == name, "its nodes are told the id they knew"
        assert rt.state()["history_len"] == 2 * before + 2
        assert (await rt.history(10))[-2:] == [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": run.response},
        ]
        assert (await rt.replay(run.run_id))["verdict"] == "exact"
        following = await ask(rt, "and on")
        assert (following.parent, following.response[-1]) == (run.n, f"{before + 2}")
    assert place.booked.count(name) == 1
    assert len(place.model.asked) == before + 2


@pytest.mark.parametrize(
    ("where", "again"), [("a", "a b"), ("b", "b"), ("b after", "b"), ("p", "p")]
)
async def test_frames_that_were_finished_are_not_executed_again(place, where, again):
    name = await place.cut(where)
    place.visits.clear()
    async with place.open() as rt:
        await resumed(rt, name)
    assert " ".join(v for v in place.visits if v in ("a", "b") or v == where == "p") == again


async def test_a_write_that_was_cut_off_is_asked_about_and_named(place):
    name = await place.cut("book")
    async with place.open() as rt:
        assert "unknown outcome: book (2.b.1.1)" in (await rt.find(name)).error
        with pytest.raises(UnknownOutcome, match=r'book \(2\.b\.1\.1\).*"run".*"done".*"fail"'):
            await rt.resume(name)
        assert len((await rt.runs())["runs"]) == 1
    assert place.booked == [name]


@pytest.mark.parametrize(
    ("unknown", "how", "said", "booked"),
    [
        ("run", {}, "booked", 2),
        ("done", {"result": "seen"}, "seen", 1),
        ("done", {}, "None", 1),
        ("fail", {}, "unknown_outcome", 1),
    ],
)
async def test_what_became_of_it_is_said_by_whoever_looks(place, unknown, how, said, booked):
    name = await place.cut("book")
    async with place.open() as rt:
        run = await resumed(rt, name, unknown=unknown, **how)
        assert (run.status, run.response) == (RunStatus.DONE, f"one {said} 1")
        assert (await rt.replay(run.run_id))["verdict"] == "exact"
    assert place.booked == [name] * booked
    assert place.looked == 1, "a read that had ended is answered from the journal"


async def test_what_was_said_about_it_outlives_the_process(place):
    name = await place.cut("book")
    async with place.open() as rt:
        place.stop_at = "b"
        place.gate = Gate()
        run = await rt.resume(name, unknown="done", result="seen")
        await place.gate.reached.wait()
        await rt._parts.store.save_record("barrier", 1)
    place.stop_at = ""
    async with place.open() as rt:
        again = await rt.find(run.run_id)
        assert (again.status, again.parent) == (RunStatus.INTERRUPTED, 0)
        assert rt.state()["history_len"] == 2
        last = await resumed(rt, run.run_id)
        assert (last.response, last.resumed_from) == ("one seen 1", run.run_id)
        assert rt.state()["history_len"] == 2
    assert place.booked == [name]


async def test_a_run_is_gone_on_with_once(place):
    name = await place.cut("b")
    async with place.open() as rt:
        run = await resumed(rt, name)
        await rt.move_head(name)
        with pytest.raises(Conflict, match=f"went on as {run.run_id}"):
            await rt.resume(name)
    assert place.booked == [name]


async def test_one_that_was_cancelled_before_it_began_leaves_the_way_free(place):
    name = await place.cut("b")
    async with place.open() as rt:
        follower = await rt.resume(name)
        await rt.cancel(follower.run_id)
        assert (await rt.find(follower.run_id)).status is RunStatus.CANCELLED
        assert (await resumed(rt, name)).status is RunStatus.DONE


async def test_a_conversation_that_went_on_is_not_undone(place):
    name = await place.cut("b")
    async with place.open() as rt:
        await ask(rt, "something else")
        with pytest.raises(MovedOn, match="conversation went on"):
            await rt.resume(name)
        await rt.move_head(name)
        assert (await resumed(rt, name)).response == "one booked 1"
        assert [turn["content"] for turn in await rt.history(9)] == ["hello", "one booked 1"]


async def test_only_an_interrupted_run_goes_on_and_only_when_nothing_else_runs(place):
    name = await place.cut("b")
    async with place.open() as rt:
        place.stop_at = "a"
        place.gate = Gate()
        busy = await rt.send("busy")
        with pytest.raises(Busy):
            await rt.resume(name)
        place.gate.open.set()
        await rt.finished(busy)
        with pytest.raises(Conflict, match="is done; only one that was interrupted"):
            await rt.resume(busy.run_id)
        replay = (await rt.replay(busy.run_id))["replay_run_id"]
        with pytest.raises(Conflict):
            await rt.resume(replay)


async def test_a_node_that_has_changed_refuses_and_offers_a_fork(place):
    name = await place.cut("b")
    changed = graph("a b p", "a>b", post="p", paths="other=b")
    async with place.open(changed) as rt:
        with pytest.raises(Conflict, match=r"have changed since: graph; fork it"):
            await rt.resume(name)
    async with place.open(graph("a", name="only"), {"a": place.a}) as rt:
        with pytest.raises(Conflict, match="fork it"):
            await rt.resume(name)
    async with place.open() as rt:
        assert (await resumed(rt, name)).status is RunStatus.DONE


async def test_two_who_resume_at_the_same_time_make_one_run(place):
    name = await place.cut("b")
    async with place.open() as rt:
        found = await asyncio.gather(*(rt.resume(name) for _ in range(3)), return_exceptions=True)
        runs = [run for run in found if not isinstance(run, Exception)]
        assert len(runs) == 1
        # Who looks while the first is at work is told so, who looks when it has ended of its run.
        assert all(isinstance(other, Conflict) for other in found if other not in runs)
        assert (await rt.finished(runs[0])).status is RunStatus.DONE
    assert place.booked == [name]
