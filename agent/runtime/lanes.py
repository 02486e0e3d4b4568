"""All channels of a runtime and the tasks that serve them.

Invariant: a channel's inbox is taken by one task, in order, so nothing here is locked. A run is in
``lives`` from the moment it is being written until its terminal state is on disk.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from agent.core.errors import Busy, Conflict, Overloaded, UnknownGraph
from agent.core.events import GraphSwitched, Queued, Said
from agent.core.journal import Row
from agent.core.runs import Run, RunStatus
from agent.crash import reached
from agent.runtime.channels import Channel, Switch
from agent.runtime.debug import Debug
from agent.runtime.desk import BUSY, channel_name
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import RUNTIME, Parts
from agent.runtime.ports import ChannelRow, Key, Loaded
from agent.runtime.processes import Processes
from agent.runtime.watchdog import Watchdog
from agent.runtime.worker import Worker

MAX_CHANNELS = 1000


class Lanes:
    """The channels, by name.

    Args:
        parts: what the runtime is made of.
        graph: name of the graph a new channel starts with.
        group: parent of the serving tasks.
    """

    def __init__(self, parts: Parts, graph: str, group: asyncio.TaskGroup) -> None:
        self.lives: dict[int, LiveRun] = {}
        """Runs that are not terminal, by number."""
        self._parts = parts
        self._graph = graph
        self._group = group
        self._loop = asyncio.get_running_loop()
        self.processes = Processes(group)
        self.debug = Debug(parts, self.open)
        self._worker = Worker(parts, self.processes, self.debug)
        self._watchdog = Watchdog(parts.hub, self._loop)
        self._channels: dict[str, Channel] = {}
        self._refusing: set[asyncio.Task[None]] = set()
        self._closing = False

    def open(self, name: str) -> Channel:
        """Return the channel of that name, making it when it is new.

        Raises:
            Unprocessable: it is not a name.
            Overloaded: there are too many.
        """
        lane = self._channels.get(name)
        if lane is None:
            lane = self._add(ChannelRow(name=channel_name(name), graph=self._graph))
        return lane

    def _add(self, row: ChannelRow) -> Channel:
        if len(self._channels) >= MAX_CHANNELS:
            raise Overloaded(f"there are {MAX_CHANNELS} channels already; use one of them")
        lane = self._channels[row.name] = Channel(row, self._loop)
        lane.task = self._group.create_task(self._serve(lane), name=f"channel {row.name}")
        return lane

    # In

    async def admit(
        self,
        lane: Channel,
        run: Run,
        key: Key | None,
        rows: Sequence[Row] = (),
        *,
        at_once: bool = False,
    ) -> None:
        """Take a new run, with ``rows`` it begins with; on disk and in the inbox on return.

        Raises:
            Overloaded: it could not be written, or the server goes down.
        """
        if self._closing:
            raise Overloaded("the server is shutting down; try again in a moment")
        live = self._live(run)
        ahead = len(lane.waiting) + (lane.active is not None)
        lane.waiting[run.run_id] = live
        self.lives[run.n] = live
        reached("accept.asked")
        try:
            key = key and msgspec.structs.replace(key, n=run.n)
            await self._parts.store.accept(run, key, rows)
        except Overloaded:
            lane.waiting.pop(run.run_id, None)
            self.lives.pop(run.n, None)
            raise
        except asyncio.CancelledError:
            self._enter(lane, live, ahead)  # the row is on its way: the caller left, the run stays
            raise
        self._enter(lane, live, ahead, at_once=at_once)

    def _live(self, run: Run) -> LiveRun:
        take = self.processes.take
        return LiveRun(run, self._parts.store, self._parts.hub.publish, self._loop, take)

    def _enter(self, lane: Channel, live: LiveRun, ahead: int, *, at_once: bool = False) -> None:
        run, publish = live.run, self._parts.hub.publish
        if run.status.terminal:
            return  # it was cancelled while it was being written
        if run.alias:
            lane.set(last_sent=run.n, cleared=False)
        live.tell_status()
        name, channel = run.run_id, run.channel
        if not run.action and not run.resumed_from:
            publish(Said(node=RUNTIME, run_id=name, channel=channel, role="user", text=run.text))
        if ahead:
            publish(Queued(node=RUNTIME, run_id=name, channel=channel, position=ahead))
        self._parts.sensor.touch()
        reached("queue.admitted")
        lane.inbox.put(live, at_once=at_once)

    # Through

    async def _serve(self, lane: Channel) -> None:
        while not self._closing:
            item = await lane.inbox.get()
            if isinstance(item, Switch):
                await self._switched(lane, item)
            elif item is lane.active or lane.waiting.pop(item.run.run_id, None) is not None:
                await self._work(lane, item)

    async def _work(self, lane: Channel, live: LiveRun) -> None:
        if self._closing:
            return  # it stays queued on disk and begins with the next start
        lane.active = live
        self._watchdog.begin(live.run.run_id, lane.name)
        try:
            await self._worker.execute(lane, live)
        finally:
            lane.active = None
            self._watchdog.end()
            if live.over:
                self.lives.pop(live.run.n, None)

    async def switch(self, lane: Channel, name: str) -> None:
        """Make graph ``name`` active when everything in the inbox before this is done."""
        done: asyncio.Future[None] = self._loop.create_future()
        lane.inbox.put(Switch(name, done))
        await done

    async def _switched(self, lane: Channel, switch: Switch) -> None:
        try:
            revision = self._parts.edition(switch.name).program.revision
        except UnknownGraph as error:  # the workspace changed while the switch waited its turn
            if not switch.done.done():
                switch.done.set_exception(error)
            return
        reached("switch.taken")
        lane.set(graph=switch.name)
        self._parts.hub.publish(
            GraphSwitched(
                node=RUNTIME, run_id="", channel=lane.name, name=switch.name, revision=revision
            )
        )
        failure: Overloaded | None = None
        try:
            await self._parts.store.save_channel(lane.row)
        except Overloaded as error:
            failure = error
        if switch.done.done():
            return
        if failure is None:
            switch.done.set_result(None)
        else:
            switch.done.set_exception(failure)

    # Out

    async def stop(self, live: LiveRun) -> None:
        """Cancel a run and return when it is terminal."""
        lane = self.open(live.run.channel)
        if lane.waiting.pop(live.run.run_id, None) is None:
            live.stop()
            await live.wait()
            return
        reached("cancel.asked")
        task = self._group.create_task(self._refuse(lane, live))
        self._refusing.add(task)
        task.add_done_callback(self._refusing.discard)
        await asyncio.shield(task)  # it is in no queue any more: who leaves now does not undo that

    async def _refuse(self, lane: Channel, live: LiveRun) -> None:
        error = "cancelled before it began"
        await self._worker.refuse(live, RunStatus.CANCELLED, error, lane.row)
        self.lives.pop(live.run.n, None)

    async def stop_all(self, lane: Channel) -> None:
        """Cancel all runs of a channel."""
        while lane.busy:
            for live in (*lane.waiting.values(),):
                await self.stop(live)
            if lane.active is not None:
                await self.stop(lane.active)

    async def drain(self, grace_s: float) -> None:
        """Take nothing more, and let active runs end for at most ``grace_s`` seconds."""
        self._closing = True
        active = [lane.active for lane in self._channels.values() if lane.active]
        active = [live for live in active if live.run.status is not RunStatus.PAUSED]
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                for live in active:
                    await live.wait()

    def close(self) -> None:
        """End the serving tasks; what runs then is found unfinished by the next start."""
        self._watchdog.stop()
        for task in (*self._refusing, *(lane.task for lane in self._channels.values())):
            if task is not None:
                task.cancel()

    # Again

    async def restore(self, lane: Channel, head: int) -> None:
        """Make the state after run number ``head`` the channel's.

        Raises:
            Busy: a run is active or queued.
            Conflict: that run left no state.
        """
        ends = await self._parts.store.lineage(head, turns=WINDOW, snapshot=True)
        if lane.busy:  # something came while this was read
            raise Busy(BUSY)
        state = state_of(ends)
        if state is None:
            raise Conflict(f"run {head} of channel {lane.name!r} left no state")
        lane.set(head=head, cleared=False)
        lane.restore(state, turns_of(ends, WINDOW), ends)

    async def recover(self, loaded: Loaded, main: str) -> None:
        """Take up what an earlier process left, channel ``main`` in any case."""
        reached("recover.begun")
        await self.debug.load()
        for row in loaded.channels:
            library = self._parts.library  # a graph of a broken workspace may come back
            known = row.graph in library.names or bool(library.trouble)
            lane = self._add(row if known else msgspec.structs.replace(row, graph=self._graph))
            if row.head:
                await self.restore(lane, row.head)
        self.open(main)
        for run in loaded.unfinished:
            await self._take_up(run)

    async def _take_up(self, run: Run) -> None:
        live = self._live(run)
        if not run.channel:
            begun = run.status is not RunStatus.QUEUED
            status = RunStatus.INTERRUPTED if begun else RunStatus.ERROR
            await self._worker.refuse(live, status, "interrupted: the process ended")
            return
        lane = self.open(run.channel)
        if run.status is RunStatus.QUEUED:
            lane.waiting[run.run_id] = live
            self.lives[run.n] = live
            lane.inbox.put(live)
        elif run.status is RunStatus.PAUSED:
            lane.active = self.lives[run.n] = live
            lane.inbox.put(live)
        elif run.status is RunStatus.RUNNING:
            await self._worker.interrupt(lane, live)
        if run.alias:
            lane.set(last_sent=max(run.n, lane.row.last_sent), cleared=False)
