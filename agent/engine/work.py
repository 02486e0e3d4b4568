"""Nodes at work: one with its clock and its failure, several side by side.

Invariants:
* A node that fails does not cancel its siblings; what its code raises becomes its own error.
* Nodes are begun in the order given; when one waits, the rest get tasks and begin at once.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from typing import cast

from agent.core.errors import AgentError
from agent.core.frames import Envelope
from agent.core.json import canonical
from agent.engine.visits import Visit

Work = Callable[[Visit], Coroutine[object, object, None]]


async def work(monotonic: Callable[[], float], now_ns: Callable[[], int], visit: Visit) -> None:
    """Run a node's code and leave in ``visit`` what came of it and how long it took.

    Args:
        monotonic: a clock, in seconds.
        now_ns: wall time in Unix nanoseconds.
        visit: the node and what it is given.

    Raises:
        CancelledError: the run was stopped; nothing else gets out of a node.
    """
    run = visit.bound.run
    visit.began = monotonic()
    visit.started = now_ns() / 1e6
    try:
        output = await run(visit.context, visit.envelope)
    except BaseException as error:  # foreign code: whatever it raises is its own failure
        if isinstance(error, asyncio.CancelledError) and _stopped():
            raise
        visit.error = _story(error)
    else:
        if output is not None:
            visit.error = _fault(output)
            if not visit.error and isinstance(output, Envelope):
                visit.output = output
    visit.took = (monotonic() - visit.began) * 1e6 // 1 / 1e3  # whole microseconds


async def side_by_side(visits: Sequence[Visit], work: Work) -> None:
    """Have all work and wait for all; who follows a node that waits needs a task of its own."""
    for place, visit in enumerate(visits, start=1):
        first = work(visit)
        try:
            waits_for = first.send(None)
        except StopIteration:
            continue
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(work(other)) for other in visits[place:]]
            await _rest(first, waits_for)
            for other in others:  # saves the turn of the loop that leaving the group takes
                await other
        return


@types.coroutine
def _rest(
    first: Coroutine[object, object, None], waits_for: object
) -> Generator[object, object, None]:
    """Go on with ``first``, in the task that took its first step; it stopped at ``waits_for``."""
    while True:
        try:
            came = yield waits_for
        except BaseException as error:  # noqa: BLE001 - a cancellation is for the node that waits
            step = partial(first.throw, error)
        else:
            step = partial(first.send, came)
        try:
            waits_for = step()
        except StopIteration:
            return


def _stopped() -> bool:
    """Whether the current task was really cancelled, not a node raising CancelledError itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _fault(output: object) -> str:
    """Say what is wrong with what a node returned; empty when nothing is."""
    if not isinstance(output, Envelope):
        return f"returned {output!r:.80}, expected an Envelope or None"
    try:
        texts = "" + output.kind + output.text + output.sender  # fails on what is no text
        if not texts.isascii():
            texts.encode()  # fails on half a surrogate pair
        if output.data is not None:
            canonical(output.data)
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        return f"returned an Envelope that cannot be recorded: {error}"
    return ""


def _story(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):  # it says only how many there were
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, AgentError):
        return f"{error.slug}: {error}"
    return f"{type(error).__name__}: {error}"
