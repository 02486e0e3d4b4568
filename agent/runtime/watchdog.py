"""Notices when something blocks the event loop, and says what it was doing.

While runs are at work the loop leaves a sign of life every few hundredths of a second. A thread
looks at how old that is and takes the loop's stack when it is too old; the sign that comes at last
tells how late it is. The thread never asks the loop for anything, and both sleep while no run is at
work: a look costs a turn at the interpreter's lock, a question would cost several.
"""

import asyncio
import sys
import threading
import traceback
from itertools import islice

from agent.core.events import LoopLagged
from agent.runtime.hub import Hub
from agent.runtime.parts import RUNTIME

LIMIT_S = 0.1
PERIOD_S = 0.05
OLD_S = LIMIT_S
"""A sign of this age is half the limit late: seen a period later still, it is not over it."""
STACK_LINES = 12

Stack = tuple[traceback.FrameSummary, ...]


class Watchdog:
    """The signs of life and the thread that looks at them.

    Args:
        hub: where lags are published.
        loop: the loop that is watched; it runs in the thread that makes this object.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._time = loop.time
        self._watched = threading.get_ident()
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._runs = 0
        self._idle = True
        """No run has begun since the last sign, and none is at work."""
        self._sign = 0.0
        self._next: asyncio.TimerHandle | None = None
        self._stack: tuple[float, Stack] = (0.0, ())
        """What the loop did when it was looked at, and the sign that was old then."""
        self._latest = ("", "")
        threading.Thread(target=self._watch, name="loop-watchdog", daemon=True).start()

    def begin(self, run_id: str, channel: str) -> None:
        """A run starts working."""
        self._latest = (run_id, channel)
        self._runs += 1
        self._idle = False
        if self._next is None:
            self._give_sign()
            self._awake.set()

    def end(self) -> None:
        """A run has ended."""
        self._runs -= 1

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._awake.set()
        if self._next is not None:
            self._next.cancel()

    def _give_sign(self) -> None:
        self._sign = self._time()
        self._next = self._loop.call_later(PERIOD_S, self._again)

    def _again(self) -> None:
        late = self._time() - self._sign - PERIOD_S
        if late > LIMIT_S:
            sign, stack = self._stack
            self._tell(round(late * 1000, 1), stack if sign == self._sign else ())
        if self._idle:
            self._next = None
            self._awake.clear()
        else:
            self._idle = not self._runs
            self._give_sign()

    def _tell(self, lag_ms: float, stack: Stack) -> None:
        run_id, channel = self._latest
        text = "".join(traceback.format_list(list(stack)))
        event = LoopLagged(node=RUNTIME, run_id=run_id, channel=channel, lag_ms=lag_ms, stack=text)
        self._hub.publish(event)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait()
            sign = self._sign
            if self._time() - sign > OLD_S and self._stack[0] != sign:
                self._stack = (sign, _stack(self._watched))
            self._stopping.wait(PERIOD_S)


def _stack(thread: int) -> Stack:
    """Where the thread is, the innermost call last.

    No source is read for it: to do so gives the interpreter's lock away, and the loop would tell
    its lag before the stack is known.
    """
    frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the documented way
    frame = frames.get(thread)
    calls = islice(traceback.walk_stack(frame), STACK_LINES) if frame else ()
    places = [(call.f_code.co_filename, line, call.f_code.co_name) for call, line in calls]
    return tuple(traceback.FrameSummary(*place, lookup_line=False) for place in reversed(places))
