"""Trace to test: what is proposed holds, what is kept can fail, and what is played is judged."""

import json
import random

import msgspec
import pytest
from framed import PATHS, Forbidden, framed, opened, sealed, v3
from rig import ScriptedModel, ask

from agent.adapters.stores.memory import MemoryStore
from agent.cases.expect import expectation
from agent.cases.match import Evidence, judge
from agent.cases.parse import parse
from agent.core.errors import Conflict, UnknownGraph, Unprocessable
from agent.debugger.cassette import Cassette
from agent.debugger.edits import ForkEdit
from agent.debugger.mutations import MUTATIONS
from agent.debugger.testgen import prove, quoted
from agent.runtime.forks import Wish

pytestmark = pytest.mark.anyio
NAME = "it.cassette.json"


@pytest.fixture
def store():
    """Another store each time: a cassette needs none of the one it comes from."""
    return MemoryStore


def raw(cassette) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(cassette))


async def tried(rt, made, *, mode="replay", graph="", suite=""):
    return await rt.try_case(made["case"], raw(made["cassette"]), mode, graph=graph, suite=suite)


async def made_of(rt, message: str):
    run = await ask(rt, message)
    return await rt.case_of(run.run_id, NAME)


@pytest.mark.parametrize("message", PATHS)
async def test_a_run_becomes_a_case_that_its_own_cassette_passes(
    store, prompts, message, monkeypatch
):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, message)
    suite = parse(made["case"], "case")
    assert (suite.cassette, suite.graph) == (NAME, "v3-framed")
    assert suite.steps[0].does.wordings == (message,)
    kept = [proof for proof in made["checks"] if not proof["vacuous"]]
    assert [(c.line, c.text) for c in suite.steps[0].checks] == [
        (p["line"], p["check"]) for p in kept
    ]
    assert f"expect_path: {PATHS[message][0]}" in [proof["check"] for proof in kept]
    async with opened(store, framed(prompts), model=Forbidden(), rows=()) as rt:
        sealed(monkeypatch)
        judged = await tried(rt, made)
        assert (judged["passed"], judged["failed"]) == (len(kept), 0)
        assert judged["verdict"]["verdict"] == "exact"
        assert (await rt.find(judged["run_id"])).kind == "test"


async def test_every_kept_check_fails_on_what_it_says(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "how many")
    by_check = {proof["check"]: set(proof["fails_on"]) for proof in made["checks"]}
    assert "one frame more" in by_check["expect_frames: 5"]
    assert {"tool not called", "tool called with something else"} <= by_check[
        'expect_sql: contains "kunden"'
    ]
    assert all(set(names) <= set(MUTATIONS) for names in by_check.values())


async def test_a_check_that_no_mutation_fails_is_vacuous(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "hi")
    cassette = msgspec.convert(msgspec.to_builtins(made["cassette"]), Cassette)
    seen = Evidence(
        response="Here you are.", trace={"frames": [], "total_frames": 2, "total_ms": 1}
    )
    assert prove("expect_response: length >= 1", cassette, seen).fails_on == ("response emptied",)
    assert prove('expect_response: not contains "zebra"', cassette, seen).fails_on == (
        "response emptied",
    )
    idle = prove("expect_response: length < 100000", cassette, seen)
    assert (idle.vacuous, idle.fails_on) == (True, ())


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_mutation_changes_what_was_seen_or_nothing_is_there_to_spoil(store, prompts, name):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "set it")
    seen = Evidence(
        response="There are 240 of them", state={"memorizer": {}, "ui": {}}, actions=({"label": "x"},),
        trace={"frames": [{"node": "input"}, {"node": "pa"}], "total_frames": 2, "total_ms": 1.0, "tokens": 9},
        events=(
            {"event": "tool_call", "node": "pa", "tool": "t", "args": {"a": "b", "n": [1, True]}},
            {"event": "controls", "node": "ui"},
        ),
    )  # fmt: skip
    cassette = msgspec.structs.replace(made["cassette"], state={"memory": {"a": 1}})
    spoilt = MUTATIONS[name](seen, cassette)
    assert spoilt != seen
    assert (spoilt is None) == (name == "tool result swapped"), "only control tools were called"


