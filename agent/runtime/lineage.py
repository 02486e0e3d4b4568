"""A conversation is a chain of ended runs, each a delta on its parent; here it is read back.

Nothing on the way costs more than what is asked for: state needs the ends back to the nearest
snapshot (at most ``SNAPSHOT_EVERY``), history as many as hold the turns wanted.
"""

from collections.abc import Callable, Sequence

from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.state import apply
from agent.runtime.ports import End

SNAPSHOT_EVERY = 32
WINDOW = 40
"""Turns of the conversation that a run is given."""


def walk(get: Callable[[int], End | None], head: int, turns: int, *, snapshot: bool) -> list[End]:
    """Follow parents from ``head``, newest first, as far as ``turns`` and ``snapshot`` ask."""
    found: list[End] = []
    held, state_done = 0, not snapshot
    while head and (held < turns or not state_done):
        end = get(head)
        if end is None:
            break
        found.append(end)
        held += len(end.turns)
        state_done = state_done or end.snapshot is not None
        head = end.parent
    return found


def state_of(ends: Sequence[End]) -> Json:
    """Fold the state from ends, newest first, that reach back to a snapshot."""
    fresh = next((place for place, end in enumerate(ends) if end.snapshot is not None), None)
    if fresh is None:
        return None
    state: Json = ends[fresh].snapshot
    for end in reversed(ends[:fresh]):
        state = apply(state, end.changes)
    return state


def turns_of(ends: Sequence[End], count: int) -> tuple[Turn, ...]:
    """Return the last ``count`` turns held by ends, oldest first."""
    turns = [turn for end in reversed(ends) for turn in end.turns]
    return tuple(turns[-count:]) if count else ()
