"""Two runs side by side: bands, the first divergence, and why they part."""

import msgspec
import pytest
from forking import asks, edit, wish
from framed import framed, opened, v3
from rig import FunctionTool, ScriptedModel, ask, graph, passes, returns, runtime, says

from agent.core.errors import UnknownRun
from agent.core.frames import Envelope
from agent.core.state import put

pytestmark = pytest.mark.anyio


async def diff(rt, left, right):
    return msgspec.json.decode(await rt.diff(left, right))


def bands(found) -> list[tuple]:
    return [(row["frame"], row["node"], row["band"]) for row in found["frames"]]


def fields(found, node: str) -> list[str]:
    return [
        spot["field"]
        for row in found["frames"]
        if row["node"] == node
        for spot in row["differences"]
    ]


@pytest.mark.parametrize("message", ["hi", "set it", "how many"])
async def test_a_run_and_its_replay_are_identical(store, message):
    async with opened(store, framed()) as rt:
        run = await ask(rt, message)
        replay = await rt.replay(run.run_id)
        for right in (run.run_id, replay["replay_run_id"]):
            found = await diff(rt, run.run_id, right)
            assert (found["identical"], found["first_divergence"], found["cause"]) == (
                True,
                None,
                None,
            )
            assert {band for *_, band in bands(found)} <= {"same", "time"}
            assert found["deltas"]["tokens"] in (0, None)


async def test_the_cause_of_a_fork_with_another_prompt_is_the_prompt(store):
    replies = {"Here you are.": "Short."}

    def model(request):
        text = str(request.messages[0]["content"])
        return replies["Here you are."] if "Say it" in text else v3(request)

    async with opened(store, framed(), model=ScriptedModel(model)) as rt:
        run = await ask(rt, "how many")
        fork = await rt.fork(
            run.run_id, wish(5, edit("prompt", "Say it in one word.", path="output"))
        )
        found = await diff(rt, run.run_id, fork["run_id"])
        first = found["first_divergence"]
        assert (first["frame"], first["node"]) == (5, "output")
        assert first["field"] == "effect 5.output.1.0 request/messages/0/content"
        assert found["cause"] == "prompt"
        assert bands(found)[-3:] == [
            (5, "output", "changed"),
            (5, "ui", "same"),
            (6, "memorizer", "left"),
        ]
        assert fields(found, "output") == [
            "effect 5.output.1.0 request/messages/0/content",
            "effect 5.output.1.0 response/text",
            "said",
        ]
        back = await diff(rt, fork["run_id"], run.run_id)
        assert (back["cause"], bands(back)[-1][2]) == ("prompt", "right")


async def test_the_cause_is_the_prompt_that_was_saved_between(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "hi")
    file = prompts / "input.md"
    file.write_text(file.read_text("utf-8") + "\nMind the tone.", "utf-8")
    async with opened(store, framed(prompts)) as rt:
        await rt.clear()
        later = await ask(rt, "hi")
        found = await diff(rt, run.run_id, later.run_id)
        assert (found["cause"], found["first_divergence"]["node"]) == ("prompt", "input")
        spot = found["frames"][0]["differences"][0]
        assert ["+", "\nMind the tone."] in spot["words"] or any(
            op == "+" and "Mind" in text for op, text in spot["words"]
        )


async def test_the_cause_is_memory_though_a_prompt_that_had_no_part_in_it_changed(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "hi")
    file = prompts / "director.md"
    file.write_text(file.read_text("utf-8") + "\nMind the tone.", "utf-8")
    async with opened(store, framed(prompts)) as rt:
        later = await ask(rt, "hi")
        found = await diff(rt, run.run_id, later.run_id)
        assert (found["cause"], found["first_divergence"]["node"]) == ("memory", "input")


async def lone(store, code, spec=None, *, model=None, tools=(), text="x"):
    """Run once from nothing."""
    async with runtime(
        spec or graph("a b", "a>b"), code, store=store(), model=model, tools=tools
    ) as rt:
        await rt.clear()
        return await ask(rt, text)


async def compared(store, left, right):
    async with runtime(graph("a"), {"a": says("x")}, store=store()) as rt:
        return await diff(rt, left.run_id, right.run_id)


async def test_the_same_request_answered_otherwise_is_model_variance(store):
    code = {"a": asks(), "b": says("x")}
    left = await lone(store, code, model=ScriptedModel("one two three"))
    right = await lone(store, code, model=ScriptedModel("one too three"))
    found = await compared(store, left, right)
    assert found["cause"] == "model_variance"
    first = found["first_divergence"]
    assert first == {
        "frame": 1, "node": "a", "field": "effect 1.a.1.0 response/text",
        "left": "one two three", "right": "one too three",
    }  # fmt: skip
    words = found["frames"][0]["differences"][0]["words"]
    assert words == [["=", "one "], ["-", "two"], ["+", "too"], ["=", " three"]]
    assert bands(found) == [(1, "a", "changed"), (2, "b", "changed")]
    assert fields(found, "b") == ["input/text"]


