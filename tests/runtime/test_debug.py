"""Held, looked at, edited, stepped, let go: over the real runtime, with nodes of the test's own."""

import asyncio

import pytest
from rig import graph, passes, runtime, says

from agent.core.errors import NotHeld
from agent.debugger.breakpoints import Breakpoint
from agent.engine.stops import Edit

pytestmark = pytest.mark.anyio
LINE = graph("a b c", "a>b b>c", post="memo", name="line")
CODE = {"a": passes(), "b": passes(), "c": says("fine")}


def breaks(**fields) -> Breakpoint:
    return Breakpoint(**fields)


def edit(path: str, value) -> Edit:
    return Edit(path=path, value=value)


async def held(opened, channel="main"):
    """Wait until a run of the channel is held; what is shown of it."""
    while not (shown := await opened.debug.show(channel))["held"]:
        lane = opened._lanes.open(channel)
        if lane.active is None:
            await asyncio.sleep(0)
        else:
            await lane.active.move()
            assert not lane.active or not lane.active.over, "it ended without being held"
    return shown


async def replayed(opened, run) -> str:
    verdict = await opened.replay(run.run_id)
    return f"{verdict['verdict']} {verdict['matched']}/{verdict['total']}"


async def test_a_run_is_held_before_a_frame_shown_and_goes_on():
    async with runtime(LINE, CODE) as opened:
        await opened.debug.set_breakpoints([breaks(node="b")])
        run = await opened.send("hello")
        shown = await held(opened)
        assert (shown["frame"], shown["node"], shown["at"]) == (2, "b", "before")
        assert shown["run_id"] == run.run_id
        assert shown["reason"] == "breakpoint b1: before frame 2 (b)"
        assert shown["pending"]["b"]["text"] == "hello>a"
        assert shown["memory"]["user_name"] == "anonymous"
        assert (await opened.result(None))["status"] == "paused"
        assert (await opened.find(run.run_id)).status == "paused"
        assert (await opened.debug.show("other"))["held"] is False
        told = await opened.debug.resume()
        assert (told["held"], told["status"]) == (False, "running")
        assert (await opened.finished(run)).response == "fine"
        with pytest.raises(NotHeld):
            await opened.debug.resume()
