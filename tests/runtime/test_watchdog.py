"""A node that blocks the loop is named with its stack; an idle runtime is not asked."""

import asyncio
import threading

import pytest

from agent.adapters.clock import SystemClock
from agent.core.events import LoopLagged, Topic
from agent.runtime.hub import Hub
from agent.runtime.watchdog import Watchdog

pytestmark = pytest.mark.anyio
STALL_S = 20.0


def block_the_loop() -> None:
    threading.Event().wait(0.3)


@pytest.mark.slow
async def test_a_blocked_loop_is_told_with_its_stack():
    clock = SystemClock()
    hub = Hub(clock.now_ns)
    watchdog = Watchdog(hub, asyncio.get_running_loop(), clock.monotonic)
    reader = hub.reader(Topic.TRACE)
    watchdog.begin("r-1", "main")
    try:
        block_the_loop()
        async with asyncio.timeout(STALL_S):
            await reader.next()
    finally:
        watchdog.end()
        watchdog.stop()
    (entry,) = hub.entries(0, 10)
    event = entry.event
    assert isinstance(event, LoopLagged)
    assert event.lag_ms >= 100
    assert "block_the_loop" in event.stack
    assert (event.run_id, event.channel) == ("r-1", "main")


class StillLoop:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.first = threading.Event()

    def call_soon_threadsafe(self, callback, *arguments):
        self.asked += 1
        callback(*arguments)
        self.first.set()


async def test_nobody_is_asked_while_no_run_is_at_work():
    clock, loop = SystemClock(), StillLoop()
    watchdog = Watchdog(Hub(clock.now_ns), loop, clock.monotonic)
    assert loop.asked == 0
    watchdog.begin("r-1", "main")
    assert loop.first.wait(STALL_S)
    watchdog.end()
    watchdog.stop()
