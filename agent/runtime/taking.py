"""How a run that another process began is taken up: what it needs, and what forbids it.

Invariant: it goes on only with exactly what it began with. A graph, prompt, node or tool of another
revision ends it as ``interrupted``; it is never continued on a guess.
"""

from agent.core.effects import Effect
from agent.core.errors import Conflict
from agent.core.journal import Fold, Held, Spot
from agent.core.revisions import changed
from agent.core.runs import Run
from agent.debugger.editor import Editor
from agent.engine.stops import BETWEEN
from agent.runtime.channels import Channel
from agent.runtime.library import Edition
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.operator import Taken
from agent.runtime.parts import Parts
from agent.runtime.pins import held_then, manifest_of


class Written:
    """The journal of what is in the journal already."""

    def intent(self, effect: Effect) -> None:
        """Do nothing."""
        del effect

    async def secure(self, effect: Effect) -> None:
        """Do nothing."""
        del effect

    def result(self, effect: Effect) -> None:
        """Do nothing."""
        del effect


async def same_edition(parts: Parts, run: Run) -> Edition:
    """Return the edition that ``run`` began with, with what the databases held then.

    Raises:
        UnknownGraph: its graph is gone.
        Conflict: something of it has changed; names what.
    """
    old = await manifest_of(parts.store, run.revision)
    held = await held_then(parts.store, old) or await parts.databases.schemas()
    edition = parts.library.edition(run.graph).knowing(held)
    if edition.program.revision != run.revision:
        what = ", ".join(changed(old, edition.manifest)) if old else "its revision"
        raise Conflict(f"these have changed since: {what}")
    return edition


async def go_back(parts: Parts, channel: Channel, run: Run) -> None:
    """Have the channel be as it was before the run that ``run`` goes on with."""
    if not run.resumed_from or channel.row.head == run.parent:
        return
    if not run.parent:
        channel.begin_with(run.base)
        return
    ends = await parts.store.lineage(run.parent, turns=WINDOW, snapshot=True)
    channel.set(head=run.parent)
    channel.restore(state_of(ends), turns_of(ends, WINDOW), ends)


def worked_ms(fold: Fold) -> float:
    """How long the frames took that are there."""
    return fold.frames[-1].ended - fold.frames[0].started if fold.frames else 0.0


def taken_of(fold: Fold, *, held: bool) -> Taken:
    """Return where a run is to be held again, and what was edited there."""
    last = fold.frames[-1].frame if fold.frames else 0
    unfinished = fold.unfinished
    return Taken(
        held=(fold.held or _anywhere(last)) if held else None,
        edits=Editor(unfinished.values()),
        recorded=frozenset(name for name, effect in unfinished.items() if effect.ended),
    )


def _anywhere(last: int) -> Held:
    """The disk knows that it was held, not where: hold it before its next frame."""
    spot = Spot(frame=last + 1, node="")
    reason = "held when the process ended"
    return Held(spot=spot, frame=last, node="", place=BETWEEN, reason=reason, worked_ms=0.0)