async def test_a_swapped_result_is_swapped_in_every_spelling(store, prompts):
    rows = ({"n": 3000, "city": "Leipzig", "share": 0.25},)
    async with opened(store, framed(prompts), rows=rows) as rt:
        made = await made_of(rt, "how many")
    told = "3,000 or 3.000 or 3000 in Leipzig, 0.25 or 0,25 of all; 13000 stays"
    seen = Evidence(response=told, state={"memorizer": {"topic": "Leipzig"}})
    spoilt = MUTATIONS["tool result swapped"](seen, made["cassette"])
    assert spoilt.response == "4,777 or 4.777 or 4777 in Mfjqajh, 7.36 or 7,36 of all; 13000 stays"
    assert spoilt.state == {"memorizer": {"topic": "Mfjqajh"}}


@pytest.mark.parametrize("mode", ["replay", "hybrid", "live"])
async def test_a_fork_becomes_a_test_with_what_was_changed_in_it(store, prompts, mode):
    wish = Wish(frame=1, edits=(ForkEdit(target="params", path="temperature", value=0.25),))
    async with opened(store, framed(prompts)) as rt:
        run = await ask(rt, "set it")
        made = await rt.case_of((await rt.fork(run.run_id, wish))["run_id"], NAME)
    model = ScriptedModel(v3)
    async with opened(store, framed(prompts), model=model) as rt:
        judged = await tried(rt, made, mode=mode)
        assert judged["failed"] == 0, judged["checks"]
        assert {request.temperature for request in model.asked} <= {0.25}
        assert bool(model.asked) == (mode != "replay")


async def test_an_edited_prompt_turns_a_replayed_case_red_and_names_the_place(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "set it")
    file = prompts / "director.md"
    file.write_text(file.read_text("utf-8") + "more", "utf-8")
    async with opened(store, framed(prompts), model=Forbidden()) as rt:
        judged = await tried(rt, made)
        assert judged["passed"] == 0
        assert judged["verdict"]["divergence"]["node"] == "director"
        assert "asks something else than was recorded" in judged["checks"][0]["detail"]


async def test_live_asks_model_and_tools_again(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "how many")
    model = ScriptedModel(v3)
    async with opened(store, framed(prompts), model=model, rows=({"n": 7},)) as rt:
        before = (await rt.history(10), rt.state())
        judged = await tried(rt, made, mode="live")
        assert (judged["failed"], judged["verdict"]) == (0, None)
        assert len(model.asked) == 6
        assert rt._parts.tools["query_db"].calls != []
        assert (await rt.history(10), rt.state()) == before, "no channel was touched"


async def test_a_hybrid_asks_the_model_and_no_tool(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "how many")
    file = prompts / "director.md"
    file.write_text(file.read_text("utf-8") + "more", "utf-8")
    model = ScriptedModel(v3)
    async with opened(store, framed(prompts), model=model, rows=()) as rt:
        judged = await tried(rt, made, mode="hybrid")
        assert (judged["failed"], len(model.asked)) == (0, 6)
        assert rt._parts.tools["query_db"].calls == []
        trace = msgspec.json.decode(await rt.trace(judged["run_id"]))
        policies = {(e["kind"], e.get("policy", "live")) for e in trace["effects"]}
        assert policies == {("model", "live"), ("tool", "recorded")}


async def test_a_hybrid_names_the_call_that_the_cassette_does_not_hold(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "how many")
    made["cassette"] = msgspec.structs.replace(
        made["cassette"], run=msgspec.structs.replace(made["cassette"].run, text="set it")
    )
    made["case"] = made["case"].replace("- send: how many", "- send: set it")
    async with opened(store, framed(prompts), rows=()) as rt:
        judged = await tried(rt, made, mode="hybrid")
        assert judged["passed"] == 0
        assert "(tool 'set_state') asks something else" in judged["checks"][0]["detail"]


async def test_another_default_model_is_no_matter_to_a_replayed_case(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "hi")
    other = Forbidden()
    other.default_model = "other"
    async with opened(store, framed(prompts), model=other) as rt:
        assert (await tried(rt, made))["failed"] == 0


