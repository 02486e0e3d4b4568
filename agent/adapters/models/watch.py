"""The timer of one try: first byte, silence, and the deadline of the whole call."""

import asyncio

from agent.adapters.models import faults
from agent.adapters.models.draft import Draft
from agent.adapters.models.faults import Fault
from agent.adapters.models.limits import Limits

_TURN_S = 0.02


class Watch:
    """Owns one ``asyncio.timeout`` and moves it on with every piece that arrives."""

    def __init__(self, limits: Limits, left: float) -> None:
        self._limits = limits
        self._time = asyncio.get_running_loop().time
        start = self._time()
        self._end = start + left
        self._begun = False
        self._moved = (0.0, 0.0)
        self._turn = start
        self.guard = asyncio.timeout_at(min(self._end, start + limits.first_byte_s))

    def heard(self, draft: Draft) -> bool:
        """Grant the time for the next piece: little once ``draft`` has its end.

        Returns whether the event loop is due a turn: pieces that are already here are read without
        waiting, and a burst of them must not keep timers and other tasks from running.
        """
        limits = self._limits
        self._begun = True
        patience = limits.idle_s
        if draft.ended:
            patience = limits.done_s
        elif draft.finish:
            patience = limits.tail_s
        now, (then, granted) = self._time(), self._moved
        slack = patience / 16
        if patience != granted or now - then > slack:
            # Moving a timer costs more than reading a piece, so each move grants a little more.
            self._moved = (now, patience)
            self.guard.reschedule(min(self._end, now + patience + slack))
        due = now - self._turn > _TURN_S
        if due:
            self._turn = now
        return due

    def fault(self) -> Fault:
        """Say which of the limits passed."""
        limits = self._limits
        if self._time() >= self._end:
            return Fault(faults.OVERDUE, f"gave no complete answer within {limits.total_s:g} s")
        if self._begun:
            return Fault(faults.TIMEOUT, f"fell silent for {limits.idle_s:g} s in its answer")
        return Fault(faults.TIMEOUT, f"sent nothing for {limits.first_byte_s:g} s")
