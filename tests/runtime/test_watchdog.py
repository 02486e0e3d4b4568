"""A node that blocks the loop is named with its stack; an idle runtime is not asked."""

import asyncio
import re
import threading
import time

import pytest

from agent.adapters.clock import SystemClock
from agent.core.events import LoopLagged, Topic
from agent.runtime.hub import Hub
from agent.runtime.watchdog import Watchdog

pytestmark = pytest.mark.anyio
STALL_S = 20.0


def block_the_loop() -> None:
    threading.Event().wait(0.3)


def hold_the_interpreter() -> None:
    """No other thread gets a turn in between."""
    letters, took = 18, 0.0
    while took < 0.2:
        begun = time.monotonic()
        re.match("(a+)+$", "a" * letters + "b")
        took, letters = time.monotonic() - begun, letters + 1


async def lags(monkeypatch, block, times: int) -> list[LoopLagged]:
    """What is told of a run that does ``block`` so often."""
    monkeypatch.setattr("agent.runtime.watchdog.LIMIT_S", 0.1)
    hub = Hub(SystemClock().now_ns)
    watchdog = Watchdog(hub, asyncio.get_running_loop())
    reader = hub.reader(Topic.TRACE)
    watchdog.begin("r-1", "main")
    try:
        for _ in range(times):
            block()
            async with asyncio.timeout(STALL_S):
                await reader.next()
    finally:
        watchdog.end()
        watchdog.stop()
    return [entry.event for entry in hub.entries(0, 20)]


@pytest.mark.slow
async def test_a_block_in_which_no_thread_has_a_turn_is_told_with_its_stack(monkeypatch):
    told = await lags(monkeypatch, hold_the_interpreter, 6)
    assert len(told) >= 6
    assert all("hold_the_interpreter" in event.stack for event in told)
    assert all("re.match" in event.stack for event in told)


@pytest.mark.slow
async def test_a_blocked_loop_is_told_with_its_stack(monkeypatch):
    (event,) = await lags(monkeypatch, block_the_loop, 1)
    assert isinstance(event, LoopLagged)
    assert event.lag_ms >= 100
    assert "block_the_loop" in event.stack
    assert (event.run_id, event.channel) == ("r-1", "main")


class StillLoop:
    """Has timers run when it is told to."""

    time = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.timers = []

    def call_later(self, _delay, callback):
        self.timers.append(callback)
        return asyncio.get_running_loop().call_later(3600, callback)

    def pass_time(self) -> None:
        due, self.timers = self.timers, []
        for callback in due:
            callback()


async def test_no_sign_is_given_while_no_run_is_at_work():
    loop = StillLoop()
    watchdog = Watchdog(Hub(SystemClock().now_ns), loop)
    assert not loop.timers
    watchdog.begin("r-1", "main")
    loop.pass_time()
    loop.pass_time()
    assert loop.timers, "a run is at work"
    watchdog.end()
    watchdog.begin("r-2", "main")
    watchdog.end()
    loop.pass_time()
    assert loop.timers, "one began since the last sign: the next may follow"
    loop.pass_time()
    loop.pass_time()
    assert not loop.timers
    watchdog.begin("r-3", "main")
    assert loop.timers
    watchdog.end()
    watchdog.stop()
