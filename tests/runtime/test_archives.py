"""A run leaves as one file and comes in elsewhere: the same trace, nothing run, no secret, no trace left."""

import io
import json
import re
import zipfile

import msgspec
import pytest
from rig import FunctionTool, Gate, ScriptedModel, ask, graph, runtime, says
from runtime.archives import HOSTILE, good, opened

from agent.adapters.stores.memory import MemoryStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import Conflict, UnknownRun
from agent.core.events import Topic
from agent.core.journal import Fold
from agent.core.redact import MASK, Redactor
from agent.core.state import put
from agent.nodes.catalog import NODES
from agent.runtime.archives import rows_of
from agent.runtime.forks import Wish
from agent.runtime.library import Library
from agent.runtime.workspace import Code, shipped

pytestmark = pytest.mark.anyio
FORMS = pytest.mark.parametrize("form", ["zip", "html"])
KEY = "sk-0123456789abcdef"
MOVED = {"run_id", "kind", "channel", "imported_from"}


async def trace(live, name):
    return msgspec.json.decode(await live.trace(name))


def bare(found):
    return {key: value for key, value in found.items() if key not in MOVED}


@FORMS
async def test_what_comes_in_is_the_run_that_left_under_a_new_number(form, tmp_path):
    async with opened(MemoryStore()) as here:
        await ask(here, "first")
        run = await ask(here, HOSTILE)
        raw, left = await here.export(run.run_id, form), await trace(here, run.run_id)
    store = SqliteStore(tmp_path / "s.db")
    async with opened(store) as there:
        own = await ask(there, "mine")
        before = await trace(there, own.run_id)
        told = await there.take_in(raw)
        came = await trace(there, told["run_id"])
        assert bare(came) == bare(left), "also the times: nothing was run"
        assert (came["kind"], came["channel"], came["imported_from"]) == ("import", "", run.run_id)
        assert told["run_id"] != run.run_id
        assert (told["imported_from"], told["frames"], told["effects"]) == (
            run.run_id, run.total_frames, len(left["effects"]),
        )  # fmt: skip
        assert await trace(there, own.run_id) == before
        again = await there.take_in(raw)
        assert bare(await trace(there, again["run_id"])) == bare(left)
        assert again["run_id"] != told["run_id"]
    async with opened(SqliteStore(tmp_path / "s.db")) as later:
        assert bare(await trace(later, told["run_id"])) == bare(left)
        assert (await later.replay(told["run_id"]))["verdict"] == "exact"


async def test_what_comes_in_is_in_no_channel_and_not_in_the_conversation():
    async with opened(MemoryStore()) as live:
        own = await ask(live, "mine")
        heads, history = live.check(), await live.history(10)
        told = await live.take_in(good("zip"))
        assert live.check() == heads
        assert await live.history(10) == history
        assert (await live.result(None))["run_id"] == own.run_id
        assert [t["run_id"] for t in listed(await live.frames(100, None))] == [own.run_id]
        assert (await live.runs(kind="import"))["runs"][0]["imported_from"] == told["imported_from"]
        assert listed(await live.traces(q="kind:import"))[0]["run_id"] == told["run_id"]
        with pytest.raises(Conflict):
            await live.move_head(told["run_id"])
        lines = [json.loads(line) for line in live.hub.newest(Topic.TRACE, 1000)]
        ends = [line for line in lines if line["event"] == "frame_trace"]
        assert [line["run_id"] for line in ends].count(told["run_id"]) == 1


def listed(answer):
    return msgspec.json.decode(msgspec.json.encode(answer["traces"]))


async def test_a_replay_starts_from_the_state_and_the_conversation_that_came_along():
    seen = []

    async def node(ctx, envelope):
        seen.append((ctx.state["memory"].get("topic"), [turn.content for turn in ctx.history]))
        ctx.say(f"{ctx.state['memory'].get('topic')}: {ctx.run_id}")
        ctx.remember(put("memory", "topic", value=ctx.message))

    spec, code = graph("a"), {"a": node}
    async with runtime(spec, code) as here:
        ids = [(await ask(here, text)).run_id for text in ("one", "two")]
        run = await ask(here, "three")
        raw = await here.export(run.run_id, "zip")
    recorded = seen[-1]
    assert recorded == ("two", ["one", f"None: {ids[0]}", "two", f"one: {ids[1]}"])
    async with runtime(spec, code) as there:
        told = await there.take_in(raw)
        assert (await there.replay(told["run_id"]))["verdict"] == "exact"
        assert seen[-1] == recorded
        again = await there.export(told["run_id"], "zip")
        second = await there.take_in(again)
        assert second["imported_from"] == run.run_id, (
            "it says where it was recorded, not who passed it on"
        )
        assert (await there.replay(second["run_id"]))["verdict"] == "exact"


