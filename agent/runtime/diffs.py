"""Any two runs side by side, compared in a thread: two long ones take a second of work."""

import msgspec

from agent.core.errors import Conflict
from agent.core.json import Json
from agent.core.runs import Run
from agent.debugger.cause import cause
from agent.debugger.diff import Side, compare, first_of
from agent.engine.threads import in_thread
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.parts import Parts
from agent.runtime.pins import manifest_of, mark_of, texts_of
from agent.runtime.recordings import recording


async def diff(parts: Parts, left: Run, right: Run) -> bytes:
    """Return how two runs differ, encoded."""
    one, two = await _side(parts, left), await _side(parts, right)
    return await in_thread(lambda: compared(one, two), "diff")


async def _side(parts: Parts, run: Run) -> Side:
    store = parts.store
    ends = await store.lineage(run.parent, turns=WINDOW, snapshot=True)
    manifest = await manifest_of(store, mark_of(run))
    try:
        texts = await texts_of(store, manifest) if manifest else {}
    except Conflict:  # what is not kept is not compared
        texts = dict[str, str]()
    return Side(
        trace=await recording(store, parts.library, run),
        manifest=manifest,
        texts=texts,
        state=state_of(ends) if run.parent else run.base,
        history=turns_of(ends, WINDOW),
        given=[run.dashboard, run.sensor, run.identity, run.data],
    )


def compared(left: Side, right: Side) -> bytes:
    """Return how two sides differ, encoded; no input, no output, so any thread may."""
    found = compare(left, right)
    parting = found.parting
    answer: dict[str, Json] = {
        "left": left.trace.run_id,
        "right": right.trace.run_id,
        "identical": parting is None,
        "first_divergence": first_of(parting) if parting else None,
        "cause": cause(left, right, parting) if parting else None,
        "frames": found.rows,
        "deltas": found.deltas,
    }
    return msgspec.json.encode(answer)
