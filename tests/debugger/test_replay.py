"""Sealed replay: exact when nothing changed, else the first place where it matters."""

import msgspec
import pytest
from framed import PATHS, Forbidden, framed, opened, sealed
from msgspec.structs import replace
from rig import (
    CountingClock,
    FunctionTool,
    Gate,
    ScriptedModel,
    ask,
    graph,
    passes,
    returns,
    runtime,
    says,
    timeless,
)

from agent.core import controls
from agent.core.databases import Schemas
from agent.core.errors import Conflict, ModelFailed, ToolFailed
from agent.core.events import Topic
from agent.core.frames import Envelope
from agent.core.runs import RunStatus
from agent.core.state import put
from agent.nodes.catalog import NODES
from agent.runtime.library import Edition, Library, specification
from agent.runtime.modules import load
from agent.runtime.workspace import Code, shipped

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("message", PATHS)
async def test_every_path_replays_exact_and_touches_nothing(store, prompts, message, monkeypatch):
    async with opened(store, framed(prompts)) as rt:
        await ask(rt, "hi")
        run = await ask(rt, message)
        assert (run.path, run.total_frames, run.status) == (*PATHS[message], RunStatus.DONE), (
            run.error
        )
        before = await rt.trace(run.run_id)
    async with opened(store, framed(prompts), model=Forbidden(), rows=()) as rt:
        sealed(monkeypatch)
        for pinned in (False, True):
            verdict = await rt.replay(run.run_id, pinned=pinned)
            total = len(msgspec.json.decode(before)["effects"])
            assert verdict == {
                "run_id": run.run_id, "replay_run_id": verdict["replay_run_id"], "verdict": "exact",
                "matched": total, "total": total, "changed_revisions": [], "divergence": None,
            }  # fmt: skip
        assert rt._parts.tools["query_db"].calls == []
        assert await rt.trace(run.run_id) == before, "a replay never writes into what it reads"
        new = msgspec.json.decode(await rt.trace(verdict["replay_run_id"]))
        old = msgspec.json.decode(before)
        assert timeless(new["frames"]) == timeless(old["frames"])
        assert timeless(new["post_frames"]) == timeless(old["post_frames"])
        assert new["replay_of"] == run.run_id
        assert {e["policy"] for e in new["effects"]} == {"recorded"}


async def test_one_changed_byte_of_a_prompt_is_named_where_it_first_matters(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "how many")
    file = prompts / "director.md"
    file.write_text(file.read_text("utf-8").replace("e", "é", 1), "utf-8")
    async with opened(store, framed(prompts), model=Forbidden()) as rt:
        verdict = await rt.replay(run.run_id)
        assert (verdict["verdict"], verdict["changed_revisions"]) == (
            "diverged",
            ["prompt:director"],
        )
        found = verdict["divergence"]
        assert (found["frame"], found["node"]) == (2, "director")
        assert found["field"] == "effect 2.director.1.0 request/messages/0/content"
        assert "é" in found["got"]
        assert "é" not in found["expected"]
        assert verdict["matched"] == 1
        pinned = await rt.replay(run.run_id, pinned=True)
        assert (pinned["verdict"], pinned["changed_revisions"]) == ("exact", [])


async def test_a_prompt_that_no_frame_used_changes_the_revision_but_not_the_verdict(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "hi")
    file = prompts / "director.md"
    file.write_text(file.read_text("utf-8") + "more", "utf-8")
    async with opened(store, framed(prompts)) as rt:
        verdict = await rt.replay(run.run_id)
        assert (verdict["verdict"], verdict["changed_revisions"]) == ("exact", ["prompt:director"])


async def test_a_pinned_replay_is_exact_when_another_model_was_configured(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "hi")
    other = Forbidden()
    other.default_model = "other"
    library = Library(shipped(NODES), model="other", prompts=prompts)
    async with opened(store, library, model=other) as rt:
        now = await rt.replay(run.run_id)
        assert (now["verdict"], now["changed_revisions"]) == ("diverged", ["model"])
        assert now["divergence"]["field"] == "effect 1.input.1.0 request/model"
        assert (await rt.replay(run.run_id, pinned=True))["verdict"] == "exact"


async def test_a_replay_occupies_no_channel_and_is_not_among_the_frames(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "hi")
        asked = (rt.poll(""), await rt.history(10), await rt.result(None), await frames(rt))
        chat = rt.hub.reader(Topic.CHAT, channel="main")
        verdict = await rt.replay("msg_1")
        assert (rt.poll(""), await rt.history(10), await rt.result(None), await frames(rt)) == asked
        assert chat.ready() == []
        replay = await rt.find(verdict["replay_run_id"])
        assert (replay.kind, replay.channel, replay.alias, replay.status) == (
            "replay",
            "",
            "",
            RunStatus.DONE,
        )
        assert [s["run_id"] for s in (await frames(rt, replay.run_id))["traces"]] == [replay.run_id]
        with pytest.raises(Conflict):
            await rt.move_head(replay.run_id)
        assert (await ask(rt, "hi")).parent == run.n
        again = await rt.replay(replay.run_id)
        assert again["verdict"] == "exact"


