"""Notices when something blocks the event loop, and says what it was doing.

A thread asks the loop for a sign of life while runs are at work, and sleeps otherwise, so an idle
runtime costs nothing. When the sign is late it takes the loop's stack at once; when it comes at
last the event says how late.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable

from agent.core.events import LoopLagged
from agent.runtime.hub import Hub
from agent.runtime.parts import RUNTIME

LIMIT_S = 0.1
PERIOD_S = 0.05
STACK_LINES = 12


class Watchdog:
    """The thread and its questions.

    Args:
        hub: where lags are published.
        loop: the loop that is watched; it runs in the thread that makes this object.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self, hub: Hub, loop: asyncio.AbstractEventLoop, monotonic: Callable[[], float]
    ) -> None:
        self._hub = hub
        self._loop = loop
        self._monotonic = monotonic
        self._watched = threading.get_ident()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._runs = 0
        self._latest = ("", "")
        threading.Thread(target=self._watch, name="loop-watchdog", daemon=True).start()

    def begin(self, run_id: str, channel: str) -> None:
        """A run starts working."""
        self._latest = (run_id, channel)
        self._runs += 1
        if not self._wake.is_set():
            self._wake.set()

    def end(self) -> None:
        """A run has ended."""
        self._runs -= 1

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            try:
                self._ask()
            except RuntimeError:
                return  # the loop is closed
            self._stopping.wait(PERIOD_S)
            if not self._runs:
                self._wake.clear()
                if self._runs:  # one began in between
                    self._wake.set()

    def _ask(self) -> None:
        alive, begun = threading.Event(), self._monotonic()
        self._loop.call_soon_threadsafe(alive.set)
        if alive.wait(LIMIT_S):
            return
        stack = _stack(self._watched)
        while not alive.wait(LIMIT_S):
            if self._stopping.is_set():
                return
        lag_ms = round((self._monotonic() - begun) * 1000, 1)
        self._loop.call_soon_threadsafe(self._tell, lag_ms, stack)

    def _tell(self, lag_ms: float, stack: str) -> None:
        run_id, channel = self._latest
        event = LoopLagged(node=RUNTIME, run_id=run_id, channel=channel, lag_ms=lag_ms, stack=stack)
        self._hub.publish(event)


def _stack(thread: int) -> str:
    frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the documented way
    frame = frames.get(thread)
    return "".join(traceback.format_stack(frame)[-STACK_LINES:]) if frame else ""
