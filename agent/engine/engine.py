"""The tick loop: pick, dispatch, wait for all, merge in declared order, record, go on.

Invariants:
* A frame ends when all of its nodes have ended, never on a timer, and a node that fails does not
  cancel its siblings.
* Nodes of a tick are begun in declared order; when one waits, the rest get tasks and begin at once.
* Results merge in the order the graph declares its nodes. Completion order decides nothing that is
  recorded, so the same effects always give the same trace.
* State changes of a frame become visible to other nodes with the next frame.
* A run can be held only where a gate is attached: between frames, between nodes that are stepped,
  and at effects. Without one nothing is asked and nothing is paid.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec

from agent.core.errors import BudgetExceeded
from agent.core.events import Event, FrameClosed, FrameOpened
from agent.core.frames import Envelope, FrameRecord, preview
from agent.core.json import Json
from agent.core.state import Change, apply
from agent.engine.context import Context, Scene, World
from agent.engine.effects import EffectPort
from agent.engine.gate import Gate, Operator
from agent.engine.police import INSIDE
from agent.engine.presence import divert
from agent.engine.program import Program
from agent.engine.stops import Tick
from agent.engine.visits import Visit, follow, followed
from agent.engine.work import side_by_side, work

ENGINE = "frame_engine"


class Recorder(Protocol):
    """Where frames are written, in order."""

    def closed(self, records: tuple[FrameRecord, ...], *, post: bool) -> None:
        """A tick has ended; frames and the changes in them are one write."""
        ...


class Pass:
    """One pass of one input through a program.

    Args:
        program: the graph.
        world: what nodes can reach.
        scene: what the run was given.
        port: the way to the world, live or recorded.
        recorder: where frames are written.
        emit: where the nodes' events go.
        publish: where the engine's own events go.
        state: the channel's state before the run.
    """

    def __init__(
        self,
        program: Program,
        world: World,
        scene: Scene,
        port: EffectPort,
        recorder: Recorder,
        emit: Callable[[Event], object],
        publish: Callable[[Event], object],
        state: Json,
    ) -> None:
        self._program = program
        self._world = world
        self._scene = scene
        self._port = port
        self._recorder = recorder
        self._emit = emit
        self._publish = publish
        self._visits: dict[str, int] = {}
        self._monotonic = world.clock.monotonic
        self._work = partial(work, world.clock.monotonic, world.clock.now_ns)
        self._open: Sequence[Visit] = ()
        self._gate: Gate | None = None
        self._began = 0.0
        self._answered = False
        self.ticks = 0
        self.error = ""
        self.state = state
        self.frames: list[FrameRecord] = []
        self.post_frames: list[FrameRecord] = []

    @property
    def response(self) -> str:
        """All that was told to the user, in frame order."""
        return "".join([record.said for record in self.frames if record.said])

    @property
    def path(self) -> str:
        """Name of the way through the graph."""
        visited: Collection[str] = self._visits  # in the order of the frames, but for post-frames
        if self.post_frames:
            visited = dict.fromkeys([record.node for record in self.frames])
        return self._program.path(visited)

    def worked_ms(self) -> float:
        """How long it has worked on the answer; the time it was held does not count."""
        return (self._monotonic() - self._began) * 1000

    def attach(self, operator: Operator) -> None:
        """Have ``operator`` stand at the gate from here on, also for the nodes at work.

        Post-frames have no gate: once the answer is complete this does nothing.
        """
        if self._answered:
            return
        gate = self._gate = Gate(operator, self._port, self._monotonic, self._held)
        self._port = gate
        gate.begun(self._open)
        for visit in self._open:
            divert(visit.context, gate)

    def _held(self, lost: float) -> None:
        """Time that a run is held is no time of its own."""
        self._began += lost
        for visit in self._open:
            if not visit.took:
                visit.began += lost

    def take_up(self, frames: Sequence[FrameRecord], worked_ms: float = 0.0) -> dict[str, Envelope]:
        """Go on behind ``frames``, which another process has closed; return what is pending."""
        self.frames += frames
        self._began = -worked_ms / 1000
        self.ticks = frames[-1].frame if frames else 0
        failed = next((record for record in frames if record.error), None)
        if failed is not None:
            self.error = f"{failed.node}: {failed.error}"
        for record in frames:
            self._visits[record.node] = record.visit
        return followed(record for record in frames if record.frame == self.ticks)

    async def run(self, pending: Mapping[str, Envelope]) -> None:
        """Run frames until nothing is pending or a node failed."""
        self._began += self._monotonic()
        inside = INSIDE.set(True)
        try:
            await self._frames(pending)
        finally:
            INSIDE.reset(inside)

    async def _frames(self, pending: Mapping[str, Envelope]) -> None:
        budget = self._program.spec.frame_budget
        while True:
            if self._gate is not None:
                pending = await self._pass(self._gate, pending)
            if not pending or self.error:
                return
            if self.ticks >= budget:
                waiting = "+".join(pending)
                self.error = f"{BudgetExceeded.slug}: {budget} frames, {waiting} still pending"
                return
            self.ticks += 1
            pending = await self._tick(self.ticks, pending, self.frames, post=False)

    async def _pass(self, gate: Gate, pending: Mapping[str, Envelope]) -> dict[str, Envelope]:
        """Stand before the gate between two frames; what is pending may change there."""
        order = self._program.order
        tick = Tick(
            frame=self.ticks + 1,
            pending={} if self.error else dict(pending),
            state=self.state,
            visits={role: self._visits.get(role, 0) + 1 for role in order},
            closed=tuple([record for record in self.frames if record.frame == self.ticks]),
            roles=tuple([r for r in order if r not in self._program.post]),
        )
        await gate.between(tick)
        self.state = tick.state
        return tick.pending

    async def run_post(self) -> None:
        """Run the nodes that follow the answer, in one tick that is not counted."""
        if self._gate is not None:
            self._port, self._gate = self._gate.behind, None
        self._answered = True
        if not self._program.post:
            return
        turn = Envelope(
            kind="turn", text=self._scene.message, data={"response": self.response}, sender=ENGINE
        )
        pending = dict.fromkeys(self._program.post, turn)
        inside = INSIDE.set(True)
        try:
            await self._tick(self.ticks + 1, pending, self.post_frames, post=True)
        finally:
            INSIDE.reset(inside)

    def cut(self, reason: str) -> None:
        """Close what was open when the run was stopped from outside; its changes are dropped."""
        if not self._open:
            return
        for visit in self._open:
            if not visit.took:
                visit.took = (self._monotonic() - visit.began) * 1000
                visit.error = reason
        post = self._open[0].bound.spec.post
        records = tuple([self._record(visit, (), "", "") for visit in self._open])
        self._close(records, self.post_frames if post else self.frames, post=post)

    async def _tick(
        self, frame: int, pending: Mapping[str, Envelope], into: list[FrameRecord], *, post: bool
    ) -> dict[str, Envelope]:
        scene, publish = self._scene, self._publish
        nodes, counts = self._program.nodes, self._visits
        if len(pending) == 1:
            (role,) = pending
            roles = nodes[role].alone
        else:
            roles = tuple(sorted(pending, key=self._program.order.__getitem__))
        publish(
            FrameOpened(
                node=ENGINE,
                run_id=scene.run_id,
                channel=scene.channel,
                frame=frame,
                nodes=roles,
                post=post,
            )
        )
        visits: list[Visit] = []
        for role in roles:
            bound = nodes[role]
            count = counts[role] = counts.get(role, 0) + 1
            context = Context(
                self._world, scene, self._port, self._emit, bound.spec, frame, count, self.state
            )
            visits.append(Visit(bound, pending[role], context))
        self._open = visits
        if self._gate is not None:
            self._gate.begun(visits)
        left = visits if self._gate is None else await self._step(self._gate, visits)
        if len(left) == 1:
            await self._work(left[0])
        else:
            await side_by_side(left, self._work)
        return self._merge(visits, into, post=post)

    async def _step(self, gate: Gate, visits: list[Visit]) -> list[Visit]:
        """Work one after the other as long as nodes are stepped; return who is left."""
        for place, visit in enumerate(visits):
            if not await gate.step(visits[place:], first=not place):
                return visits[place:]
            await self._work(visit)
        return []

    def _merge(
        self, visits: list[Visit], into: list[FrameRecord], *, post: bool
    ) -> dict[str, Envelope]:
        following: dict[str, Envelope] = {}
        records: list[FrameRecord] = []
        for visit in visits:
            role, output, changes = visit.bound.role, visit.output, visit.context.changes
            if changes:
                self.state = apply(self.state, changes)
            label = condition = ""
            if visit.error:
                self.error = self.error or f"{role}: {visit.error}"
            elif output is not None:
                if output.sender != role:
                    output = visit.output = msgspec.structs.replace(output, sender=role)
                for route in visit.bound.routes:
                    if route.holds is None or route.holds(output):
                        label, condition = route.label, route.condition
                        follow(following, route.targets, output)
                        break
            records.append(self._record(visit, changes, label, condition))
        self._close(tuple(records), into, post=post)
        return following

    def _record(
        self, visit: Visit, changes: tuple[Change, ...], route: str, condition: str
    ) -> FrameRecord:
        context = visit.context
        return FrameRecord(
            frame=context.frame,
            node=visit.bound.role,
            visit=context.visit,
            started=visit.started,
            duration_ms=visit.took,
            input=visit.envelope,
            output=visit.output,
            said=context.said,
            route=route,
            condition=condition,
            error=visit.error,
            changes=changes,
            effects=context.effects,
        )

    def _close(
        self, records: tuple[FrameRecord, ...], into: list[FrameRecord], *, post: bool
    ) -> None:
        self._open = ()
        into += records
        self._recorder.closed(records, post=post)
        scene, publish = self._scene, self._publish
        for record in records:
            publish(
                FrameClosed(
                    node=record.node,
                    run_id=scene.run_id,
                    channel=scene.channel,
                    frame=record.frame,
                    visit=record.visit,
                    duration_ms=record.duration_ms,
                    output=preview(record.output, record.said),
                    route=record.route,
                    condition=record.condition,
                    error=record.error,
                    post=post,
                )
            )
