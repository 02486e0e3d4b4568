"""A recorded run, put together again from its rows."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent.core.errors import UnknownGraph, UnknownRun
from agent.core.frames import FrameTrace, encoded
from agent.core.journal import Fold, Row, trace_of
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.runtime.library import Library
from agent.runtime.ports import Store

T = TypeVar("T")
MANY_ROWS = 200
"""From here on a trace is put together beside the event loop."""
SKELETON = b'"skeleton":true'
"""What tells a skeleton from the summary of a run that needs none."""


def entry(library: Library, run: Run) -> str:
    """Return the role of the node that ``run`` began at; empty when its graph is gone."""
    try:
        spec = library.spec(run.graph)
    except UnknownGraph:
        return ""
    return spec.action_start if run.action else spec.start


async def recording(store: Store, library: Library, run: Run) -> FrameTrace:
    """Return the trace of ``run``; one that a crash cut ends with an ``interrupted`` frame."""
    rows = await store.rows(run.n)
    return await aside(len(rows), lambda: traced(library, run, rows))


async def aside(size: int, work: Callable[[], T]) -> T:
    """Do ``work`` on a trace of ``size`` rows: here, or beside the event loop when it is large."""
    return work() if size < MANY_ROWS else await asyncio.to_thread(work)


def traced(library: Library, run: Run, rows: Sequence[Row]) -> FrameTrace:
    """Return what ``rows`` of ``run`` add up to."""
    fold = Fold(rows)
    frames = (*fold.frames,)
    if run.status is RunStatus.INTERRUPTED:
        frames += fold.broken(entry(library, run), run.started or run.created)
    return trace_of(run, frames, fold.post_frames, fold.effects.values())


async def whole(store: Store, library: Library, run: Run) -> bytes:
    """Return the full trace of ``run``, its effects included, encoded."""
    rows = await store.rows(run.n)
    return await aside(len(rows), lambda: encoded(traced(library, run, rows)))


async def skeleton(store: Store, library: Library, run: Run) -> bytes:
    """Return the full trace of ``run``, or of a large one its visits without their contents."""
    body = await store.skeleton(run.n) if run.status.terminal else None
    return body if body and SKELETON in body else await whole(store, library, run)


async def frame_of(store: Store, run: Run, frame: int) -> Json:
    """Return one frame of ``run``.

    Raises:
        UnknownRun: there is no such frame.
    """
    fold = Fold(await store.frame_rows(run.n, frame))
    if not fold.frames and not fold.post_frames and not fold.effects:
        raise UnknownRun(f"run {run.run_id} has no frame {frame}")
    return {
        "run_id": run.run_id,
        "frame": frame,
        "frames": fold.frames,
        "post_frames": fold.post_frames,
        "effects": [*fold.effects.values()],
    }
