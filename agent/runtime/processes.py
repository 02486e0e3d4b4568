"""Tool calls at work: what they are doing, and how to stop one without stopping its run.

One owner: everything happens on the event loop's thread. The table is fed by the same events that
everybody reads, holds what is at work and the last that ended, and is never searched per event. A
call runs in a task of its own, so that stopping it does not touch the node that waits for it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Literal

import msgspec

from agent.core.errors import ToolFailed, UnknownProcess
from agent.core.events import Event, ProcessDone, ProcessLine, ProcessStarted
from agent.core.json import Json

KEPT = 200
"""How many that ended are kept."""
GRACE_S = 5.0
"""How long one that was told to stop may take before its node goes on without it."""
STOPPED = "it was stopped by the user"
DEAF = f"it was told to stop and has not in {GRACE_S:g} s; it may still be at work"

Status = Literal["pending", "running", "done", "failed", "cancelled"]


class Process(msgspec.Struct, kw_only=True):
    """One tool call."""

    pid: str
    run_id: str
    channel: str
    frame: int | None
    node: str
    tool: str
    args: Json
    status: Status
    """``pending`` until it really begins: the intent of a write is on its way to the disk."""
    lines: list[str]
    left_out: int
    """Lines beyond those that are kept."""
    exit_code: int | None
    """0 done, 1 failed; ``None`` while it works and when it was cancelled."""
    started: float
    """Unix milliseconds."""
    ended: float | None


class Work:
    """The task of a process that is at work.

    Args:
        task: the task.
    """

    def __init__(self, task: asyncio.Task[Json]) -> None:
        self.task = task
        self._loop = task.get_loop()
        self._asked = False
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Has a result when the task has ended, or was told to and has used up its time."""
        task.add_done_callback(self._release)

    def stop(self) -> None:
        """Tell it to stop, once."""
        if not self._asked:
            self._asked = True
            self.task.cancel()
            self._loop.call_later(GRACE_S, self._release)

    def _release(self, _task: object = None) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Processes:
    """The table, and the tasks behind it.

    Args:
        group: parent of the tasks.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._known: dict[str, Process] = {}
        self._ended: dict[str, None] = {}
        self._works: dict[str, Work] = {}
        self._announced: dict[str, ProcessStarted] = {}

    # What happens

    def take(self, event: Event) -> None:
        """Fold one event in; others than those of processes are passed over."""
        match event:
            case ProcessStarted():
                self._known[event.pid] = Process(
                    pid=event.pid,
                    run_id=event.run_id,
                    channel=event.channel,
                    frame=event.frame,
                    node=event.node,
                    tool=event.tool,
                    args=event.args,
                    status="pending",
                    lines=[],
                    left_out=0,
                    exit_code=None,
                    started=event.started,
                    ended=None,
                )
            case ProcessLine():
                self._known[event.pid].lines.append(event.line)
            case ProcessDone():
                self._close(self._known[event.pid], event)
            case _:
                return

    def take_made(self, event: Event) -> None:
        """Fold in an event of a run whose calls a recording may answer: those are no processes."""
        match event:
            case ProcessStarted():
                self._announced[event.pid] = event
            case ProcessLine() | ProcessDone():
                self._announced.pop(event.pid, None)
                if event.pid in self._known:
                    self.take(event)
            case _:
                return

    def _close(self, process: Process, done: ProcessDone) -> None:
        process.status = done.status
        process.exit_code = done.exit_code
        process.left_out = done.left_out
        process.ended = done.ended
        self._ended[process.pid] = None
        if len(self._ended) > KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest], self._known[oldest]

    async def run(self, pid: str, work: Coroutine[None, None, Json]) -> Json:
        """Do ``work`` as process ``pid`` and return what it gives.

        Raises:
            ToolFailed: ``cancelled`` when somebody stopped it; else whatever ``work`` raises.
        """
        mine = Work(self._group.create_task(_guarded(work), name=f"process {pid}"))
        self._works[pid] = mine
        if pid in self._announced:
            self.take(self._announced.pop(pid))
        if pid in self._known:
            self._known[pid].status = "running"
        try:
            await mine.over
        except asyncio.CancelledError:  # the run is stopped, and this with it
            mine.task.cancel()
            await asyncio.wait({mine.task}, timeout=GRACE_S)
            raise
        finally:
            del self._works[pid]
        if not mine.task.done():
            raise ToolFailed("cancelled", DEAF)
        if mine.task.cancelled():
            raise ToolFailed("cancelled", STOPPED)
        result = mine.task.result()
        if isinstance(result, _Raised):
            raise result.error
        return result

    # What can be asked

    def page(
        self, *, channel: str | None = None, status: str | None = None, last: int = 50
    ) -> Json:
        """Return the newest processes, newest first, those at work before those that ended."""
        active = [p for p in self._known.values() if p.pid not in self._ended]
        ended = [self._known[pid] for pid in self._ended]
        found = [
            process
            for process in (*reversed(active), *reversed(ended))
            if channel in (None, process.channel) and status in (None, process.status)
        ]
        return [msgspec.to_builtins(process) for process in found[:last]]

    def cancel(self, pid: str) -> Json:
        """Tell a process to stop; one that has ended stays as it is.

        Raises:
            UnknownProcess: there is none, or it ended long ago.
        """
        process, work = self._known.get(pid), self._works.get(pid)
        if process is None:
            raise UnknownProcess(f"no process {pid!r}; GET /api/processes lists them")
        if work is not None:
            work.stop()
        return msgspec.to_builtins(process)


class _Raised(msgspec.Struct):
    """What a tool raised, carried past the group, which it would end."""

    error: Exception


async def _guarded(work: Coroutine[None, None, Json]) -> Json:
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - a tool is foreign code; its node gets what it raises
        return _Raised(error)
