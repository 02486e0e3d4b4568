"""Forks: what is changed is done again, what is not is taken from the recording, and it is counted."""

import msgspec
import pytest
from forking import asks, edit, wish
from framed import Forbidden, framed, opened, v3
from rig import FunctionTool, ScriptedModel, ask, graph, passes, runtime, says

from agent.adapters.stores.memory import MemoryStore
from agent.core.errors import Busy, Conflict, Unconfirmed, Unprocessable
from agent.core.frames import Envelope
from agent.core.journal import Fold
from agent.core.runs import RunStatus
from agent.core.state import put
from agent.runtime.forks import Wish

pytestmark = pytest.mark.anyio


def places(told) -> list[tuple[int, str]]:
    return [(one["frame"], one["node"]) for one in told["dirty"]]


async def trace(rt, name):
    return msgspec.json.decode(await rt.trace(name))


OUTPUT = edit("prompt", "Say it in one word.", path="output")


@pytest.mark.parametrize(("message", "last"), [("hi", 2), ("set it", 4), ("how many", 5)])
async def test_another_prompt_of_the_last_node_costs_exactly_one_model_call(store, message, last):
    model = ScriptedModel(v3)
    async with opened(store, framed(), model=model) as rt:
        run = await ask(rt, message)
        tool, before, old = (
            rt._parts.tools["query_db"],
            len(model.asked),
            await rt.trace(run.run_id),
        )
        called = len(tool.calls)
        guess = await rt.fork(run.run_id, wish(last, OUTPUT, dry_run=True))
        assert (len(model.asked), guess["run_id"]) == (before, None)
        told = await rt.fork(run.run_id, wish(last, OUTPUT))
        assert (len(model.asked) - before, len(tool.calls)) == (1, called)
        assert "Say it in one word." in model.asked[-1].messages[0]["content"]
        assert places(told) == places(guess) == [(last, "output")]
        frames = len(msgspec.json.decode(old)["frames"])
        assert (told["model_calls"], told["reused"]) == (1, frames - 1)
        assert (guess["model_calls"], guess["reused"]) == (1, frames - 1)
        assert told["cost"] == guess["cost"] == 0.5
        assert await rt.trace(run.run_id) == old, "a fork never writes into what it reads"
        made = await trace(rt, told["run_id"])
        assert (made["kind"], made["channel"], made["fork_of"]) == ("fork", "", run.run_id)
        assert made.get("post_frames", []) == []
        live = [e["effect_id"] for e in made["effects"] if e.get("policy", "live") == "live"]
        assert [name for name in live if "operator" not in name] == [f"{last}.output.1.0"]


async def test_the_same_from_the_first_frame_reuses_what_comes_before_by_hash(store):
    model = ScriptedModel(v3)
    async with opened(store, framed(), model=model) as rt:
        run = await ask(rt, "how many")
        before = len(model.asked)
        told = await rt.fork(run.run_id, wish(1, OUTPUT))
        assert len(model.asked) - before == 1
        assert places(told) == [(5, "output")]
        assert told["dirty"][0]["why"] == "model: its request/messages/0/content is another"


