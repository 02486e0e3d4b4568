"""A task that sleeps at a bell runs when it is rung, as itself, while whoever rang stands aside."""

import asyncio
from contextvars import ContextVar

import pytest

from agent.runtime.bell import Bell

pytestmark = pytest.mark.anyio
STALL_S = 20.0
MARK: ContextVar[str] = ContextVar("mark", default="")


async def asleep(work) -> tuple[Bell, asyncio.Task]:
    """Begin a task that sleeps at a bell and then does ``work``."""
    bell = Bell(asyncio.get_running_loop())

    async def sleeper():
        await bell
        return await work()

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    return bell, task


async def test_the_sleeper_goes_on_before_ringing_returns_and_as_itself():
    seen = []

    async def work():
        seen.append(asyncio.current_task())

    bell, task = await asleep(work)
    me = asyncio.current_task()
    bell.ring()
    assert seen == [task]
    assert asyncio.current_task() is me
    await task


async def test_it_runs_to_where_it_waits_and_later_from_there():
    seen, gate = [], asyncio.Event()

    async def work():
        seen.append("begun")
        await gate.wait()
        seen.append("ended")

    bell, task = await asleep(work)
    bell.ring()
    assert seen == ["begun"]
    gate.set()
    await task
    assert seen == ["begun", "ended"]


async def test_its_context_is_its_own():
    seen = []

    async def work():
        seen.append(MARK.get())
        MARK.set("sleeper")

    bell, task = await asleep(work)
    mark = MARK.set("ringer")
    bell.ring()
    assert (seen, MARK.get()) == ([""], "ringer")
    MARK.reset(mark)
    await task


async def test_what_it_raises_is_not_raised_by_ringing():
    async def work():
        raise LookupError("mine")

    bell, task = await asleep(work)
    bell.ring()
    with pytest.raises(LookupError, match="mine"):
        await task


async def test_groups_and_timeouts_that_it_opens_are_its_own():
    async def work():
        async with asyncio.timeout(STALL_S), asyncio.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(0, "child"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        return child.result()

    bell, task = await asleep(work)
    bell.ring()
    assert await task == "child"


async def test_who_rings_can_be_cancelled_without_it():
    gate = asyncio.Event()

    async def work():
        await gate.wait()
        return "whole"

    bell, task = await asleep(work)

    async def ringer():
        bell.ring()
        await asyncio.Event().wait()

    ringing = asyncio.create_task(ringer())
    await asyncio.sleep(0)
    ringing.cancel()
    await asyncio.wait([ringing])
    gate.set()
    assert (ringing.cancelled(), await task) == (True, "whole")


async def test_a_sleeper_that_is_cancelled_is_gone_when_it_is_rung_for():
    async def work():
        raise AssertionError("it was cancelled")

    bell, task = await asleep(work)
    task.cancel()
    bell.ring()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_rung_before_anybody_sleeps_it_keeps_nobody():
    bell = Bell(asyncio.get_running_loop())
    bell.ring()
    bell.ring()
    async with asyncio.timeout(STALL_S):
        await bell


async def test_who_was_rung_may_ring_somebody_else():
    seen, tasks = [], []

    async def inner():
        seen.append(asyncio.current_task())

    second, task = await asleep(inner)
    tasks.append(task)

    async def outer():
        second.ring()
        seen.append(asyncio.current_task())

    first, task = await asleep(outer)
    tasks.append(task)
    me = asyncio.current_task()
    first.ring()
    assert (seen, asyncio.current_task()) == (tasks, me)
    await asyncio.gather(*tasks)


async def test_the_loop_itself_may_ring():
    seen = []

    async def work():
        seen.append(asyncio.current_task())

    bell, task = await asleep(work)
    asyncio.get_running_loop().call_soon(bell.ring)
    await task
    assert seen == [task]
