"""Going on with a run that a crash cut: a new run that carries what the old one had done.

Invariant: what the old run did is in the new one's journal before it begins, in the write that
accepts it. So it is never done again, however often the process dies, and the answer to "did that
write happen?" is given once and kept.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

import msgspec

from agent.core.effects import Effect, EffectError
from agent.core.errors import AgentError, Busy, Conflict, MovedOn, ToolFailed, UnknownOutcome
from agent.core.journal import Fold, Held, Intent, Row, Settled
from agent.core.json import Json
from agent.core.runs import Run, RunStatus, anew
from agent.crash import reached
from agent.engine.effects import CUT
from agent.runtime.aside import Number
from agent.runtime.channels import Channel
from agent.runtime.desk import BUSY
from agent.runtime.parts import Parts
from agent.runtime.ports import Key
from agent.runtime.taking import same_edition

Unknown = Literal["run", "done", "fail"]
"""What to do with a write that was cut off: do it again, take it as done, or as failed."""
FORK = "fork it to go on with what is there now"
LOST = "the process ended while it was at work, and it counts as failed"


class Resumes:
    """Makes the new runs.

    Args:
        parts: what the runtime is made of.
        number: gives the next run number and its id.
        admit: takes a new run into its channel.
    """

    def __init__(
        self,
        parts: Parts,
        number: Number,
        admit: Callable[[Channel, Run, Key, Sequence[Row]], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._number = number
        self._admit = admit

    async def resume(
        self, lane: Channel, source: Run, unknown: Unknown | None, result: Json
    ) -> Run:
        """Accept a run that goes on where ``source`` was cut; on disk when this returns.

        Raises:
            Conflict: it was not cut, has been gone on with, or something of it has changed.
            Busy: a run is active or queued.
            MovedOn: it is not the conversation's last.
            UnknownOutcome: a write was cut off, and ``unknown`` does not say what became of it.
        """
        if source.status is not RunStatus.INTERRUPTED:
            raise Conflict(
                f"run {source.run_id} is {source.status}; only one that was interrupted goes on"
            )
        key = Key(key=f"/resume/{source.run_id}", body_hash="")
        await self._first(source, key)
        await self._same(source)
        rows = await self._parts.store.rows(source.n)
        carried = carry(
            rows, unknown, self._parts.redactor.json(result), self._parts.clock.now_ms()
        )
        run = self._follower(source)
        if lane.busy:
            raise Busy(BUSY)
        if lane.row.head != source.n:
            raise MovedOn(
                f"the conversation went on after run {source.run_id}; POST /api/head with it as "
                f"run_id goes back there, or {FORK}"
            )
        await self._admit(lane, run, key, carried)
        reached("resume.accepted")
        return run

    async def _first(self, source: Run, key: Key) -> None:
        known = await self._parts.store.key(key.key)
        earlier = None if known is None else await self._parts.store.run(known.n)
        if earlier is not None and (earlier.started or not earlier.status.terminal):
            raise Conflict(f"run {source.run_id} went on as {earlier.run_id}; go on with that one")

    async def _same(self, source: Run) -> None:
        try:
            await same_edition(self._parts, source)
        except AgentError as error:
            raise Conflict(f"run {source.run_id} cannot go on: {error}; {FORK}") from None

    def _follower(self, source: Run) -> Run:
        made = anew(source, *self._number(), self._parts.clock.now_ms())
        return msgspec.structs.replace(made, kind="resume", resumed_from=source.run_id)


def cut_writes(effects: Iterable[Effect]) -> list[Effect]:
    """Return the writes whose outcome nobody knows."""
    return [e for e in effects if e.write and (e.ended is None or e.error == CUT)]


def outcomes(effects: Iterable[Effect]) -> str:
    """Name the writes whose outcome nobody knows; empty when there are none."""
    names = ", ".join(f"{effect.name} ({effect.effect_id})" for effect in cut_writes(effects))
    return f"unknown outcome: {names}" if names else ""


def carry(rows: Sequence[Row], unknown: Unknown | None, result: Json, at: float) -> list[Row]:
    """Return the journal that the new run begins with.

    Raises:
        UnknownOutcome: a write was cut off, and ``unknown`` is not given.
    """
    effects = Fold(rows).unfinished.values()
    cut = [effect.effect_id for effect in cut_writes(effects)]
    if cut and unknown is None:
        raise UnknownOutcome(
            f"{outcomes(effects)}; look whether it happened, then say what it is with "
            '"unknown": "run" (do it again), "done" (it happened; "result" is what it returned) or '
            '"fail" (it did not; the node is told)'
        )
    kept = [row for row in rows if not isinstance(row, Held)]
    if unknown == "run":
        return [row for row in kept if _effect_of(row) not in cut]
    if unknown == "done":
        return [*kept, *(Settled(effect_id=name, ended=at, response=result) for name in cut)]
    failure = ToolFailed("unknown_outcome", LOST)
    error = EffectError(code=failure.code, detail=str(failure))
    return [*kept, *(Settled(effect_id=name, ended=at, error=error) for name in cut)]


def _effect_of(row: Row) -> str:
    match row:
        case Intent():
            return row.effect.effect_id
        case Settled():
            return row.effect_id
        case _:
            return ""