async def test_what_comes_in_is_forked_and_compared_and_adopted_by_no_conversation():
    async with opened(MemoryStore()) as live:
        told = await live.take_in(good("zip"))
        replay = await live.replay(told["run_id"])
        for source in (told["run_id"], replay["replay_run_id"]):
            fork = await live.fork(source, Wish())
            assert (fork["status"], fork["model_calls"]) == ("done", 0)
            with pytest.raises(Conflict, match="was imported"):
                await live.move_head(fork["run_id"])
        diff = msgspec.json.decode(await live.diff(told["run_id"], replay["replay_run_id"]))
        assert (diff["identical"], diff["cause"]) == (True, None)


async def test_a_fork_that_leaves_has_forgotten_what_it_was_a_fork_of():
    async with opened(MemoryStore()) as live:
        run = await ask(live, "x")
        fork = await live.fork(run.run_id, Wish())
        told = await live.take_in(await live.export(fork["run_id"], "zip"))
        came = await trace(live, told["run_id"])
        assert (came["imported_from"], "fork_of" in came) == (fork["run_id"], False)


async def test_a_run_that_failed_and_one_that_was_cancelled_come_in_as_they_were():
    gate = Gate()

    async def failing(ctx, envelope):
        await ctx.call("look", {})

    spec, code = (graph("a", name="g"), graph("f", name="h")), {"a": gate.node(), "f": failing}
    tool = FunctionTool("look", lambda _: ValueError("no"))
    async with runtime(spec, code, tools=(tool,)) as here:
        stopped = await here.send("x")
        await gate.reached.wait()
        with pytest.raises(Conflict, match="exported when ended"):
            await here.export(stopped.run_id, "html")
        await here.cancel(stopped.run_id)
        await here.switch_graph("h")
        failed = await ask(here, "y")
        for run, status in ((stopped, "cancelled"), (failed, "error")):
            left = await trace(here, run.run_id)
            assert left["outcome"] == status
            told = await here.take_in(await here.export(run.run_id, "html"))
            assert bare(await trace(here, told["run_id"])) == bare(left)
        with pytest.raises(UnknownRun):
            await here.export("r-000000000099-0000", "zip")


async def test_the_rows_of_a_trace_fold_to_it_again():
    async with opened(MemoryStore()) as live:
        run = await ask(live, "x")
        found = msgspec.json.decode(await live.trace(run.run_id), type=type(await whole(live, run)))
    fold = Fold(rows_of(found))
    assert (tuple(fold.frames), tuple(fold.post_frames)) == (found.frames, found.post_frames)
    assert fold.effects == {effect.effect_id: effect for effect in found.effects}


async def whole(live, run):
    from agent.runtime.recordings import recording

    return await recording(live._parts.store, live._parts.library, run)


# Whose code


async def test_a_pinned_replay_is_exact_where_the_same_code_is_installed():
    def library():
        return Library(shipped(NODES), model="scripted")

    v3 = graph("input", name="v3-framed")
    async with runtime(v3, {}, library=library(), model=model()) as here:
        run = await ask(here, "hi")
        assert run.status == "done", run.error
        raw = await here.export(run.run_id, "zip")
    async with runtime(v3, {}, library=library(), model=model()) as there:
        told = await there.take_in(raw)
        assert told["missing"] == []
        verdict = await there.replay(told["run_id"], pinned=True)
        assert (verdict["verdict"], verdict["changed_revisions"]) == ("exact", [])
        again = await there.replay(verdict["replay_run_id"], pinned=True)
        assert again["verdict"] == "exact", "a replay of a replay is one of our own"
        case = await there.case_of(told["run_id"], "x.json")
        assert [check for check in case["checks"] if not check["vacuous"]]


def model():
    perception = {
        "who": "user", "language": "en", "intent": "social", "topic": "t", "tone": "casual",
        "complexity": "trivial", "context": "",
    }  # fmt: skip

    distilled = {
        "user_name": "user", "user_mood": "neutral", "topic": "t", "language": "en",
        "style_hint": "short", "new_facts": [], "disproved_facts": [], "situation": "",
    }  # fmt: skip
    shapes = {"Perception": json.dumps(perception), "Distilled": json.dumps(distilled)}

    def reply(request):
        shape = request.response_format
        return shapes[shape["json_schema"]["name"]] if shape else "hello"

    return ScriptedModel(reply)


EVIL = "import pathlib\npathlib.Path({!r}).write_text('run')\nasync def a(ctx, envelope):\n    ctx.say('x')\n"