async def frames(rt, run=None):
    return msgspec.json.decode(msgspec.json.encode(await rt.frames(10, run)))


# What the databases held


class Holding:
    """Databases that hold one table, or whom nobody has looked at: nobody may then."""

    def __init__(self, table: str = "") -> None:
        self.known = Schemas(texts={"d": table}) if table else None

    async def schemas(self):
        if self.known is None:
            pytest.fail("a replay looked at a database")
        return self.known

    def degraded(self):
        return []


SHOWS = """async def shows(ctx, envelope):
    await ctx.model([{"role": "user", "content": ctx.schema}])
    ctx.say(ctx.schema_of("d"))
"""


def showing(store, held, tmp_path):
    """A runtime of one node that shows a model, and says, what the databases hold."""
    code = Code(run=vars(load(SHOWS, "shows", "shows.py"))["shows"], source=SHOWS)
    library = Library({"shows": code}, model="scripted", graphs=tmp_path, prompts=tmp_path)
    spec = library.add(
        'name = "g"\n[[node]]\nrole = "a"\nimpl = "shows"\n[[path]]\nname = "p"\nvisits = "a"',
        "g.toml",
    )
    return runtime(spec, {}, store=store(), library=library, databases=held)


@pytest.mark.parametrize(
    ("since", "told"),
    [("TABLE a", []), ("TABLE b", ["schemas"]), ("", [])],
    ids=["the same", "changed", "not looked at"],
)
async def test_a_replay_shows_nodes_what_the_databases_held_then(store, tmp_path, since, told):
    async with showing(store, Holding("TABLE a"), tmp_path) as rt:
        run = await ask(rt, "x")
        assert run.revision == rt.graph()["revision"]
    assert run.response == "TABLE a"
    async with showing(store, Holding(since), tmp_path) as rt:
        first = await rt.replay(run.run_id)
        assert (first["verdict"], first["matched"], first["changed_revisions"]) == (
            "exact",
            1,
            told,
        )
        pinned = await rt.replay(run.run_id, pinned=True)
        assert (pinned["verdict"], pinned["changed_revisions"]) == ("exact", [])
        again = await rt.replay(first["replay_run_id"], pinned=True)
        assert (again["verdict"], again["matched"]) == ("exact", 1)


async def test_the_schema_is_a_part_of_the_revision(store, tmp_path):
    revisions: list[str] = []
    for table in ("TABLE a", "TABLE b", "TABLE a"):
        async with showing(store, Holding(table), tmp_path) as rt:
            revisions.append((await ask(rt, "x")).revision)
    assert revisions[0] == revisions[2] != revisions[1]


async def test_a_recording_from_before_schemas_were_kept_is_shown_those_of_today(
    store, tmp_path, monkeypatch
):
    with monkeypatch.context() as before:
        before.setattr(Edition, "knowing", lambda self, held: replace(self, schemas=held))
        async with showing(store, Holding("TABLE a"), tmp_path) as rt:
            run = await ask(rt, "x")
    for held, verdict in (("TABLE a", "exact"), ("TABLE b", "diverged")):
        async with showing(store, Holding(held), tmp_path) as rt:
            for pinned in (False, True):
                found = await rt.replay(run.run_id, pinned=pinned)
                assert (found["verdict"], found["changed_revisions"]) == (verdict, [])


async def test_a_model_is_shown_the_control_tools_as_they_were_in_a_pinned_replay(store, prompts):
    tools = [specification(FunctionTool("query_db", lambda _: {})), *controls.SPECS]

    def today(specs):
        return Library(shipped(NODES), tools=specs, model="scripted", prompts=prompts)

    name, *others = controls.SPECS
    before = [tools[0], {**name, "function": {**name["function"], "description": "?"}}, *others]
    async with opened(store, today(before)) as rt:
        run = await ask(rt, "set it")
    async with opened(store, today(tools), model=Forbidden()) as rt:
        now = await rt.replay(run.run_id)
        assert (now["verdict"], now["changed_revisions"]) == ("diverged", ["tools"])
        pinned = await rt.replay(run.run_id, pinned=True)
        assert (pinned["verdict"], pinned["divergence"]) == ("exact", None)


# Small graphs: what differs


SPEC = graph("a b", "a>b")


async def recorded(store, code, spec=SPEC, **more):
    async with runtime(spec, code, store=store(), **more) as rt:
        return await ask(rt, "x")


