"""Who is faster decides nothing: any order of completion, any hash seed, the same trace."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given, strategies as st
from rig import FunctionTool, ScriptedModel, graph, stage, timeless, world

from agent.core.errors import ToolFailed
from agent.core.frames import Envelope
from agent.core.journal import Fold, trace_of
from agent.core.messages import ModelReply
from agent.core.runs import Run, RunStatus
from agent.core.state import at, put

ROLES = ("a", "b", "c", "d", "e")
SPEC = graph("a b c d e z p q", "a>b+c+d+e b>z c>z d>z e>a", post="p q", budget=6)
SOURCE_RUN = Run(n=1, run_id="r-1", status=RunStatus.DONE, channel="main", text="m", created=0.0)


class Traffic:
    """Holds up every tool and model call until it is its turn in ``ranks``; then lets one go."""

    def __init__(self, ranks: list[int]) -> None:
        self.ranks = ranks
        self.held: list[tuple[int, int, asyncio.Future[None]]] = []
        self.count = 0

    async def pass_through(self) -> None:
        rank = self.ranks[self.count % len(self.ranks)]
        self.count += 1
        future = asyncio.get_running_loop().create_future()
        self.held.append((rank, self.count, future))
        await future

    async def direct(self, work: asyncio.Task) -> None:
        """Let calls through by rank, one at a time, whenever everybody else stands still."""
        while not work.done():
            for _ in range(8):
                await asyncio.sleep(0)
            if self.held:
                self.held.sort(key=lambda held: held[:2])
                self.held.pop(0)[2].set_result(None)


async def busy(ctx, envelope):
    """Do a bit of everything a node may do, some of it failing by role."""
    ctx.think(ctx.role)
    answer = await ctx.call("look", {"who": ctx.role})
    ctx.remember(
        put("last", value=ctx.role), put(ctx.role, value=answer), put("now", value=ctx.now())
    )
    ctx.say(f"{ctx.role}{ctx.visit} ")
    reply = await ctx.model([{"role": "user", "content": str(at(ctx.state, "last"))}])
    if ctx.role == "c":
        try:
            await ctx.call("fail", {})
        except ToolFailed as failure:
            ctx.remember(put("failure", value=failure.code))
    if ctx.role == "d" and ctx.visit == 2:
        raise ValueError("second time")
    if ctx.role == "z":
        return None
    return Envelope(kind="x", text=reply.text, data={"id": ctx.new_id() and "some"})


async def trace(ranks: list[int]):
    """Run ``SPEC`` with calls completing in the order of ``ranks``; return all that is recorded."""
    traffic = Traffic(ranks)

    async def held(result):
        await traffic.pass_through()
        if isinstance(result, Exception):
            raise result
        return result

    class Model(ScriptedModel):
        async def complete(self, request, on_text):
            await traffic.pass_through()
            return ModelReply(text=f"re {request.messages[0]['content']}")

    look = FunctionTool("look", lambda arguments: held({"seen": arguments["who"]}))
    fail = FunctionTool("fail", lambda arguments: held(ToolFailed("down", "no")))
    code = dict.fromkeys((*ROLES, "z", "p", "q"), busy)
    played = stage(SPEC, code, within=world(Model(), look, fail), state={})

    async def run():
        await played.going.run({"a": Envelope(kind="message", text="m")})
        await played.going.run_post()

    async with asyncio.timeout(20):
        task = asyncio.ensure_future(run())
        await traffic.direct(task)
        await task
    going = played.going
    fold = Fold(played.notes.rows)
    whole = trace_of(SOURCE_RUN, going.frames, going.post_frames, fold.effects.values())
    return {
        "trace": unclocked(timeless(whole)), "error": going.error, "path": going.path,
        "response": going.response, "state": unclocked(timeless(going.state)),
    }  # fmt: skip


def unclocked(value):
    """Blank what clock effects answered: time is not the same, and need not be."""
    if isinstance(value, dict):
        if value.get("kind") in ("clock", "id", "random"):
            return {**value, "response": None}
        if value.get("path") == ["now"]:
            return {**value, "value": None}
        return {k: None if k == "now" else unclocked(v) for k, v in value.items()}
    return [unclocked(item) for item in value] if isinstance(value, list) else value


RANKS = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@pytest.mark.slow
@given(RANKS)
def test_completion_order_never_changes_a_trace(ranks):
    assert anyio.run(trace, ranks) == anyio.run(trace, [0])


def test_the_trace_it_compares_is_a_rich_one():
    seen = anyio.run(trace, list(range(40, 0, -1)))
    assert seen["error"] == "d: ValueError: second time"
    assert len(seen["trace"]["frames"]) == 11
    assert len({e["node"] for e in seen["trace"]["effects"]}) == 8
    assert seen["state"]["failure"] == "down"


PROGRAM = """
import anyio, json
from test_order import trace
print(json.dumps(anyio.run(trace, [3, 1, 2]), sort_keys=True))
"""


@pytest.mark.slow
def test_two_hash_seeds_give_the_same_trace():
    here = Path(__file__).resolve().parent
    seen = []
    for seed in ("0", "4242"):
        path = os.pathsep.join([str(here.parents[1]), str(here.parent), str(here)])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        seen.append(json.loads(done.stdout))
    assert seen[0] == seen[1]
    assert seen[0]["trace"]["frames"]