async def test_a_fork_without_edits_takes_everything_from_the_recording(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
    async with opened(store, framed(), model=Forbidden()) as rt:
        told = await rt.fork(run.run_id, Wish())
        assert (told["dirty"], told["reused"], told["model_calls"], told["cost"]) == ([], 6, 0, 0.0)
        fork = await rt.find(told["run_id"])
        assert (fork.response, fork.path) == (run.response, run.path)


async def test_after_a_prompt_was_saved_only_what_it_touches_is_asked_again(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "how many")
    file = prompts / "interpreter.md"
    file.write_text(file.read_text("utf-8") + "\nBe brief.", "utf-8")
    model = ScriptedModel(v3)
    async with opened(store, framed(prompts), model=model) as rt:
        guess = await rt.fork(run.run_id, Wish(dry_run=True))
        assert places(guess) == [(4, "interpreter"), (5, "output"), (5, "ui")]
        assert guess["model_calls"] == 2
        told = await rt.fork(run.run_id, Wish())
        assert places(told) == [(4, "interpreter")], "its answer was the same, so it ends there"
        assert len(model.asked) == told["model_calls"] == 1


@pytest.mark.parametrize("frame", [3, 5])
async def test_a_fork_replays_exact_from_its_own_journal(store, frame):
    edits = [
        OUTPUT,
        edit("model", "other", node="output"),
        edit("params", 0.1, path="temperature"),
        edit("memory", "billing", path="/topic"),
    ]
    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
        told = await rt.fork(run.run_id, wish(frame, *edits, post=True))
        assert (await rt.find(told["run_id"])).status is RunStatus.DONE
    async with opened(store, framed(), model=Forbidden()) as rt:
        made = await trace(rt, told["run_id"])
        kinds = [e["kind"] for e in made["effects"]]
        assert kinds.count("operator_edit") == 2
        for pinned in (False, True):
            verdict = await rt.replay(told["run_id"], pinned=pinned)
            assert (verdict["verdict"], verdict["divergence"]) == ("exact", None)
            assert verdict["matched"] == len(kinds)
        again = await rt.fork(told["run_id"], wish(frame))
        assert (again["dirty"], again["model_calls"]) == ([], 0)


async def test_model_and_settings_are_those_of_the_node_they_are_given_for(store):
    model = ScriptedModel(v3)
    async with opened(store, framed(), model=model) as rt:
        run = await ask(rt, "hi")
        edits = [
            edit("model", "m2", node="output"),
            edit("params", 0.25, path="/temperature", node="output"),
        ]
        told = await rt.fork(run.run_id, wish(1, *edits))
        assert places(told) == [(2, "output")]
        assert (model.asked[-1].model, model.asked[-1].temperature) == ("m2", 0.25)


async def test_a_result_given_by_hand_is_what_the_rest_is_made_of(store):
    model = ScriptedModel(v3)
    async with opened(store, framed(), model=model) as rt:
        run = await ask(rt, "how many")
        tool, before = rt._parts.tools["query_db"], len(model.asked)
        effect = next(
            e["effect_id"] for e in (await trace(rt, run.run_id))["effects"] if e["kind"] == "tool"
        )
        one = edit("tool_result", 7, effect=effect, path="/rows/0/n")
        told = await rt.fork(run.run_id, wish(3, one))
        made = await trace(rt, told["run_id"])
        result = next(e for e in made["effects"] if e["effect_id"] == effect)
        assert (result["response"], result["policy"]) == ({"rows": [{"n": 7}]}, "static")
        assert len(tool.calls) == 1
        assert places(told)[:2] == [(3, "thinker"), (4, "interpreter")]
        assert "7" in str(model.asked[before].messages)
        whys = {(one["frame"], one["node"]): one["why"].split(":")[0] for one in told["dirty"]}
        assert whys[3, "thinker"] == "edited"
        assert whys[4, "interpreter"] == whys.get((5, "ui"), "input") == "input"
        assert (await rt.replay(told["run_id"]))["verdict"] == "exact"


SPEC = graph("a b c d", "a>b+c b>d c>d")


def reads(*path):
    async def node(ctx, envelope):
        value = ctx.state
        for key in path:
            value = value.get(key)
        reply = await ctx.model([{"role": "user", "content": f"{ctx.role} {value}"}])
        return Envelope(kind="x", text=reply.text)

    return node


async def test_an_untouched_sibling_is_not_asked_again(store):
    code = {"a": asks(), "b": asks(), "c": asks(), "d": asks()}
    model = ScriptedModel(lambda request: request.messages[0]["content"].upper())
    async with runtime(SPEC, code, store=store(), model=model) as rt:
        run = await ask(rt, "x")
        before = len(model.asked)
        one = edit("params", 0.5, path="temperature", node="b")
        guess = await rt.fork(run.run_id, wish(2, one, dry_run=True))
        assert (places(guess), guess["model_calls"]) == ([(2, "b"), (3, "d")], 2)
        told = await rt.fork(run.run_id, wish(2, one))
        assert places(told) == [(2, "b")], "b said the same, so d was given the same"
        asked = [request.messages[0]["content"][0] for request in model.asked[before:]]
        assert asked == ["b"]


async def test_only_who_reads_the_changed_memory_is_asked_again(store):
    code = {
        "a": passes(), "b": reads("memory", "topic"), "c": reads("memory", "language"), "d": asks(),
    }  # fmt: skip
    model = ScriptedModel(lambda request: request.messages[0]["content"].upper())
    async with runtime(SPEC, code, store=store(), model=model) as rt:
        run = await ask(rt, "x")
        before = len(model.asked)
        told = await rt.fork(run.run_id, wish(2, edit("memory", "tea", path="topic")))
        asked = [request.messages[0]["content"] for request in model.asked[before:]]
        assert [text.split()[0] for text in asked] == ["b", "d"]
        assert asked[0] == "b tea"
        assert told["dirty"][0] == {"frame": 2, "node": "b", "why": "edited: /memory/topic"}
        assert (await rt.find(told["run_id"])).parent == run.parent


def keeps(*path):
    """A node that keeps what its model said, and hands its own input on."""

    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": f"{ctx.role} keeps"}])
        ctx.remember(put(*path, value=reply.text))
        return envelope

    return node


async def test_what_kept_frames_left_in_the_state_is_there(store):
    code = {"a": keeps("memory", "topic"), "b": reads("memory", "topic")}
    async with runtime(graph("a b", "a>b"), code, store=store(), model=ScriptedModel("tea")) as rt:
        run = await ask(rt, "x")
        told = await rt.fork(run.run_id, wish(2))
        assert (told["dirty"], told["reused"]) == ([], 2)


async def test_an_estimate_counts_who_comes_after_a_change_of_state(store):
    spec = graph("a b c d e", "a>b+c b>d c>e")
    code = {"a": passes(), "b": asks(), "c": keeps("memory", "topic"), "d": reads("memory", "topic"),
            "e": passes()}  # fmt: skip
    async with runtime(spec, code, store=store()) as rt:
        run = await ask(rt, "x")
        one = edit("params", 0.5, path="temperature", node="c")
        guess = await rt.fork(run.run_id, wish(2, one, dry_run=True))
        assert [(d["node"], d["why"].split(":")[0]) for d in guess["dirty"]] == [
            ("c", "model"), ("d", "state"), ("e", "input"),
        ]  # fmt: skip
        assert guess["model_calls"] == 2


async def test_a_prompt_may_be_another_for_one_node_only(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
        elsewhere = edit("prompt", "Say it in one word.", path="output", node="director")
        assert (await rt.fork(run.run_id, wish(1, elsewhere)))["dirty"] == []
        own = edit("prompt", "Say it in one word.", node="output")
        assert places(await rt.fork(run.run_id, wish(1, own))) == [(5, "output")]


async def test_another_envelope_reaches_the_node_it_waits_for(store):
    async with runtime(graph("a b", "a>b"), {"a": passes(), "b": asks()}, store=store()) as rt:
        run = await ask(rt, "x")
        told = await rt.fork(run.run_id, wish(2, edit("envelope", "y", node="b", path="/text")))
        made = await trace(rt, told["run_id"])
        assert made["frames"][1]["input"]["text"] == "y"
        assert made["frames"][0]["output"]["text"] == "x>a"
        assert (await rt.replay(told["run_id"]))["verdict"] == "exact"


async def test_a_fork_of_a_fork_keeps_what_the_first_changed(store):
    model = ScriptedModel(lambda request: request.messages[0]["content"].upper())
    spec, code = graph("a b", "a>b"), {"a": asks(), "b": asks()}
    async with runtime(spec, code, store=store(), model=model) as rt:
        run = await ask(rt, "x")
        first = await rt.fork(run.run_id, wish(1, edit("params", 0.5, path="temperature")))
        told = await rt.fork(first["run_id"], wish(2, edit("model", "m2", node="b")))
        assert places(told) == [(2, "b")]
        assert (model.asked[-1].model, model.asked[-1].temperature) == ("m2", 0.5)
        fork = await rt.find(told["run_id"])
        assert (fork.fork_of, fork.origin) == (first["run_id"], run.run_id)
        assert (await rt.replay(fork.run_id))["verdict"] == "exact"


# Tools that write


def writing(tool: FunctionTool):
    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": envelope.text}])
        ctx.say(str(await ctx.call("book", {"for": reply.text})))

    replies = iter(["one", "two", "three"])
    return {"spec": graph("a"), "code": {"a": node}, "tools": (tool,),
            "model": ScriptedModel(lambda _: next(replies))}  # fmt: skip


async def test_a_tool_that_writes_is_called_only_when_confirmed(store):
    tool = FunctionTool("book", lambda given: given["for"], effect="write")
    async with runtime(**writing(tool), store=store()) as rt:
        run = await ask(rt, "x")
        one = edit("params", 0.5, path="temperature")
        guess = await rt.fork(run.run_id, wish(1, one, dry_run=True))
        assert guess["writes"] == [{"frame": 1, "node": "a", "tool": "book"}]
        with pytest.raises(Unconfirmed, match="book"):
            await rt.fork(run.run_id, wish(1, one))
        assert (len(tool.calls), len((await rt.runs())["runs"])) == (1, 1)
        told = await rt.fork(run.run_id, wish(1, one, confirm=True))
        assert tool.calls == [{"for": "one"}, {"for": "two"}]
        assert told["writes"] == guess["writes"]
        free = await rt.fork(run.run_id, Wish())
        assert (free["writes"], len(tool.calls)) == ([], 2)


async def test_a_write_that_nobody_saw_coming_is_refused_while_it_runs(store):
    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": envelope.text}])
        if reply.text == "book":
            await ctx.call("book", {})

    tool = FunctionTool("book", lambda _: "done", effect="write")
    model = ScriptedModel("look", "book")
    async with runtime(graph("a"), {"a": node}, store=store(), tools=(tool,), model=model) as rt:
        run = await ask(rt, "x")
        told = await rt.fork(run.run_id, wish(1, edit("params", 0.5, path="temperature")))
        fork = await rt.find(told["run_id"])
        assert (fork.status, tool.calls) == (RunStatus.ERROR, [])
        assert "unconfirmed" in fork.error


# Adopting


def counts():
    async def node(ctx, envelope):
        reply = await ctx.model([{"role": "user", "content": f"{len(ctx.history)}"}])
        ctx.remember(put("memory", "topic", value=reply.text))
        ctx.say(reply.text)

    return {"a": node}


async def test_adopting_a_fork_makes_its_end_the_head_of_its_channel(store):
    replies = iter(["one", "two", "three", "four"])
    model = ScriptedModel(lambda _: next(replies))
    async with runtime(graph("a"), counts(), store=store(), model=model) as rt:
        await ask(rt, "first", channel="side")
        run = await ask(rt, "second", channel="side")
        told = await rt.fork(run.run_id, wish(1, edit("params", 0.5, path="temperature")))
        assert rt.state("side")["memorizer"]["topic"] == "two"
        assert [t["content"] for t in await rt.history(10, "side")][-1] == "two"
        with pytest.raises(Conflict, match="not of channel 'main'"):
            await rt.move_head(told["run_id"], "main")
        moved = await rt.move_head(told["run_id"])
        assert moved == {"status": "ok", "head": told["run_id"], "history_len": 4}
        assert rt.state("side")["memorizer"]["topic"] == "three"
        assert [t["content"] for t in await rt.history(10, "side")] == [
            "first", "one", "second", "three",
        ]  # fmt: skip
        after = await ask(rt, "third", channel="side")
        assert (after.response, after.parent) == ("four", (await rt.find(told["run_id"])).n)
        assert (await rt.replay(after.run_id))["verdict"] == "exact"
    async with runtime(graph("a"), counts(), store=store(), model=Forbidden()) as rt:
        assert rt.state("side")["memorizer"]["topic"] == "four"
        back = await rt.move_head(run.run_id, "side")
        assert (back["head"], rt.state("side")["memorizer"]["topic"]) == (run.run_id, "two")


async def test_regenerating_is_going_back_and_asking_again(store):
    replies = iter(["one", "two", "three"])
    model = ScriptedModel(lambda _: next(replies))
    async with runtime(graph("a"), counts(), store=store(), model=model) as rt:
        before = await ask(rt, "first")
        await ask(rt, "second")
        await rt.move_head(before.run_id)
        again = await ask(rt, "second")
        assert (again.parent, again.response) == (before.n, "three")
        said = [turn["content"] for turn in await rt.history(10)]
        assert said == ["first", "one", "second", "three"]


async def test_a_fork_is_adopted_by_no_busy_channel(store):
    from rig import Gate

    gate = Gate()
    async with runtime(graph("a"), {"a": gate.node()}, store=store()) as rt:
        gate.open.set()
        run = await ask(rt, "x")
        told = await rt.fork(run.run_id, Wish())
        gate.open.clear()
        await rt.send("y")
        with pytest.raises(Busy):
            await rt.move_head(told["run_id"])
        gate.open.set()


# What cannot be


@pytest.mark.parametrize(
    ("frame", "one", "said"),
    [
        (3, None, "frame: expected 1 to 2, got 3"),
        (0, None, "frame: expected 1 to 2, got 0"),
        (1, edit("prompt", "x", path="nope"), r"edits\[0\].path: no prompt 'nope'"),
        (1, edit("prompt", "x", node="nobody"), r"edits\[0\].node: no node 'nobody'"),
        (1, edit("prompt", 5, path="output"), r"edits\[0\].value: expected the template's text"),
        (1, edit("prompt", "{% if %}", path="output"), r"edits\[0\].value: line 1"),
        (1, edit("model", ""), r"edits\[0\].value: expected a model id"),
        (1, edit("params", 1, path="top_p"), r"edits\[0\].path: expected temperature or"),
        (1, edit("params", "hot", path="temperature"), r"edits\[0\].value: 'hot' is no temp"),
        (1, edit("params", True, path="token_budget"), r"edits\[0\].value: True is no token"),
        (1, edit("tool_result", 1, effect="9.x.1.0"), r"edits\[0\].effect: no tool call"),
        (2, edit("envelope", "x", node="input", path="/text"), r"edits\[0\].node: nothing waits"),
        (2, edit("envelope", "x", path="/colour"), "colour"),
        (2, edit("envelope", 5, path="/text"), "text"),
        (2, edit("memory", 1, path="/facts/9"), "/memory/facts"),
        (2, edit("memory", 5), "/memory: expected an object"),
        (2, edit("memory", 5, path="/nobody/there"), "there is no /memory/nobody"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_does_not_fit_is_named_and_makes_no_run(frame, one, said):
    async with opened(MemoryStore, framed()) as rt:
        run = await ask(rt, "hi")
        with pytest.raises(Unprocessable, match=said):
            await rt.fork(run.run_id, wish(frame, *([one] if one else ())))
        assert len((await rt.runs())["runs"]) == 1


@pytest.mark.parametrize(
    "text", ["{{ ''.__class__.__mro__ }}", "{{ lipsum.__globals__['os'].getcwd() }}"]
)
async def test_a_prompt_through_a_door_runs_no_code(store, text):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "hi")
        told = await rt.fork(run.run_id, wish(2, edit("prompt", text, path="output")))
        fork = await rt.find(told["run_id"])
        assert (fork.status, fork.response) == (RunStatus.ERROR, "")
        assert "output: SecurityError" in fork.error


async def test_prompts_that_came_from_elsewhere_are_never_filled(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "hi")
        told = await rt.fork(run.run_id, wish(2, OUTPUT))
        settings = await rt.fork(run.run_id, wish(2, edit("params", 0.5, path="temperature")))
        names = []
        for name in (told["run_id"], settings["run_id"]):
            names.append((await rt.take_in(await rt.export(name, "zip")))["run_id"])
        for verb in (rt.replay, lambda name: rt.fork(name, Wish())):
            with pytest.raises(Conflict, match="shown and never run"):
                await verb(names[0])
        assert (await rt.replay(names[1]))["verdict"] == "exact"
        with pytest.raises(Conflict, match="no case holds"):
            await rt.case_of(told["run_id"], "a.json")
        case = await rt.case_of(settings["run_id"], "a.json")
        text = msgspec.json.encode(case["cassette"])
        body = msgspec.Raw(text.replace(b'"target":"params"', b'"target":"prompt"'))
        with pytest.raises(Conflict, match="shown and never run"):
            await rt.try_case(case["case"], body, "replay", graph="", suite="")


async def test_a_result_before_the_fork_cannot_be_given(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
        effect = next(
            e["effect_id"] for e in (await trace(rt, run.run_id))["effects"] if e["kind"] == "tool"
        )
        with pytest.raises(Unprocessable, match="fork at frame 3"):
            await rt.fork(run.run_id, wish(4, edit("tool_result", 1, effect=effect)))


async def test_a_run_that_has_not_ended_is_not_forked(store):
    from rig import Gate

    gate = Gate()
    async with runtime(graph("a"), {"a": gate.node()}, store=store()) as rt:
        run = await rt.send("x")
        with pytest.raises(Conflict, match="can be forked when ended"):
            await rt.fork(run.run_id, Wish())
        gate.open.set()


async def test_a_failed_run_goes_on_from_where_it_failed(store):
    async def bad(ctx, envelope):
        raise ValueError("no")

    spec = graph("a b", "a>b")
    model = ScriptedModel("fine")
    async with runtime(spec, {"a": asks(), "b": bad}, store=store(), model=model) as rt:
        run = await ask(rt, "x")
        assert run.status is RunStatus.ERROR
    async with runtime(
        spec, {"a": asks(), "b": says("ok")}, store=store(), model=Forbidden()
    ) as rt:
        told = await rt.fork(run.run_id, wish(2))
        assert told["dirty"] == [{"frame": 2, "node": "b", "why": "code: its said is another"}]
        assert (await rt.find(told["run_id"])).response == "ok"


async def test_the_journal_of_a_fork_is_whole_after_a_crash(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "how many")
        told = await rt.fork(run.run_id, wish(5, OUTPUT))
        fork = await rt.find(told["run_id"])
        fold = Fold(await rt._parts.store.rows(fork.n))
        made = await trace(rt, fork.run_id)
        assert [r.node for r in fold.frames] == [r["node"] for r in made["frames"]]
        assert {*fold.effects} == {e["effect_id"] for e in made["effects"]}
        starts = [r["started"] for r in made["frames"]]
        assert starts[0] >= made["started"] - 1
        assert starts == sorted(starts)


async def test_post_frames_run_only_when_asked(store):
    async with opened(store, framed()) as rt:
        run = await ask(rt, "hi")
        assert (await trace(rt, run.run_id))["post_frames"]
        told = await rt.fork(run.run_id, wish(2, OUTPUT, post=True))
        made = await trace(rt, told["run_id"])
        assert [r["node"] for r in made["post_frames"]] == ["memorizer"]
        assert told["model_calls"] == 1, "the answer was the same, so the memory is"