async def replayed(store, run, code, spec=SPEC, **more):
    async with runtime(spec, code, store=store(), **more) as rt:
        return await rt.replay(run.run_id)


def calls(arguments, count: int = 1):
    async def node(ctx, envelope):
        for _ in range(count):
            await ctx.call("look", arguments)
        return Envelope(kind="x", text="same")

    return node


def look(result=1):
    return (FunctionTool("look", lambda _: result),)


async def test_other_arguments_of_a_tool_are_the_first_difference(store):
    run = await recorded(store, {"a": calls({"city": "Leipzig"}), "b": says("ok")}, tools=look())
    tools = look()
    verdict = await replayed(
        store, run, {"a": calls({"city": "Dresden"}), "b": says("no")}, tools=tools
    )
    found = verdict["divergence"]
    assert verdict["verdict"] == "diverged"
    assert (found["frame"], found["node"]) == (1, "a")
    assert found["field"] == "effect 1.a.1.0 request/arguments/city"
    assert (found["expected"], found["got"]) == ("Leipzig", "Dresden")
    assert tools[0].calls == []


@pytest.mark.parametrize("before", [0, 1999, 3999, 4000, 10_000])
async def test_a_difference_far_behind_is_in_what_is_shown(store, before):
    def text(end):
        return "x" * before + end + "y" * 10_000

    run = await recorded(store, {"a": calls({"q": text("old")}), "b": says("ok")}, tools=look())
    verdict = await replayed(
        store, run, {"a": calls({"q": text("new")}), "b": says("ok")}, tools=look()
    )
    found = verdict["divergence"]
    assert "old" in found["expected"]
    assert "new" in found["got"]
    assert found["expected"].replace("old", "new") == found["got"]
    assert len(found["expected"]) <= 4001


async def test_a_node_that_tells_the_world_its_run_id_replays_exact(store):
    async def node(ctx, envelope):
        await ctx.call("look", {"run": ctx.run_id})

    run = await recorded(store, {"a": node}, spec=graph("a"), tools=look())
    assert (await replayed(store, run, {"a": node}, spec=graph("a"), tools=look()))[
        "verdict"
    ] == "exact"


async def test_an_effect_too_many_is_named(store):
    run = await recorded(store, {"a": calls({}), "b": says("ok")}, tools=look())
    verdict = await replayed(store, run, {"a": calls({}, 2), "b": says("ok")}, tools=look())
    assert verdict["divergence"]["field"] == "effect 1.a.1.1"
    assert (verdict["matched"], verdict["total"]) == (1, 1)
    assert verdict["divergence"]["expected"] == ""


async def test_an_effect_too_few_is_named(store):
    run = await recorded(store, {"a": calls({}, 2), "b": says("ok")}, tools=look())
    verdict = await replayed(store, run, {"a": calls({}), "b": says("ok")}, tools=look())
    assert verdict["verdict"] == "diverged"
    assert (verdict["divergence"]["frame"], verdict["divergence"]["node"]) == (1, "a")
    assert (verdict["matched"], verdict["total"]) == (1, 2)


def remembers(value):
    async def node(ctx, envelope):
        ctx.remember(put("k", value=value))

    return node


@pytest.mark.parametrize(
    ("old", "new", "field", "expected", "got"),
    [
        (says("yes"), says("no"), "said", "yes", "no"),
        (returns(Envelope(kind="x", data={"n": [1, 2]})), returns(Envelope(kind="x", data={"n": [1, 3]})), "output/data/n/1", "2", "3"),
        (remembers(1), remembers(2), "changes/0/value", "1", "2"),
    ],
    ids=["said", "output", "changes"],
)  # fmt: skip
async def test_what_a_node_does_otherwise_is_named_by_field(store, old, new, field, expected, got):
    run = await recorded(store, {"a": passes(), "b": old})
    found = (await replayed(store, run, {"a": passes(), "b": new}))["divergence"]
    assert (found["frame"], found["node"], found["field"]) == (2, "b", field)
    assert (found["expected"], found["got"]) == (expected, got)


async def test_a_node_that_was_added_is_named(store):
    code = {"a": passes(), "b": says("ok"), "c": says("new")}
    run = await recorded(store, code)
    verdict = await replayed(store, run, code, spec=graph("a b c", "a>b+c"))
    assert verdict["changed_revisions"] == ["graph", "node:c"]
    found = verdict["divergence"]
    assert (found["frame"], found["node"], found["field"], found["got"]) == (1, "a", "route", "b+c")


async def test_a_node_that_is_gone_is_named(store):
    code = {"a": passes(), "b": says("ok"), "p": says("post")}
    run = await recorded(store, code, spec=graph("a b p", "a>b", post="p"))
    verdict = await replayed(store, run, code)
    found = verdict["divergence"]
    assert (found["node"], found["field"], found["expected"], found["got"]) == (
        "p",
        "node",
        "p",
        "",
    )