@pytest.mark.parametrize("kind", ["node", "prompt"])
async def test_code_that_came_with_a_run_is_never_run(kind, tmp_path):
    """A node's source that writes a file, and a template that does: neither is even compiled."""
    mark = tmp_path / "ran"
    source = EVIL.format(str(mark))
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x.md").write_text(template, "utf-8")
    prompts = tmp_path / "p" if kind == "prompt" else tmp_path / "none"
    evil = Library(
        {"a": Code(run=says("x"), source=source if kind == "node" else "a")},
        model="scripted", graphs=tmp_path / "none", prompts=prompts,
    )  # fmt: skip
    evil.add('name = "g"\n[[node]]\nrole = "a"\nimpl = "a"\n', "g.toml")
    async with runtime(graph("a"), {}, library=evil) as here:
        run = await ask(here, "hello")
        raw = await here.export(run.run_id, "zip")
    async with runtime(graph("a"), {"a": says("x")}) as there:
        told = await there.take_in(raw)
        part = "node:a" if kind == "node" else "prompt:x"
        assert told["missing"] == [part]
        with pytest.raises(
            Conflict, match=f"does not have the code that it ran.*{part}.*never run"
        ):
            await there.replay(told["run_id"], pinned=True)
        assert (await there.replay(told["run_id"]))["verdict"] == "exact", (
            "with the code that is here"
        )
        with pytest.raises(Conflict, match="never run"):
            await there.case_of(told["run_id"], "x.json")
    assert not mark.exists()


# Secrets


def unzipped(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as found:
        return b"".join(found.read(name) for name in found.namelist())


@FORMS
async def test_no_secret_leaves_wherever_it_stands(form, tmp_path):
    """The installation learns its secret only after the run, so that it stands everywhere."""
    quoted = 'pass"word\\<&>é-12345'
    halves = (KEY[:7], KEY[7:])

    async def leaky(ctx, envelope):
        await ctx.model([{"role": "user", "content": f"{KEY} {quoted}"}], on_text=ctx.say)
        await ctx.call("look", {KEY: [quoted]})
        ctx.remember(put("memory", KEY, value={quoted: KEY}))

    class Streams(ScriptedModel):
        async def complete(self, request, on_text):
            for half in halves:
                on_text(half)
            return await super().complete(request, lambda text: None)

    library = Library(
        {"a": Code(run=leaky, source=f"key = {KEY!r}")},
        model="scripted", graphs=tmp_path, prompts=tmp_path,
        tools=[["look", KEY, {}, "read", True]],
    )  # fmt: skip
    library.add('name = "g"\n[[node]]\nrole = "a"\nimpl = "a"\n', "g.toml")
    store = MemoryStore()
    tool = FunctionTool("look", lambda arguments: {"found": [arguments, quoted]})
    async with runtime(
        graph("a"), {}, library=library, store=store, model=Streams(KEY), tools=(tool,)
    ) as here:
        await ask(here, f"first {KEY}", dashboard=[{quoted: KEY}])
        run = await ask(here, f"is it {KEY} or {quoted}?", dashboard={"x": KEY})
        open_ = await here.export(run.run_id, form)
        parts = msgspec.structs.replace(here._parts, redactor=Redactor([KEY, quoted]))
        here._archives._parts = parts
        raw = await here.export(run.run_id, form)
    plain = unzipped if form == "zip" else bytes
    spelt = [json.dumps(quoted)[1:-1], json.dumps(quoted, ensure_ascii=False)[1:-1]]
    spelt += [re.sub("[<&>]", lambda m: f"\\u{ord(m[0]):04x}", text) for text in spelt]
    canaries = [KEY, quoted, *spelt, halves[1]]
    assert any(canary.encode() in plain(open_) for canary in canaries), "the canary sings"
    assert [canary for canary in canaries if canary.encode() in plain(raw)] == []
    assert MASK.encode() in plain(raw)
    async with runtime(graph("a"), {"a": says("")}) as there:
        assert (await there.take_in(raw))["missing"] == ["node:a"], "and it is whole"


# Bytes


async def test_an_export_is_the_same_bytes_every_time():
    async with opened(MemoryStore()) as live:
        run = await ask(live, "x")
        for form in ("zip", "html"):
            assert await live.export(run.run_id, form) == await live.export(run.run_id, form)


async def test_the_page_holds_its_data_where_nothing_can_break_out():
    page = good("html").decode()
    head, data, tail = re.split(
        r'<script type="application/json" id="framescope-trace">|</script>\n<script>', page
    )
    assert not re.search("[<>&\u2028\u2029]", data)
    found = json.loads(data)
    assert found["archive"]["trace"]["message"] == HOSTILE
    assert page.count("<script") == 2
    assert not re.search(r"https?:|url\(|@import|src=|href=|innerHTML|fetch\(|eval\(", head + tail)
    assert len(page) - len(data) < 60_000
