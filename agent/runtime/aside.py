"""A run beside the channels: it has a number and a trace of its own and changes nobody's state."""

import asyncio
import logging
from collections.abc import Callable, Mapping

import msgspec

from agent.core.events import FrameTraced
from agent.core.frames import Envelope, FrameTrace, Summary
from agent.core.ids import NO_CHANNEL, RunId
from agent.core.journal import trace_of
from agent.core.runs import Run, RunKind, RunStatus, advance, anew
from agent.engine.engine import ENGINE, Pass
from agent.runtime.library import Edition
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts, status_event
from agent.runtime.ports import End

_log = logging.getLogger(__name__)
Number = Callable[[], tuple[int, RunId]]
"""Gives the next run number and its id."""
NOTHING_LEFT = End(parent=0, history_len=0, since_snapshot=0)


async def begin(
    parts: Parts,
    source: Run,
    name: tuple[int, RunId],
    edition: Edition,
    *,
    kind: RunKind,
    replay_of: str = "",
    fork_of: str = "",
) -> LiveRun:
    """Accept a run made like ``source`` and set it running; it is on disk when this returns."""
    now = parts.clock.now_ms()
    queued = msgspec.structs.replace(
        anew(source, *name, now),
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
    await parts.store.accept(run)
    parts.hub.publish(status_event(run))
    return LiveRun(run, parts.store, parts.hub.publish, asyncio.get_running_loop())


async def drive(live: LiveRun, going: Pass, pending: Mapping[str, Envelope], *, post: bool) -> None:
    """Run all frames, and the post-frames if asked; what it breaks on becomes its error."""
    try:
        await going.run(pending)
        live.run = msgspec.structs.replace(live.run, total_ms=round(going.worked_ms(), 3))
        if post and not going.error:
            await going.run_post()
    except Exception as error:  # noqa: BLE001 - the run boundary: a recording may hold anything
        _log.exception("run %s broke", live.run.run_id)
        going.cut(f"{type(error).__name__}: {error}")
        going.error = going.error or f"{ENGINE}: {type(error).__name__}: {error}"


async def end(
    parts: Parts, live: LiveRun, going: Pass, left: Callable[[Run], End] = lambda _: NOTHING_LEFT
) -> FrameTrace:
    """Bring it to its terminal state, on disk and told, with what it left; return its trace."""
    status = RunStatus.ERROR if going.error else RunStatus.DONE
    run = live.run = advance(
        live.run,
        status,
        parts.clock.now_ms(),
        response=going.response,
        error=going.error,
        path=going.path,
        total_frames=going.ticks,
    )
    trace = trace_of(run, going.frames, going.post_frames, live.effects.values())
    summary = Summary(lambda: trace)
    await parts.store.finish(run, left(run), summary, None)
    parts.hub.publish(status_event(run))
    parts.hub.publish(
        FrameTraced(node=ENGINE, run_id=run.run_id, channel=NO_CHANNEL, trace=summary)
    )
    return trace
