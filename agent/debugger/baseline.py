"""A run that others are compared with while they work, to hold them where they first differ."""

from agent.core.frames import FrameRecord, FrameTrace
from agent.core.json import canonical, digest
from agent.engine.stops import AtEffect, Stop

COMPARED = ("output", "said", "route", "condition", "error")


class Baseline:
    """What a recorded run did, by place.

    Args:
        trace: the recording.
    """

    def __init__(self, trace: FrameTrace) -> None:
        self._records = {(record.frame, record.node): record for record in trace.frames}
        self._asked = {effect.effect_id: effect.request_hash for effect in trace.effects}

    def differs(self, stop: Stop, node: str, record: FrameRecord | None) -> bool:
        """Tell whether a run is elsewhere at ``stop``: in a record, a node, or a request."""
        if record is not None:
            return self._differs(record)
        if isinstance(stop, AtEffect):
            return self._asked.get(stop.effect_id) != digest(stop.ask.request)
        return (stop.frame, node) not in self._records

    def _differs(self, record: FrameRecord) -> bool:
        known = self._records.get((record.frame, record.node))
        return known is None or any(
            canonical(getattr(known, name)) != canonical(getattr(record, name)) for name in COMPARED
        )