async def test_the_board_is_told_where_a_suite_is_named(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "hi")
        await tried(rt, made)
        assert not rt.board.status()["results"]
        judged = await tried(rt, made, suite="my.md")
        told = rt.board.status()["results"]
        assert [(r["suite"], r["check"], r["status"]) for r in told] == [
            ("my.md", row["check"], "PASS") for row in judged["checks"]
        ]


async def test_a_message_of_several_lines_is_sent_as_it_was(store, prompts):
    async with opened(store, framed(prompts), model=ScriptedModel(lambda _: v3_of("hi"))) as rt:
        made = await made_of(rt, "hi\n  there ")
        assert "- send: hi there\n" in made["case"]
        judged = await tried(rt, made)
        assert (await rt.find(judged["run_id"])).text == "hi\n  there "
        assert judged["failed"] == 0


def v3_of(text: str):
    def reply(request):
        return v3(msgspec.structs.replace(request, messages=({"role": "user", "content": text},)))

    return reply


@pytest.mark.parametrize(
    ("case", "cassette", "named"),
    [
        ("# A\n## Steps\n### 1. A\n- send: hi\n- expect_frames: 2\n", None, "cassette: file"),
        ("no suite", None, "`case`: case:1: expected `# Title` first"),
        (None, {"format": 1}, "`cassette`: Object missing required field"),
        (None, [], "`cassette`: Expected `object`"),
        ("click", None, "its step is a click, the cassette holds a message"),
        (None, "format", "`cassette.format`: 99 is not read here"),
    ],
)
async def test_what_is_no_case_or_no_cassette_is_named(store, prompts, case, cassette, named):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "hi")
        plain = json.loads(msgspec.json.encode(made["cassette"]))
        if case == "click":
            case = made["case"].replace("- send: hi", "- action: hi")
        if cassette == "format":
            cassette = {**plain, "format": 99}
        given = plain if cassette is None else cassette
        runs = len((await rt.runs())["runs"])
        with pytest.raises(Unprocessable) as error:
            await tried(rt, {"case": case or made["case"], "cassette": given})
        assert named in str(error.value)
        assert len((await rt.runs())["runs"]) == runs, "nothing was begun"


def places(value, at=()):
    """Every path inside a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inner:
        yield (*at, key)
        yield from places(item, (*at, key))


def spoil(value, place, put):
    """Put something else at one place of a JSON value."""
    *way, last = place
    for key in way:
        value = value[key]
    value[last] = put


ODD = (None, 5, -1, 1e308, "", [], {}, [[]], {"machines": 5}, True, "\ud83d", ["controls"])


@pytest.mark.slow
async def test_a_spoilt_cassette_is_judged_or_refused_and_never_an_accident(store, prompts):
    chance = random.Random(7)
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "set it")
        plain = msgspec.json.encode(made["cassette"])
        spots = [*places(json.loads(plain))]
        judged = 0
        for _ in range(100):
            cassette = json.loads(plain)
            spoil(cassette, chance.choice(spots), chance.choice(ODD))
            text = json.dumps(cassette).encode()
            try:
                await rt.try_case(made["case"], msgspec.Raw(text), "replay", graph="", suite="")
            except Unprocessable:
                continue
            judged += 1
        assert 20 < judged < 100


async def test_an_unknown_graph_is_named(store, prompts):
    async with opened(store, framed(prompts)) as rt:
        made = await made_of(rt, "hi")
        with pytest.raises(UnknownGraph):
            await tried(rt, made, graph="nowhere")


async def test_only_a_run_that_is_done_becomes_a_test(store, prompts):
    async with opened(store, framed(prompts), model=ScriptedModel(ValueError("no"))) as rt:
        run = await ask(rt, "hi")
        with pytest.raises(Conflict, match="is error; a test is made of one that is done"):
            await rt.case_of(run.run_id, NAME)


@pytest.mark.parametrize("text", ['say "hi"', r"back\slash", 'a\\"b', "ü € 漢", "a or b"])
def test_quoted_texts_come_back(text):
    seen = Evidence(response=f"… {text} …")
    assert judge(expectation("expect_response", f"contains {quoted(text)}"), seen) == ""
    assert judge(expectation("expect_response", f"contains {quoted(text)}"), Evidence(response="x"))
