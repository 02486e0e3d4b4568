"""A recorded run, put together again from its rows."""

from agent.core.errors import UnknownGraph
from agent.core.frames import FrameTrace
from agent.core.journal import Fold, trace_of
from agent.core.runs import Run, RunStatus
from agent.runtime.library import Library
from agent.runtime.ports import Store


def entry(library: Library, run: Run) -> str:
    """Return the role of the node that ``run`` began at; empty when its graph is gone."""
    try:
        spec = library.spec(run.graph)
    except UnknownGraph:
        return ""
    return spec.action_start if run.action else spec.start


async def recording(store: Store, library: Library, run: Run) -> FrameTrace:
    """Return the trace of ``run``; one that a crash cut ends with an ``interrupted`` frame."""
    fold = Fold(await store.rows(run.n))
    frames = (*fold.frames,)
    if run.status is RunStatus.INTERRUPTED:
        frames += fold.broken(entry(library, run), run.started or run.created)
    return trace_of(run, frames, fold.post_frames, fold.effects.values())
