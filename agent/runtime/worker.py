"""From an accepted run to its terminal state.

Order at the end: main frames, the answer (``done`` on the chat socket), post-frames; then run,
state, summary and head in one transaction; then the terminal status and the trace. What is
announced as ended is on disk.
"""

import asyncio
import logging
from collections.abc import Sequence

from msgspec.structs import replace

from agent.core.errors import AgentError, Overloaded
from agent.core.events import Answered, Failed, FrameTraced, Said
from agent.core.frames import FrameRecord, Summary
from agent.core.journal import INTERRUPTED, Fold, summary_of
from agent.core.json import Json
from agent.core.runs import Run, RunStatus, advance
from agent.core.state import apply, at
from agent.crash import reached
from agent.engine.context import World
from agent.engine.effects import EffectPort, LivePort, story
from agent.engine.engine import ENGINE, Pass
from agent.engine.mixed import MixedPort
from agent.runtime.channels import Channel
from agent.runtime.debug import Debug
from agent.runtime.library import Edition
from agent.runtime.live import LiveRun
from agent.runtime.parts import Opening, Parts, opening, scene_of, turns_of_run
from agent.runtime.pins import keep
from agent.runtime.ports import ChannelRow, End
from agent.runtime.processes import Processes
from agent.runtime.recordings import entry
from agent.runtime.resumes import outcomes
from agent.runtime.taking import Written, go_back, same_edition, taken_of, worked_ms

_log = logging.getLogger(__name__)
RETRY_S = 0.5
"""Pause between tries to write a terminal state that the disk refused."""


