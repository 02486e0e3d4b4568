"""What a run left, in the form that checks are judged on."""

from collections.abc import Sequence

import msgspec

from agent.cases.match import Evidence
from agent.core import controls
from agent.core.events import Event
from agent.core.frames import FrameTrace, summary
from agent.core.json import Json, fields, items
from agent.core.state import at


def evidence(trace: FrameTrace, events: Sequence[Event], state: Json) -> Evidence:
    """Gather what is known of a run that ended in ``state`` and published ``events``."""
    good = trace.outcome == "done"
    why = trace.error or "no reason given"
    return Evidence(
        run_id=trace.run_id,
        trouble="" if good else f"the run ended with {trace.outcome}: {why}",
        response=trace.response,
        actions=buttons(state),
        state=state_shown(state),
        trace=summary(trace),
        events=tuple(msgspec.to_builtins(event) for event in events),
    )


def state_shown(state: Json) -> Json:
    """Return a channel's state as checks read it: as ``GET /api/state`` does."""
    return {"memorizer": at(state, "memory"), "ui": at(state, "ui")}


def buttons(state: Json) -> tuple[Json, ...]:
    """Return the buttons that a page in ``state`` shows."""
    shown = controls.current(at(state, "ui"))
    return tuple(c for c in items(shown) if fields(c).get("type", "button") == "button")