def calls(*arguments):
    async def node(ctx, envelope):
        for one in arguments:
            await ctx.call("look", one)
        return Envelope(kind="x", text="same")

    return node


async def test_what_a_tool_answered_is_the_cause(store):
    code = {"a": calls({"q": 1}), "b": says("x")}
    left, right = [
        await lone(store, code, tools=(FunctionTool("look", lambda _, n=n: {"rows": [{"n": n}]}),))
        for n in (1, 2)
    ]
    found = await compared(store, left, right)
    assert (found["cause"], fields(found, "a")) == (
        "tool_result",
        ["effect 1.a.1.0 response/rows/0/n"],
    )
    assert bands(found) == [(1, "a", "changed"), (2, "b", "same")]


async def test_a_call_too_many_is_found_by_the_longest_common_subsequence(store):
    tool = FunctionTool("look", lambda given: given)
    left = await lone(
        store, {"a": calls({"q": 1}, {"q": 2}, {"q": 3}), "b": says("x")}, tools=(tool,)
    )
    right = await lone(store, {"a": calls({"q": 1}, {"q": 3}), "b": says("x")}, tools=(tool,))
    found = await compared(store, left, right)
    [spot] = found["frames"][0]["differences"]
    assert (spot["field"], spot["right"]) == ("effect 1.a.1.1", None)
    assert spot["left"]["request"]["arguments"] == {"q": 2}


@pytest.mark.parametrize(
    ("old", "new", "field", "cause"),
    [
        (says("yes"), says("no"), "said", "code"),
        (returns(Envelope(kind="x", data={"n": [1, 2]})), returns(Envelope(kind="x", data={"n": [1, 3]})),
         "output/data/n/1", "code"),
    ],
    ids=["said", "output"],
)  # fmt: skip
async def test_other_code_is_the_cause(store, old, new, field, cause):
    left = await lone(store, {"a": passes(), "b": old})
    right = await lone(store, {"a": passes(), "b": new})
    found = await compared(store, left, right)
    assert (found["first_divergence"]["field"], found["cause"]) == (field, cause)


async def test_another_route_is_the_graphs(store):
    code = {"a": passes(), "b": says("x"), "c": says("y")}
    left = await lone(store, code, graph("a b c", "a>b b>c"))
    right = await lone(store, code, graph("a b c", "a>c c>b"))
    found = await compared(store, left, right)
    assert (found["cause"], found["first_divergence"]["field"]) == ("graph", "route")
    assert bands(found) == [(1, "a", "changed"), (2, "b", "left"), (2, "c", "right")]


async def test_other_settings_are_the_models(store):
    model = ScriptedModel("fine")
    async with runtime(graph("a"), {"a": asks()}, store=store(), model=model) as rt:
        run = await ask(rt, "x")
        for one in (edit("model", "m2"), edit("params", 0.5, path="temperature")):
            fork = await rt.fork(run.run_id, wish(1, one))
            found = await diff(rt, run.run_id, fork["run_id"])
            assert (found["identical"], found["cause"]) == (False, "model")


async def test_what_an_operator_edited_is_the_cause(store):
    async with runtime(graph("a b", "a>b"), {"a": passes(), "b": asks()}, store=store()) as rt:
        run = await ask(rt, "x")
        for one in (edit("envelope", "y", path="/text"), edit("memory", "tea", path="topic")):
            fork = await rt.fork(run.run_id, wish(2, one))
            assert (await diff(rt, run.run_id, fork["run_id"]))["cause"] == "operator_edit"


async def test_state_is_told_by_pointer(store):
    def keeps(value):
        async def node(ctx, envelope):
            ctx.remember(put("memory", "topic", value=value))

        return node

    left = await lone(store, {"a": passes(), "b": keeps({"a": [1, 2]})})
    right = await lone(store, {"a": passes(), "b": keeps({"a": [1, 5]})})
    found = await compared(store, left, right)
    [spot] = found["frames"][1]["differences"]
    assert (spot["field"], spot["left"], spot["right"]) == ("state/memory/topic/a/1", 2, 5)


async def test_another_message_has_no_cause_in_the_installation(store):
    code = {"a": asks(), "b": says("x")}
    left, right = [await lone(store, code, text=text) for text in ("one", "two")]
    found = await compared(store, left, right)
    assert (found["cause"], found["first_divergence"]["field"]) == (None, "input/text")


async def test_money_and_tokens_are_told_right_minus_left(store):
    code = {"a": asks(), "b": asks()}
    left = await lone(store, {**code, "b": says("x")}, model=ScriptedModel("fine"))
    right = await lone(store, code, model=ScriptedModel("fine"))
    found = await compared(store, left, right)
    assert (found["deltas"]["tokens"], found["deltas"]["cost"]) == (5, 0.5)


async def test_an_unknown_run_is_named(store):
    async with runtime(graph("a"), {"a": says("x")}, store=store()) as rt:
        run = await ask(rt, "x")
        with pytest.raises(UnknownRun, match="msg_99"):
            await rt.diff(run.run_id, "msg_99")
