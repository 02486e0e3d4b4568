"""Stages where a test can have the process killed: ``CRASH_AT=stage:n``, the n-th time it is there.

The kill is SIGKILL, so nothing is cleaned up. Without the variable a stage costs one look at a
name; it is read once, at start, and a stage that is not in the table refuses to start.
"""

import os
import signal
from collections.abc import Mapping
from types import MappingProxyType

from agent.core.errors import BadInput

VARIABLE = "CRASH_AT"
STAGES: Mapping[str, str] = MappingProxyType(
    {
        "store.creating": "the schema of a new file is written, not committed",
        "store.created": "a new file is whole, and not yet in its place",
        "seq.reserved": "a block of event numbers is written, not committed",
        "accept.asked": "a send is checked, nothing of it is written",
        "accept.written": "run and key are written, not committed",
        "accept.committed": "the run is on disk, not acknowledged",
        "queue.admitted": "the run is told of and goes into its inbox, not acknowledged",
        "blob.written": "a part of the graph's revision is written, not committed",
        "run.begun": "the run is said to be running",
        "intent.asked": "a write tool is about to be called, nothing says so",
        "intent.written": "its intent is written, not committed",
        "intent.committed": "its intent is on disk, the call has not left",
        "result.known": "an effect has its result, nothing says so",
        "result.posted": "the result is on its way to the disk",
        "frame.merged": "a tick has ended, nothing says so",
        "frame.posted": "frame and state change are on their way to the disk",
        "run.answered": "the user has the answer, the run has not ended",
        "end.written": "terminal state, what it leaves and the head are written, not committed",
        "end.snapshot": "the same, with a snapshot of the whole state",
        "end.committed": "the terminal state is on disk, not announced",
        "cancel.asked": "a waiting run is cancelled, nothing says so",
        "clear.stopped": "a clear has stopped what ran, the channel is as it was",
        "switch.taken": "a switch has its turn, the channel is as it was",
        "head.moved": "the head has moved in memory",
        "channel.written": "a channel's row is written, not committed",
        "channel.committed": "a channel's row is on disk, not acknowledged",
        "resume.accepted": "a run that goes on is on disk with what it carries, not acknowledged",
        "recover.begun": "the next start has read what was left",
        "recover.interrupted": "a run that was cut is folded, its end is not written",
    }
)


class Trap:
    """The stage that kills, and how often it must still be reached."""

    def __init__(self) -> None:
        self.stage = ""
        self.left = 0


TRAP = Trap()


def set_trap(given: str) -> None:
    """Take what ``CRASH_AT`` says; empty takes the trap away.

    Raises:
        BadInput: it names no stage, or no count.
    """
    stage, _, count = given.partition(":")
    if given and (stage not in STAGES or not (count.isdecimal() and int(count))):
        raise BadInput(
            f"{VARIABLE}: expected stage:n with n from 1, got {given!r}; "
            f"the stages are {', '.join(STAGES)}"
        )
    TRAP.stage, TRAP.left = stage, int(count or 0)


def reached(stage: str) -> None:
    """Die here when this is where the trap is."""
    if stage == TRAP.stage:
        TRAP.left -= 1
        if not TRAP.left:
            os.kill(os.getpid(), signal.SIGKILL)
