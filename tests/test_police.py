"""Node code that reaches past its context is stopped at the act; nobody else is disturbed."""

# ruff: noqa: PTH123, SIM115 - opening a file is the act that is tested

import asyncio
import os
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from rig import FunctionTool, ScriptedModel, ask, graph, play, runtime, says, world

from agent.core.errors import NotDeterministic
from agent.core.frames import Envelope
from agent.core.runs import RunStatus
from agent.engine import police
from agent.engine.police import INSIDE

pytestmark = pytest.mark.anyio
ONE = graph("a")
"localhost".encode("idna")  # loads the codec that looking up a name needs


@pytest.fixture(autouse=True)
def watched():
    police.install()
    assert not INSIDE.get()
    yield
    assert not INSIDE.get()


async def in_a_thread():
    await asyncio.to_thread(open, os.devnull)


async def in_a_task():
    await asyncio.create_task(_opens())


async def over_a_connection():
    await asyncio.open_connection("127.0.0.1", 1)


async def as_a_process():
    await asyncio.create_subprocess_exec("true")


async def _opens():
    open(os.devnull)


REACHES = {
    "open": lambda: open(os.devnull),
    "os.open": lambda: os.open(os.devnull, os.O_RDONLY),
    "socket.__new__": socket.socket,
    "socket.getaddrinfo": lambda: socket.getaddrinfo("localhost", 1),
    "subprocess.Popen": lambda: subprocess.run(["true"]),
    "os.system": lambda: os.system("true"),
    "os.fork": os.fork,
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.exec": lambda: os.execv("/bin/true", ["true"]),
}


@pytest.mark.parametrize("name", REACHES)
async def test_a_reach_is_stopped_and_ends_the_node(name):
    async def node(ctx, envelope):
        REACHES[name]()

    played = await play(ONE, {"a": node})
    [record] = played.going.frames
    event = name if name != "os.open" else "open"
    assert record.error.startswith(f"not_deterministic: node code did {event} ")
    assert "ctx.call()" in record.error
    assert played.going.error == f"a: {record.error}"


@pytest.mark.parametrize("way", [in_a_thread, in_a_task, over_a_connection, as_a_process])
async def test_a_detour_is_stopped_too(way):
    async def node(ctx, envelope):
        await way()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(int).result()  # loaded and begun: the node's own act is what is seen
        asyncio.get_running_loop().set_default_executor(threads)
        played = await play(ONE, {"a": node})
    assert played.going.error.startswith("a: not_deterministic: node code did ")


async def test_the_run_ends_with_that_error_and_the_next_one_is_fine(tmp_path):
    async def node(ctx, envelope):
        if envelope.text == "bad":
            (tmp_path / "made").write_text("x")
        ctx.say("good")

    async with runtime(ONE, {"a": node}) as rt:
        bad = await ask(rt, "bad")
        assert bad.status == RunStatus.ERROR
        assert bad.error.startswith("a: not_deterministic: node code did open ")
        assert not (tmp_path / "made").exists()
        assert (await ask(rt, "fine")).response == "good"


async def test_a_reach_that_a_node_hides_is_still_not_done(tmp_path):
    async def node(ctx, envelope):
        try:
            (tmp_path / "made").write_text("x")
        except NotDeterministic:
            ctx.say("hidden")

    played = await play(ONE, {"a": node})
    assert played.going.response == "hidden"
    assert not (tmp_path / "made").exists()


async def test_tools_and_models_may_do_all_of_it(tmp_path):
    def work(_arguments):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        (tmp_path / "made").write_text(str(port))
        return {"ran": subprocess.run(["true"]).returncode}

    def reply(_request):
        return (tmp_path / "made").read_text()

    async def node(ctx, envelope):
        found = await ctx.call("reach", {})
        answer = await ctx.model([{"role": "user", "content": "?"}])
        ctx.say(f"{found['ran']} {answer.text}")

    reached = world(ScriptedModel(reply), FunctionTool("reach", work))
    played = await play(ONE, {"a": node}, within=reached)
    assert played.going.error == ""
    assert played.going.response == f"0 {(tmp_path / 'made').read_text()}"


async def test_threads_of_tools_are_not_disturbed(tmp_path):
    (tmp_path / "text").write_text("read")
    heard = []

    async def in_threads(_arguments):
        worker = threading.Thread(target=lambda: heard.append((tmp_path / "text").read_text()))
        worker.start()
        worker.join()
        return await asyncio.to_thread((tmp_path / "text").read_text)

    async def node(ctx, envelope):
        ctx.say(await ctx.call("threads", {}))

    played = await play(ONE, {"a": node}, within=world(None, FunctionTool("threads", in_threads)))
    assert (played.going.response, heard) == ("read", ["read"])


async def test_after_a_tool_the_node_is_watched_again():
    async def node(ctx, envelope):
        await ctx.call("nothing", {})
        open(os.devnull)

    tool = FunctionTool("nothing", lambda _: None)
    played = await play(ONE, {"a": node}, within=world(None, tool))
    assert "did open" in played.going.error
    assert len(tool.calls) == 1


async def test_after_a_tool_that_failed_the_node_is_watched_again():
    async def node(ctx, envelope):
        with pytest.raises(RuntimeError):
            await ctx.call("breaks", {})
        open(os.devnull)

    tool = FunctionTool("breaks", lambda _: RuntimeError("x"))
    played = await play(ONE, {"a": node}, within=world(None, tool))
    assert "did open" in played.going.error


async def test_others_work_on_while_a_node_waits(tmp_path):
    inside, leave = asyncio.Event(), asyncio.Event()

    async def node(ctx, envelope):
        inside.set()
        await leave.wait()
        open(os.devnull)

    async with asyncio.TaskGroup() as group:
        playing = group.create_task(play(ONE, {"a": node}))
        await inside.wait()
        (tmp_path / "beside").write_text("x")
        await asyncio.to_thread((tmp_path / "beside").read_text)
        leave.set()
    assert "did open" in playing.result().going.error


async def test_siblings_in_one_frame_are_watched_one_by_one(tmp_path):
    spec = graph("a b c", "a>b+c")

    async def start(ctx, envelope):
        return Envelope(kind="x")

    async def reaches(ctx, envelope):
        open(os.devnull)

    played = await play(spec, {"a": start, "b": reaches, "c": says("fine")})
    errors = {record.node: record.error for record in played.going.frames}
    assert (errors["a"], errors["c"]) == ("", "")
    assert "did open" in errors["b"]


def test_installing_twice_watches_once():
    police.install()
    mark = INSIDE.set(True)
    try:
        with pytest.raises(NotDeterministic):
            open(os.devnull)
    finally:
        INSIDE.reset(mark)
    open(os.devnull).close()