class Worker:
    """Executes runs, one at a time a channel."""

    def __init__(self, parts: Parts, processes: Processes, debug: Debug) -> None:
        self._parts = parts
        self._debug = debug
        self._processes = processes
        self._worlds: dict[str, World] = {}
        self._kept: set[str] = set()
        """Revisions whose texts are in the store."""

    async def execute(self, channel: Channel, live: LiveRun) -> None:
        """Take ``live`` to a terminal state; nothing a node does gets out of here."""
        if live.run.status is RunStatus.PAUSED or live.run.resumed_from:
            await self._take_up(channel, live)
            return
        try:
            schemas = await self._parts.databases.schemas()
            edition = self._parts.library.knowing(channel.row.graph, schemas)
        except AgentError as error:
            await self.refuse(live, RunStatus.ERROR, f"{error.slug}: {error}")
            return
        if edition.program.revision not in self._kept:
            await self._keep(edition)
        world = self._world(edition)
        if live.cancelled:
            await self._refuse_cancelled(live)
            return
        run = self._begin(channel, live, edition)
        live.task = channel.task
        start = opening(run, edition.program.spec, at(channel.state, "ui"))
        going = self._pass(edition, world, channel, live, self._live_port(live), channel.state)
        self._debug.begin(live, going)
        await self._drive(going, live, start)
        await self._finish(channel, live, going, local=start.local)

    def _live_port(self, live: LiveRun) -> LivePort:
        return LivePort(self._parts.clock, live, self._parts.redactor)

    def _pass(
        self,
        edition: Edition,
        world: World,
        channel: Channel,
        live: LiveRun,
        port: EffectPort,
        state: Json,
    ) -> Pass:
        scene = scene_of(live.run, tuple(channel.window))
        publish = self._parts.hub.publish
        return Pass(edition.program, world, scene, port, live, live.emit, publish, state)

    async def _take_up(self, channel: Channel, live: LiveRun) -> None:
        """Go on where a journal ends: with a run that was held there, or with one that resumes.

        The unfinished frame is done again, answered from the journal as far as that goes.
        """
        run, fold = live.run, Fold(await self._parts.store.rows(live.run.n))
        held = run.status is RunStatus.PAUSED
        try:
            edition = await same_edition(self._parts, run)
        except AgentError as error:
            if held:
                await self.interrupt(channel, live, f"it was held, and {error}")
            else:
                await self.refuse(live, RunStatus.ERROR, f"{error.slug}: {error}")
            return
        if live.cancelled and not held:
            await self._refuse_cancelled(live)
            return
        await go_back(self._parts, channel, run)
        live.take_up(fold)
        if not held:
            run = self._go_on(live)
        base: Json = channel.state if run.parent else run.base
        behind = MixedPort(fold.unfinished, Written(), self._live_port(live), on_miss="extend")
        world, state = self._world(edition), apply(base, fold.changes)
        going = self._pass(edition, world, channel, live, behind, state)
        taken = taken_of(fold, held=held)
        worked = taken.held.worked_ms if taken.held else worked_ms(fold)
        pending = going.take_up(fold.frames, worked)
        going.post_frames += fold.post_frames
        start = opening(run, edition.program.spec, at(base, "ui"))
        if pending or fold.frames:
            start = replace(start, pending=pending)
        live.task = channel.task
        if live.cancelled:  # before it could be held again
            self._answer(going, live)
        else:
            self._debug.begin(live, going, taken)
            await self._drive(going, live, start)
        cut = story(behind.miss.key, behind.miss.asked, behind.miss.expected) if behind.miss else ""
        await self._finish(channel, live, going, local=start.local, cut=cut)

    async def refuse(
        self, live: LiveRun, status: RunStatus, error: str, row: ChannelRow | None = None
    ) -> None:
        """End a run that never began; ``row`` is what its channel is then, whatever its head."""
        live.run = advance(live.run, status, self._parts.clock.now_ms(), error=error)
        end = End(parent=live.run.parent, history_len=0, since_snapshot=0)
        summary = summary_of(live.run, (), (), ())
        await self._persist(live.run, end, summary, row, moves=False)
        self._announce(live, summary)

    async def _refuse_cancelled(self, live: LiveRun) -> None:
        await self.refuse(live, RunStatus.CANCELLED, "cancelled before it began")

    async def interrupt(
        self, channel: Channel, live: LiveRun, why: str = "the process ended while it ran"
    ) -> None:
        """Close a run that the last process left unfinished, keeping what it had done."""
        await go_back(self._parts, channel, live.run)
        fold = Fold(await self._parts.store.rows(live.run.n))
        reached("recover.interrupted")
        begun, unknown = live.run.started or live.run.created, outcomes(fold.unfinished.values())
        frames = (*fold.frames, *fold.broken(entry(self._parts.library, live.run), begun))
        run = advance(
            live.run,
            RunStatus.INTERRUPTED,
            self._parts.clock.now_ms(),
            response=fold.response,
            error="; ".join(filter(None, (f"{INTERRUPTED}: {why}", unknown))),
            path=self._path(live.run, frames),
            total_frames=frames[-1].frame if frames else 0,
            total_ms=frames[-1].ended - frames[0].started if frames else 0.0,
        )
        live.effects = fold.effects
        state = apply(channel.state, fold.changes)
        await self._close(channel, live, run, frames, fold.post_frames, state, local=False)

    def _path(self, run: Run, frames: tuple[FrameRecord, ...]) -> str:
        try:
            program = self._parts.library.edition(run.graph).program
        except AgentError:
            return ""
        return program.path(dict.fromkeys(record.node for record in frames))

    def _world(self, edition: Edition) -> World:
        revision = edition.program.revision
        if revision not in self._worlds:
            world = self._parts.world(edition)
            self._worlds = {revision: replace(world, processes=self._processes)}
        return self._worlds[revision]

    async def _keep(self, edition: Edition) -> None:
        revision = edition.program.revision
        try:
            await keep(self._parts.store, edition)
        except Overloaded as error:  # the run counts more than its pins; the next one tries again
            _log.warning("revision %s is not kept: %s", revision, error)
        else:
            self._kept.add(revision)

    def _begin(self, channel: Channel, live: LiveRun, edition: Edition) -> Run:
        parts = self._parts
        head = channel.row.head
        run = live.run = advance(
            live.run,
            RunStatus.RUNNING,
            parts.clock.now_ms(),
            graph=edition.manifest.graph,
            revision=edition.program.revision,
            parent=head,
            base=None if head else channel.state,
            sensor=parts.sensor.snapshot,
        )
        live.stage = "input"
        self._begun(live)
        return run

    def _go_on(self, live: LiveRun) -> Run:
        """Begin a run that has everything that another one began with."""
        run = live.run = advance(live.run, RunStatus.RUNNING, self._parts.clock.now_ms())
        self._begun(live)
        return run

    def _begun(self, live: LiveRun) -> None:
        self._parts.store.update(live.run)
        live.tell_status()
        reached("run.begun")

    async def _drive(self, going: Pass, live: LiveRun, start: Opening) -> None:
        try:
            await going.run(start.pending)
            self._answer(going, live)
            if not (start.local or going.error or going.post_frames):
                await going.run_post()
        except asyncio.CancelledError:
            if not live.cancelled:
                raise  # the server goes down: the run stays unfinished, and is found so again
            going.cut("cancelled")
        except Exception as error:  # noqa: BLE001 - the run boundary: it ends this run, not the lane
            _log.exception("run %s broke", live.run.run_id)
            going.cut(f"{type(error).__name__}: {error}")
            going.error = going.error or f"{ENGINE}: {type(error).__name__}: {error}"
        finally:
            _settle(live)
            self._debug.end(live)
        if not live.answered:
            self._answer(going, live)

    def _answer(self, going: Pass, live: LiveRun) -> None:
        took = going.worked_ms() * 1e3 // 1 / 1e3  # whole microseconds
        run = live.run = replace(
            live.run, response=going.response, total_ms=took, error=going.error
        )
        live.answered = True
        publish, run_id, channel = self._parts.hub.publish, run.run_id, run.channel
        if going.error:
            publish(
                Failed(
                    node=ENGINE, run_id=run_id, channel=channel, code="node_failed",
                    detail=going.error,
                )
            )  # fmt: skip
        if run.response:
            text = run.response
            publish(Said(node=ENGINE, run_id=run_id, channel=channel, role="assistant", text=text))
        publish(Answered(node=ENGINE, run_id=run_id, channel=channel))
        reached("run.answered")

    async def _finish(
        self, channel: Channel, live: LiveRun, going: Pass, *, local: bool, cut: str = ""
    ) -> None:
        status, error = RunStatus.DONE, going.error
        if cut:
            status, error = RunStatus.INTERRUPTED, f"{INTERRUPTED}: {cut}"
        elif error:
            status = RunStatus.ERROR
        elif live.cancelled:
            status, error = RunStatus.CANCELLED, "cancelled"
        run = advance(
            live.run,
            status,
            self._parts.clock.now_ms(),
            error=error,
            path=going.path,
            total_frames=going.ticks,
        )
        frames, post_frames = going.frames, going.post_frames
        await self._close(channel, live, run, frames, post_frames, going.state, local=local)

    async def _close(
        self,
        channel: Channel,
        live: LiveRun,
        run: Run,
        frames: Sequence[FrameRecord],
        post_frames: Sequence[FrameRecord],
        state: Json,
        *,
        local: bool,
    ) -> None:
        live.run = run
        turns = turns_of_run(run, local=local)
        changes = ()
        if state is not channel.state:
            changes = tuple([change for r in (*frames, *post_frames) for change in r.changes])
        end = channel.end(run, state, turns, changes)
        before = channel.row
        row = replace(before, head=run.n, cleared=False)
        summary = summary_of(run, frames, post_frames, live.effects.values())
        await self._persist(run, end, summary, row)
        if channel.row is not before:  # something else of it was set meanwhile
            row = replace(channel.row, head=run.n, cleared=False)
        channel.move(row, state, end)
        self._announce(live, summary)

    async def _persist(
        self, run: Run, end: End, summary: Summary, row: ChannelRow | None, *, moves: bool = True
    ) -> None:
        finish = self._parts.store.finish
        while True:
            try:
                return await finish(run, end, summary, row, moves=moves)
            except Overloaded:
                await asyncio.sleep(RETRY_S)

    def _announce(self, live: LiveRun, summary: Summary) -> None:
        run, publish = live.run, self._parts.hub.publish
        live.tell_status()
        publish(FrameTraced(node=ENGINE, run_id=run.run_id, channel=run.channel, trace=summary))
        live.ended()


def _settle(live: LiveRun) -> None:
    """Take back what is left of cancelling ``live``: the task goes on to the next run."""
    task, live.task = live.task, None
    while live.cancelled and task is not None and task.cancelling():
        task.uncancel()
