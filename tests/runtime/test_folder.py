"""The workspace while the server runs: taken whole, or not at all, and every fault is told."""

import asyncio
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from rig import FunctionTool, Gate, ScriptedModel, ask, graph, parts_of, toml

from agent.adapters.stores.memory import MemoryStore
from agent.core import controls
from agent.core.errors import UnknownGraph
from agent.core.runs import RunStatus
from agent.nodes.catalog import NODES
from agent.runtime import folder as module
from agent.runtime.folder import Folder
from agent.runtime.hub import Hub
from agent.runtime.library import Library, specification
from agent.runtime.runtime import Runtime
from agent.runtime.workspace import shipped

pytestmark = pytest.mark.anyio
QUERY = FunctionTool("query_db", lambda _: {"rows": []})
OWN = toml(graph("a", name="own")).replace('impl = "a"', 'impl = "mine"')
NODE = "async def mine(ctx, envelope):\n    ctx.say({!r})\n"


class Place:
    """A folder, what was taken of it, and what was told about it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hub = Hub(lambda: 1, first=0, reserve=lambda up_to: None)
        tools = [specification(QUERY), *controls.SPECS]
        self.library = Library(shipped(NODES), tools=tools, model="scripted")
        self.folder = Folder(path, self.library, self.hub, lambda: 7)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def says(self) -> str:
        return self.library.edition("own").texts["node:mine"]

    @property
    def errors(self) -> list:
        return [(e["file"], e["line"], e["cause"]) for e in self.folder.status()["errors"]]


@pytest.fixture
async def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setattr(module, "SETTLE_S", 0.0)
    place = Place(tmp_path / "ws")
    place.write("graphs/own.toml", OWN)
    place.write("nodes/n.py", NODE.format("one"))
    place.write("testcases/t.md", "# T")
    place.write("prompts/p.md", "P")
    place.write("tools/t.py", 'def add(a: int) -> int:\n    """Add."""\n    return a\n')
    await place.folder.open()
    return place


async def test_what_is_there_is_taken_and_listed(place):
    assert place.folder.status() == {
        "folder": str(place.path),
        "errors": (),
        "notes": (),
        "loaded": {
            "graphs": ("own",),
            "nodes": ["mine"],
            "prompts": ["p"],
            "tools": ["add"],
            "suites": ("t.md",),
        },
        "reloaded": 7,
    }
    assert await place.folder.look() == ()


async def test_a_changed_file_is_taken_and_told(place):
    before = place.library.edition("own")
    place.write("nodes/n.py", NODE.format("another"))
    assert await place.folder.look() == ("nodes/n.py",)
    assert "another" in place.says()
    assert "one" in before.texts["node:mine"], "an edition never changes"
    (event,) = place.hub.newest(module.WorkspaceRead.topics, 9)
    assert b'"event":"workspace"' in event
    assert b'"changed":["nodes/n.py"],"errors":[],"notes":[],"graphs":["own"]' in event


@pytest.mark.parametrize(
    ("name", "text", "line", "cause"),
    [
        ("nodes/n.py", "async def mine(ctx, envelope):\n    return 1 +\n", 2, "invalid syntax"),
        ("nodes/n.py", "\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("nodes/n.py", "raise KeyboardInterrupt", 1, "KeyboardInterrupt: "),
        ("nodes/n.py", "", 5, "unknown node code 'mine'"),
        ("nodes/n.py", b"# \xff", 1, "expected UTF-8 text"),
        ("graphs/own.toml", 'name = "own"\n[[node]\n', 2, ""),
        ("prompts/p.md", b"\n\xff", 2, "expected UTF-8 text"),
        ("testcases/t.md", b"\xff", 1, "expected UTF-8 text"),
        ("nodes/n.py", "x = " + "(" * 5000 + ")" * 5000, 1, ""),
        ("tools/t.py", "def f(a):\n    '''F.'''\n", 1, "parameter 'a' needs a type"),
    ],
)
async def test_a_broken_file_is_named_and_everything_stays_as_it_was(
    place, name, text, line, cause
):
    before = place.library.edition("own")
    good = (place.path / name).read_bytes()
    place.write("nodes/more.py", "async def more(ctx, envelope): ...\n")
    place.write(name, text)
    await place.folder.look()
    [(file, where, why)] = place.errors
    assert (file, cause in why) == (name if text else "graphs/own.toml", True), why
    assert where == line
    assert place.library.edition("own") is before
    assert place.folder.status()["loaded"]["nodes"] == ["mine"]
    place.write(name, good)
    await place.folder.look()
    assert place.errors == []
    assert place.folder.trouble == place.library.trouble == ""
    assert place.folder.status()["loaded"]["nodes"] == ["mine", "more"]


async def test_a_tool_that_goes_breaks_the_graphs_that_name_it_until_it_comes_back(place):
    tool = (place.path / "tools/t.py").read_bytes()
    place.write("graphs/own.toml", OWN.replace('impl = "mine"', 'impl = "mine"\ntools = ["add"]'))
    await place.folder.look()
    assert place.errors == []
    before = place.library.edition("own")
    (place.path / "tools/t.py").unlink()
    await place.folder.look()
    [(file, line, cause)] = place.errors
    assert (file, line) == ("graphs/own.toml", 6)
    assert cause == (
        "node 'a' names the tool 'add', which there is not; known: add_state, create_machine, "
        "destroy_machine, emit_actions, emit_display, query_db, reset_machine, set_state"
    )
    assert place.library.edition("own") is before
    assert place.folder.status()["loaded"]["tools"] == ["add"]
    place.write("tools/t.py", tool)
    await place.folder.look()
    assert place.errors == []
    assert place.library.edition("own").program.spec.nodes[0].tools == ("add",)


async def test_every_broken_file_is_named(place):
    place.write("nodes/n.py", "(")
    place.write("tools/t.py", "(")
    await place.folder.look()
    assert [file for file, _, _ in place.errors] == ["nodes/n.py", "tools/t.py"]
    assert place.folder.trouble.endswith("(and 1 more)")


async def test_a_file_deleted_renamed_and_made_again(place):
    (place.path / "nodes/n.py").rename(place.path / "nodes/other.py")
    assert await place.folder.look() == ("nodes/n.py", "nodes/other.py")
    assert place.errors == []
    (place.path / "nodes/other.py").unlink()
    await place.folder.look()
    assert place.errors[0][0] == "graphs/own.toml"
    place.write("nodes/n.py", NODE.format("again"))
    await place.folder.look()
    assert "again" in place.says()


async def test_a_file_replaced_with_the_same_size_and_time_is_seen(place):
    path = place.path / "nodes/n.py"
    stat = path.stat()
    fresh = place.path / "nodes/n.tmp"
    fresh.write_text(NODE.format("two"))
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fresh.replace(path)
    await place.folder.look()
    assert "two" in place.says()


async def test_a_link_that_leads_out_is_refused(place, tmp_path):
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    (place.path / "prompts/s.md").symlink_to(secret)
    await place.folder.look()
    assert place.errors == [("prompts/s.md", 1, "leads out of the workspace; put a copy here")]


async def test_a_file_that_never_ends_is_given_up(place, monkeypatch):
    monkeypatch.setattr(module, "LOAD_S", 0.05)
    before = place.says()
    place.write("nodes/z.py", "while True:\n    pass\n")
    await place.folder.look()
    assert place.errors == [
        ("nodes/z.py", 1, "did not load within 0.05 s; a file may only define things")
    ]
    assert place.says() == before


async def test_changed_settings_say_that_a_start_is_needed(place):
    place.write("agent.toml", "")
    await place.folder.look()
    assert place.folder.status()["notes"] == ("agent.toml changed: restart to apply",)
    assert place.errors == []
    (place.path / "agent.toml").unlink()
    await place.folder.look()
    assert place.folder.status()["notes"] == ()


async def test_a_folder_that_is_gone_keeps_the_rest_alive(place):
    shutil.rmtree(place.path)
    await place.folder.look()
    assert place.library.names == ("v1-current", "v2-director-drives", "v3-framed", "v4-eras")


async def test_what_is_no_text_can_still_be_told(place):
    (place.path / "prompts" / os.fsdecode(b"\xff.md")).write_text("x")
    place.write("nodes/n.py", "raise ValueError('\\ud800')")
    assert len(await place.folder.look()) == 2
    assert place.errors == [
        ("nodes/n.py", 1, "ValueError: ?"),
        ("prompts/?.md", 1, "expected a file name in UTF-8; rename it"),
    ]
    msgspec.json.encode(place.folder.status())


@pytest.mark.slow
async def test_ten_thousand_files_are_no_matter(place):
    for n in range(10_000):
        (place.path / "prompts" / f"{n}.txt").touch()
    place.write("prompts/p.md", "new")
    assert await place.folder.look() == ("prompts/p.md",)


async def test_no_folder_is_no_trouble():
    place = Place(Path("/nowhere"))
    folder = Folder(None, place.library, place.hub, lambda: 1)
    await folder.open()
    assert await folder.look() == ()
    await folder.run()
    assert folder.status()["folder"] is None


# Runs


def opened(place: Place, store: MemoryStore | None = None, **more):
    parts = parts_of(store or MemoryStore(), (), {}, library=place.library, tools=(QUERY,), **more)
    return msgspec.structs.replace(parts, folder=place.folder), parts.store.load()


async def test_the_active_run_keeps_its_code_and_the_next_one_takes_the_new(place):
    model = ScriptedModel("x")
    parts, loaded = opened(place, model=model)
    slow = "async def mine(ctx, envelope):\n    await ctx.model([])\n    ctx.say('old')\n"
    place.write("nodes/n.py", slow)
    await place.folder.look()
    gate, complete = Gate(), model.complete

    async def later(request, on_text):
        gate.reached.set()
        await gate.open.wait()
        return await complete(request, on_text)

    model.complete = later
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        first = await live.send("1")
        await gate.reached.wait()
        second = await live.send("2")
        place.write("nodes/n.py", NODE.format("new"))
        await place.folder.look()
        gate.open.set()
        assert (await live.finished(first)).response == "old"
        assert (await live.finished(second)).response == "new"
        assert (await live.replay(first.run_id, pinned=True))["verdict"] == "exact"


async def test_a_graph_that_is_gone_refuses_the_next_run_and_nothing_else(place):
    parts, loaded = opened(place)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        (place.path / "graphs/own.toml").unlink()
        await place.folder.look()
        run = await ask(live, "1")
        assert run.status is RunStatus.ERROR
        assert run.error.startswith("unknown_graph: no graph 'own'; installed: v1-current")
        place.write("graphs/own.toml", OWN)
        await place.folder.look()
        assert (await ask(live, "2")).response == "one"


async def test_a_graph_that_goes_while_a_switch_waits_refuses_the_switch(place):
    model, gate = ScriptedModel("x"), Gate()
    place.write("nodes/n.py", "async def mine(ctx, envelope):\n    await ctx.model([])\n")
    place.write("graphs/two.toml", OWN.replace('"own"', '"two"'))
    await place.folder.look()
    complete = model.complete

    async def later(request, on_text):
        gate.reached.set()
        await gate.open.wait()
        return await complete(request, on_text)

    model.complete = later
    parts, loaded = opened(place, model=model)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        run = await live.send("1")
        await gate.reached.wait()
        async with asyncio.TaskGroup() as group:
            switching = group.create_task(refused(live.switch_graph("two", "after")))
            await asyncio.sleep(0)
            (place.path / "graphs/two.toml").unlink()
            await place.folder.look()
            gate.open.set()
        assert "no graph 'two'" in switching.result()
        assert (await live.finished(run)).status is RunStatus.DONE
        assert (await ask(live, "2")).graph == "own"


async def refused(call) -> str:
    with pytest.raises(UnknownGraph) as error:
        await call
    return str(error.value)


async def test_a_start_with_a_broken_folder_works_and_the_graph_comes_when_it_is_mended(place):
    place.write("nodes/n.py", "(")
    again = Place(place.path)
    await again.folder.open()
    parts, loaded = opened(again)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        assert "nodes/n.py:1: '(' was never closed" in (await ask(live, "1")).error
        with pytest.raises(UnknownGraph, match="the workspace is not taken"):
            await live.switch_graph("own")
        await live.switch_graph("v4-eras")
        await live.switch_graph("v3-framed")
        place.write("nodes/n.py", NODE.format("mended"))
        await again.folder.look()
        await live.switch_graph("own")
        assert (await ask(live, "2")).response == "mended"
        assert live.workspace()["errors"] == ()


async def test_a_run_whose_tool_and_graph_are_gone_after_a_restart_is_replayed_pinned(place):
    place.write("graphs/own.toml", OWN.replace('impl = "mine"', 'impl = "mine"\ntools = ["add"]'))
    node = "async def mine(ctx, envelope):\n    ctx.say(str(await ctx.call('add', {'a': 4})))\n"
    place.write("nodes/n.py", node)
    await place.folder.look()
    parts, loaded = opened(place)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        run = await ask(live, "1")
    assert run.response == "4"
    (place.path / "tools/t.py").unlink()
    again = Place(place.path)
    await again.folder.open()
    assert "'add', which there is not" in again.folder.trouble
    parts, loaded = opened(again, store=parts.store)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        with pytest.raises(UnknownGraph, match="'add', which there is not"):
            await live.replay(run.run_id)
        assert (await live.replay(run.run_id, pinned=True))["verdict"] == "exact"


async def test_a_tool_of_the_folder_is_called_and_its_replay_is_exact_when_it_is_gone(place):
    place.write(
        "nodes/n.py",
        "async def mine(ctx, envelope):\n    ctx.say(str(await ctx.call('add', {'a': 4})) + str(len(ctx.tools)))\n",
    )
    await place.folder.look()
    parts, loaded = opened(place)
    async with asyncio.timeout(20), Runtime.open(parts, loaded, graph="own") as live:
        run = await ask(live, "1")
        assert run.response.startswith("4")
        place.write("tools/t.py", "")
        await place.folder.look()
        assert (await live.replay(run.run_id, pinned=True))["verdict"] == "exact"
        assert {"tools", "tool:add"} <= set((await live.replay(run.run_id))["changed_revisions"])
