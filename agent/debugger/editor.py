"""The operator of a replay: holds nothing, and makes recorded edits again where they were made."""

from collections.abc import Iterable

from agent.core.effects import Effect
from agent.engine.stops import Stop


class Editor:
    """At the gate of a run that was recorded.

    Args:
        effects: the recording; its edits are made again.
    """

    stepping = False

    def __init__(self, effects: Iterable[Effect]) -> None:
        self._edits: dict[tuple[int, str, str], list[Effect]] = {}
        for effect in effects:
            if effect.kind == "operator_edit":
                place = (effect.frame, effect.node, effect.request["place"])
                self._edits.setdefault(place, []).append(effect)

    def __bool__(self) -> bool:
        """Whether anything was edited."""
        return bool(self._edits)

    def edits(self, frame: int, node: str, place: str) -> Iterable[Effect]:
        """Return the recorded edits of a place, in order."""
        return self._edits.get((frame, node, place), ())

    def wants(self, stop: Stop) -> str:
        """Hold nowhere."""
        del stop
        return ""

    async def ready(self, stop: Stop) -> None:
        """Return at once."""
        del stop

    async def quiet(self) -> None:
        """Return at once: nothing is held."""

    async def hold(self, stop: Stop) -> None:
        """Return at once."""
        del stop