# What the world answered


async def test_clock_chance_and_ids_come_from_the_recording(store):
    async def node(ctx, envelope):
        ctx.say(f"{ctx.now()} {ctx.random()} {ctx.new_id()}")

    class Stopped(CountingClock):
        def random(self):
            pytest.fail("a replay read chance")

    run = await recorded(store, {"a": node}, spec=graph("a"))
    verdict = await replayed(store, run, {"a": node}, spec=graph("a"), clock=Stopped(5000))
    assert (verdict["verdict"], verdict["matched"]) == ("exact", 3)


@pytest.mark.parametrize("caught", [True, False])
async def test_recorded_errors_are_raised_again(store, caught):
    async def node(ctx, envelope):
        for ask_world in (
            lambda: ctx.call("look", {}),
            lambda: ctx.model([{"role": "user", "content": "x"}]),
        ):
            try:
                await ask_world()
            except (ToolFailed, ModelFailed) as failure:
                if not caught:
                    raise
                ctx.say(f"{type(failure).__name__} {failure.code} {failure.partial} ")

    model = ScriptedModel(ModelFailed("model_timeout", "too slow", partial="he"))
    tools = (FunctionTool("look", lambda _: ToolFailed("down", "not now")),)
    run = await recorded(store, {"a": node}, spec=graph("a"), model=model, tools=tools)
    assert run.status is (RunStatus.DONE if caught else RunStatus.ERROR)
    if caught:
        assert run.response == "ToolFailed down None ModelFailed model_timeout he "
    verdict = await replayed(
        store, run, {"a": node}, spec=graph("a"), model=Forbidden(), tools=look()
    )
    assert (verdict["verdict"], verdict["matched"]) == ("exact", 2 if caught else 1)


async def test_a_run_that_failed_beside_a_sibling_that_went_on_replays_exact(store):
    async def bad(ctx, envelope):
        raise ValueError("no")

    spec, code = (
        graph("a b c d", "a>b+c c>d"),
        {"a": passes(), "b": bad, "c": passes(), "d": says("never")},
    )
    run = await recorded(store, code, spec=spec)
    assert run.error == "b: ValueError: no"
    assert (await replayed(store, run, code, spec=spec))["verdict"] == "exact"


async def test_a_run_over_its_frame_budget_replays_exact(store):
    spec, code = graph("a b", "a>b b>a", budget=4), {"a": passes(), "b": passes()}
    run = await recorded(store, code, spec=spec)
    assert "budget_exceeded" in run.error
    assert (await replayed(store, run, code, spec=spec))["verdict"] == "exact"


async def test_a_cancelled_run_is_incomplete_and_never_called_diverged(store):
    gate = Gate()
    async with runtime(graph("a"), {"a": gate.node()}, store=store()) as rt:
        run = await rt.send("x")
        await gate.reached.wait()
        await rt.cancel(run.run_id)
        gate.open.set()
        assert (await rt.replay(run.run_id))["verdict"] == "incomplete"


async def test_a_click_replays_as_a_click(store):
    spec = graph("input think", "input>think")
    code = {"input": says("never"), "think": says("clicked")}
    async with runtime(spec, code, store=store()) as rt:
        run = await rt.finished(await rt.act("go", {"x": 1}))
        assert (await rt.replay(run.run_id))["verdict"] == "exact"


async def test_state_and_history_are_those_of_the_moment_not_of_today(store):
    async def node(ctx, envelope):
        ctx.remember(put("memory", "n", value=len(ctx.history)))
        ctx.say(f"{len(ctx.history)} {ctx.state['memory'].get('n')}")

    async with runtime(graph("a"), {"a": node}, store=store()) as rt:
        runs = [await ask(rt, str(n)) for n in range(45)]
        for n in (0, 1, 30, 33, 44):
            assert (await rt.replay(runs[n].run_id))["verdict"] == "exact", n
        await rt.clear()
        after = await ask(rt, "after a clear")
        assert (await rt.replay(after.run_id))["verdict"] == "exact"
        assert (await rt.replay(runs[5].run_id))["verdict"] == "exact"


async def test_a_replay_of_a_graph_that_is_gone_works_pinned_only(store):
    from agent.core.errors import UnknownGraph

    library = Library(shipped(NODES), model="scripted")
    async with opened(store, library) as rt:
        run = await ask(rt, "hi")
    async with runtime(graph("a"), {"a": says("x")}, store=store(), model=Forbidden()) as rt:
        with pytest.raises(UnknownGraph, match="v3-framed"):
            await rt.replay(run.run_id)
        assert (await rt.replay(run.run_id, pinned=True))["verdict"] == "exact"
