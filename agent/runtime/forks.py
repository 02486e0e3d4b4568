"""Forks beside the live runs: estimated first, then run, in no channel, with an end to adopt."""

import logging
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agent.core.errors import Conflict, Unconfirmed, Unprocessable
from agent.core.frames import FrameTrace
from agent.core.json import Json
from agent.core.runs import Run
from agent.core.state import at
from agent.debugger.account import Account, done
from agent.debugger.edits import ForkEdit, Known, notes_of, plan
from agent.debugger.fork import Careful, estimate, forking
from agent.debugger.ground import Ground, Stand, ground
from agent.debugger.refit import refit
from agent.engine.effects import EffectPort, LivePort
from agent.engine.engine import Pass
from agent.runtime.aside import Asides
from agent.runtime.library import Edition, prompts_of
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts, opening, scene_of, turns_of_run
from agent.runtime.pins import keep_once
from agent.runtime.ports import End
from agent.runtime.recordings import recording
from agent.runtime.refits import refuse_foreign, rendering
from agent.runtime.templates import broken_template

_log = logging.getLogger(__name__)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork is to be."""

    frame: int = 1
    """The first that may run again."""
    edits: tuple[ForkEdit, ...] = ()
    """None: the current graph, prompts and nodes against the recording."""
    post: bool = False
    confirm: bool = False
    dry_run: bool = False


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork begins with."""

    edition: Edition
    stand: Stand
    ends: Sequence[End]
    local: bool


class Forks:
    """Forks recorded runs.

    Args:
        parts: what the runtime is made of.
        asides: where forks run.
    """

    def __init__(self, parts: Parts, asides: Asides) -> None:
        self._parts = parts
        self._asides = asides

    async def fork(self, source: Run, wish: Wish) -> Json:
        """Go on with ``source`` as ``wish`` says; return what was, or would be, done for it.

        Raises:
            Conflict: it has not ended yet, or never began.
            Unprocessable: frame or an edit does not fit.
            Unconfirmed: a tool that writes would be called.
        """
        if not source.status.terminal:
            raise Conflict(f"run {source.run_id} is {source.status}; it can be forked when ended")
        if not source.revision:
            raise Conflict(f"run {source.run_id} never began; there is nothing to fork")
        start = await self._start(source, wish)
        post = wish.post and not start.local
        guess = await estimate(start.stand, self._parts.redactor, post=post)
        if wish.dry_run:
            return _told(None, guess)
        if guess.writes and not wish.confirm:
            names = ", ".join(f"{w.tool} (frame {w.frame}, {w.node})" for w in guess.writes)
            raise Unconfirmed(f"the fork would call tools that write: {names}; confirm to go on")
        await keep_once(self._parts.store, start.edition)
        begun = self._asides.begin(source, start.edition, kind="fork", fork_of=source.run_id)
        async with begun as live:
            trace = await self._run(live, start, post=post, confirm=wish.confirm)
        return _told(trace, done(start.stand.ground, trace))

    async def _start(self, source: Run, wish: Wish) -> _Start:
        parts = self._parts
        schemas = await parts.databases.schemas()
        edition = parts.library.knowing(source.graph, schemas)
        trace = await recording(parts.store, parts.library, source)
        if source.imported_from:
            refuse_foreign(trace)
        ends = await parts.store.lineage(source.parent, turns=WINDOW, snapshot=True)
        state: Json = state_of(ends) if source.parent else source.base
        begun = opening(source, edition.program.spec, at(state, "ui"))
        at_frame = ground(trace, wish.frame, state, begun.pending)
        known = replace(source, origin=source.origin or source.run_id)
        stand = Stand(
            ground=at_frame,
            **self._edited(edition, at_frame, wish),
            world=self._asides.world(edition),
            scene=scene_of(known, turns_of(ends, WINDOW)),
        )
        return _Start(edition=edition, stand=stand, ends=ends, local=begun.local)

    def _edited(self, edition: Edition, at_frame: Ground, wish: Wish) -> dict[str, Json]:
        """Return how the program is made, and what the gate edits."""
        redactor, program, trace = self._parts.redactor, edition.program, at_frame.trace
        order = program.order
        _installed(at_frame, edition)
        known = Known(
            frame=wish.frame,
            pending=sorted(at_frame.pending, key=order.__getitem__),
            roles=(*order,),
            prompts=prompts_of(edition),
            effects=at_frame.effects,
        )
        edits = [replace(edit, value=redactor.json(edit.value)) for edit in wish.edits]
        planned = plan(edits, known)
        _compiled(edits)
        notes = (*notes_of(trace.effects), *planned.notes)
        held = [
            effect
            for effect in trace.effects
            if effect.kind == "operator_edit" and effect.frame >= wish.frame
        ]
        renders = rendering(edition)
        return {
            "fit": lambda: refit(program, notes, renders, begun=wish.frame),
            "edits": (*held, *planned.held),
        }

    async def _run(self, live: LiveRun, start: _Start, *, post: bool, confirm: bool) -> FrameTrace:
        parts, stand = self._parts, start.stand
        begun = (live.run.started or live.run.created) - stand.ground.worked_ms
        live.run = replace(live.run, started=begun)
        scene = replace(stand.scene, run_id=live.run.run_id, channel=live.run.channel)
        stand = replace(stand, scene=scene)
        port: EffectPort = LivePort(parts.clock, live, parts.redactor)
        port = port if confirm else Careful(port)
        moved = begun - stand.ground.trace.started
        going = forking(stand, port, live, live.emit, moved)
        await self._asides.drive(live, going, stand.ground.pending, post=post)
        return await self._asides.end(live, going, lambda run: _left(run, going, start))


def _left(run: Run, going: Pass, start: _Start) -> End:
    """Return what is there for a channel that adopts the fork."""
    turns = turns_of_run(run, local=start.local)
    before = start.ends[0].history_len if start.ends else 0
    return End(
        parent=run.parent,
        history_len=before + len(turns),
        since_snapshot=0,
        turns=turns,
        snapshot=going.state,
    )


def _installed(at_frame: Ground, edition: Edition) -> None:
    for role in at_frame.pending:
        if role not in edition.program.nodes:
            raise Conflict(
                f"at frame {at_frame.frame} the run goes to {role!r}, which is no node of "
                f"{edition.manifest.graph!r} any more; fork at an earlier frame"
            )


def _compiled(edits: Sequence[ForkEdit]) -> None:
    for place, edit in enumerate(edits):
        fault = broken_template(edit.value) if edit.target == "prompt" else ""
        if fault:
            raise Unprocessable(f"edits[{place}].value: {fault}")


def _told(trace: FrameTrace | None, account: Account) -> Json:
    made = {"run_id": trace and trace.run_id, "status": trace.outcome if trace else ""}
    return {**made, **msgspec.to_builtins(account)}
