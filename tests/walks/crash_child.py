"""A program to kill: the real runtime on a real file, acknowledging each send on stdout.

``crash_child.py FILE SEED``: sends, cancels, clears and replays for ever; every line it prints is a
promise: ``ack <run_id>`` is on disk, ``write <run_id>`` was done once by a write tool.
"""

import asyncio
import random
import sys
from pathlib import Path

from rig import FunctionTool, ScriptedModel, graph, passes, runtime

from agent.adapters.stores.sqlite import SqliteStore
from agent.core.errors import AgentError
from agent.core.state import at, put

SPEC = graph("a b c p", "a>b+c", post="p", paths="both=b")


def tell(line: str) -> None:
    """Write one whole line at once, so that a kill never tears it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def first(ctx, envelope):
    await ctx.model([{"role": "user", "content": envelope.text}])
    await ctx.call("pay", {"run": ctx.run_id})
    return await passes()(ctx, envelope)


async def second(ctx, envelope):
    count = (at(ctx.state, "memory", "count") or 0) + 1
    ctx.remember(put("memory", "count", value=count))
    ctx.say(f"{count}")


async def third(ctx, envelope):
    ctx.now()
    await asyncio.sleep(0)


async def last(ctx, envelope):
    ctx.remember(put("memory", "last", value=envelope.text))


CODE = {"a": first, "b": second, "c": third, "p": last}


def world(file: Path, *, loud: bool):
    """The same runtime for the program and for whoever looks at what it left."""

    def pay(arguments):
        if loud:
            tell(f"write {arguments['run']}")
        return "paid"

    tool = FunctionTool("pay", pay, effect="write")
    return runtime(
        SPEC, CODE, store=SqliteStore(file), model=ScriptedModel("x" * 700), tools=(tool,)
    )


async def work(file: Path, seed: int) -> None:
    """Do what users do, as fast as it goes."""
    chance = random.Random(seed)
    async with world(file, loud=True) as rt:
        tell("ready")
        while True:
            runs = []
            for _ in range(chance.randint(1, 6)):
                channel = chance.choice(["main", "side"])
                run = await rt.send(
                    f"text {chance.random()}",
                    channel=channel,
                    key=f"{chance.random()}",
                    body_hash="h",
                )
                tell(f"ack {run.run_id}")
                runs.append(run)
            what = chance.random()
            if what < 0.2:
                await rt.cancel(chance.choice(runs).run_id)
            elif what < 0.25:
                await rt.clear()
            elif what < 0.35:
                ended = await rt.finished(runs[0])
                try:
                    await rt.replay(ended.run_id)
                except AgentError:
                    continue


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
