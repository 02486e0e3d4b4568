"""A run beside the channels: it has a number and a trace of its own and changes nobody's state.

It belongs to whoever asked for it and waits for its answer. It is cancelled when it is told to
stop, and when whoever waits is cancelled: a client has gone, or a command was interrupted.

Invariant: a run that was begun is in a terminal state, on disk, before the wait for it ends.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec

from agent.core.errors import Overloaded
from agent.core.events import FrameTraced
from agent.core.frames import Envelope, FrameTrace, Summary
from agent.core.ids import NO_CHANNEL, RunId
from agent.core.journal import trace_of
from agent.core.runs import Run, RunKind, RunStatus, advance, anew
from agent.engine.context import World
from agent.engine.engine import ENGINE, Pass
from agent.runtime.library import Edition
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts, status_event
from agent.runtime.ports import End
from agent.runtime.processes import GRACE_S, Processes

_log = logging.getLogger(__name__)
Number = Callable[[], tuple[int, RunId]]
"""Gives the next run number and its id."""
NOTHING_LEFT = End(parent=0, history_len=0, since_snapshot=0)
CANCELLED = "cancelled"
STOP_S = 2 * GRACE_S
"""How long runs that were told to stop are waited for when the server goes down."""


class Asides:
    """Runs beside the channels.

    Args:
        parts: what the runtime is made of.
        number: gives the next run number and its id.
        lives: the runs that are not terminal, by number.
        processes: tool calls at work.
    """

    def __init__(
        self,
        parts: Parts,
        number: Number,
        lives: dict[int, LiveRun],
        processes: Processes,
    ) -> None:
        self._parts = parts
        self._number = number
        self._lives = lives
        self._processes = processes
        self._closing = False

    def world(self, edition: Edition) -> World:
        """Return what nodes of a run that asks the world can reach."""
        return msgspec.structs.replace(self._parts.world(edition), processes=self._processes)

    @asynccontextmanager
    async def begin(
        self,
        source: Run,
        edition: Edition,
        *,
        kind: RunKind,
        replay_of: str = "",
        fork_of: str = "",
    ) -> AsyncGenerator[LiveRun]:
        """Accept a run made like ``source`` and have it running until the block is left.

        Raises:
            Overloaded: it could not be written, or the server goes down.
        """
        if self._closing:
            raise Overloaded("the server is shutting down; try again in a moment")
        parts, now = self._parts, self._parts.clock.now_ms()
        queued = msgspec.structs.replace(
            anew(source, *self._number(), now),
            kind=kind,
            channel=NO_CHANNEL,
            graph=edition.manifest.graph,
            revision=edition.program.revision,
            resumed_from="",
            replay_of=replay_of,
            fork_of=fork_of,
            imported_from="",
        )
        run = advance(queued, RunStatus.RUNNING, now)
        loop, take = asyncio.get_running_loop(), self._processes.take_made
        live = LiveRun(run, parts.store, parts.hub.publish, loop, take)
        self._lives[run.n] = live
        try:
            await parts.store.accept(run)
            live.tell_status()
            yield live
        except asyncio.CancelledError:
            await self._abandon(live, RunStatus.CANCELLED, CANCELLED)
            raise
        except Overloaded:
            raise  # the disk takes nothing more; if the run is on it, the next start ends it
        except Exception as error:
            await self._abandon(live, RunStatus.ERROR, _story(error))
            raise
        finally:
            del self._lives[run.n]
            live.ended()

    async def drive(
        self, live: LiveRun, going: Pass, pending: Mapping[str, Envelope], *, post: bool
    ) -> None:
        """Run all frames, and the post-frames if asked, in a task of its own.

        What it breaks on becomes its error. Cancelled, it stops the run and returns when that has
        come to rest; ``end`` raises then.
        """
        if live.cancelled:
            return
        try:
            async with asyncio.TaskGroup() as group:
                live.task = group.create_task(_drive(live, going, pending, post=post))
        except asyncio.CancelledError:
            live.cancelled = True
        live.task = None

    async def end(
        self, live: LiveRun, going: Pass, left: Callable[[Run], End] = lambda _: NOTHING_LEFT
    ) -> FrameTrace:
        """Bring it to its terminal state, on disk and told, with what it left; return its trace."""
        status, error = RunStatus.DONE, going.error
        if error:
            status = RunStatus.ERROR
        elif live.cancelled:
            status, error = RunStatus.CANCELLED, CANCELLED
        live.run = advance(
            live.run,
            status,
            self._parts.clock.now_ms(),
            response=going.response,
            error=error,
            path=going.path,
            total_frames=going.ticks,
        )
        frames, post_frames = going.frames, going.post_frames
        trace = trace_of(live.run, frames, post_frames, live.effects.values())
        await self._finish(live.run, left(live.run), trace)
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # while it was driven: nobody waits any more
            raise asyncio.CancelledError
        return trace

    async def stop(self, live: LiveRun) -> None:
        """Cancel a run and return when it is terminal."""
        live.stop()
        await live.wait()

    async def drain(self, grace_s: float) -> None:
        """Take nothing more; cancel what has not ended in ``grace_s`` seconds.

        Nobody could go on with it at the next start, so it says now what became of it.
        """
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                for live in self._all():
                    await live.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for live in self._all():
                    await self.stop(live)

    def _all(self) -> tuple[LiveRun, ...]:
        return tuple([live for live in self._lives.values() if not live.run.channel])

    async def _abandon(self, live: LiveRun, status: RunStatus, error: str) -> None:
        """End a run that was left before it could be brought to an end."""
        if live.run.status.terminal:
            return
        live.run = advance(live.run, status, self._parts.clock.now_ms(), error=error)
        trace = trace_of(live.run, (), (), live.effects.values())
        await self._finish(live.run, NOTHING_LEFT, trace)

    async def _finish(self, run: Run, left: End, trace: FrameTrace) -> None:
        parts, summary = self._parts, Summary(lambda: trace)
        await parts.store.finish(run, left, summary, None)
        parts.hub.publish(status_event(run))
        parts.hub.publish(
            FrameTraced(node=ENGINE, run_id=run.run_id, channel=NO_CHANNEL, trace=summary)
        )


async def _drive(
    live: LiveRun, going: Pass, pending: Mapping[str, Envelope], *, post: bool
) -> None:
    try:
        try:
            await going.run(pending)
        finally:
            live.run = msgspec.structs.replace(live.run, total_ms=round(going.worked_ms(), 3))
        if post and not going.error:
            await going.run_post()
    except asyncio.CancelledError:
        live.cancelled = True
        going.cut(CANCELLED)
    except Exception as error:  # noqa: BLE001 - the run boundary: a recording may hold anything
        _log.exception("run %s broke", live.run.run_id)
        going.cut(f"{type(error).__name__}: {error}")
        going.error = going.error or _story(error)


def _story(error: Exception) -> str:
    return f"{ENGINE}: {type(error).__name__}: {error}"
