"""A program to kill: the real runtime, store and workspace, telling each promise as it is made.

What it tells: ``["asks", key, text]`` before a send, ``["has", key, run_id]`` when it is acknowledged,
``["seq", n]`` for an event number that somebody may have seen.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rig import NOWHERE, ScriptedModel, runtime

from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import Conflict, UnknownOutcome
from agent.crash import set_trap
from agent.runtime.library import Library
from agent.runtime.workspace import read

WORKSPACE = Path(__file__).parent / "ledger"
CHANNELS = ("main", "side")
GRAPHS = ("ledger", "second")
Tell = Callable[..., None]


def world(file: Path):
    """The same runtime for the program and for whoever looks at what it left."""
    os.environ["LEDGER"] = str(file.with_name("ledger.txt"))
    library = Library(
        {}, model="scripted", graphs=NOWHERE, prompts=NOWHERE, workspace=read(WORKSPACE)
    )
    return runtime(
        tuple(map(library.spec, GRAPHS)), {}, library=library,
        store=SqliteStore(file), model=ScriptedModel("x" * 700),
    )  # fmt: skip


async def send(rt, tell: Tell, chance: random.Random) -> str:
    """Send a text nobody sent before, under a key nobody had."""
    key, text = f"{chance.random()}", f"text {chance.random()}"
    tell("asks", key, text)
    run = await rt.send(text, channel=chance.choice(CHANNELS), key=key, body_hash=text)
    tell("has", key, run.run_id)
    return run.run_id


async def go_on(rt, chance: random.Random) -> None:
    """Go back to a run that was cut and resume it; a write that was cut off is not done again."""
    for live in [*rt._lanes.lives.values()]:
        await live.wait()
    for run in (await rt.runs(status="interrupted", limit=200))["runs"]:
        if run["channel"]:
            name = run["run_id"]
            try:
                await rt.move_head(name, run["channel"])
                await rt.resume(name)
            except UnknownOutcome:
                await rt.resume(name, unknown=chance.choice(["done", "fail"]))
            return


async def work(file: Path, seed: int, tell: Tell) -> None:
    """Do what users do, as fast as it goes, for ever."""
    chance = random.Random(seed)
    async with world(file) as rt:
        tell("seq", rt.hub.last)
        with suppress(Conflict):  # it was gone on with before
            await go_on(rt, chance)
        while True:
            names = [await send(rt, tell, chance) for _ in range(chance.randint(1, 6))]
            tell("seq", rt.hub.last)
            try:
                await do(rt, chance, names)
            except Conflict:
                continue


async def do(rt, chance: random.Random, names: list[str]) -> None:
    """Do one of the other things; a channel may be too busy for it."""
    name = chance.choice(names)
    what = chance.choice(["cancel", "clear", "switch", "replay", "head", "wait", "wait"])
    if what == "cancel":
        await rt.cancel(name)
    elif what == "clear":
        await rt.clear(chance.choice(CHANNELS))
    elif what == "switch":
        await rt.switch_graph(chance.choice(GRAPHS), "after", chance.choice(CHANNELS))
    else:
        run = await rt.finished(await rt.find(name))
        if what == "replay":
            await rt.replay(run.run_id)
        elif what == "head" and run.status == "done":
            await rt.move_head(run.run_id, run.channel)


def live(file: Path, seed: int, trap: str) -> None:
    """The program; ``trap`` is what CRASH_AT would say."""
    set_trap(trap)
    asyncio.run(work(file, seed, tell))


def tell(*what: str | int) -> None:
    """Write one whole line at once, so that a kill never tears it."""
    os.write(1, f"{json.dumps(what)}\n".encode())


def nurse() -> None:
    """Fork a life for every line, and tell when it ended; whoever reads knows when to kill it."""
    for line in sys.stdin:
        file, seed, trap = json.loads(line)
        pid = os.fork()
        if not pid:
            live(Path(file), seed, trap)
            os._exit(0)
        tell("born", pid)
        _, status = os.waitpid(pid, 0)
        tell("died", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    nurse()
