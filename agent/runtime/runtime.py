"""The one persistent thing a user talks to: verbs in, events out.

It exists before the first request and outlives every socket and every graph. Each channel has one
worker task that takes its inbox in order; a graph switch goes through the same inbox, so it can
never cut a run in half. Leaving ``open`` ends all of them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

import msgspec

from agent.core import controls
from agent.core.errors import (
    AgentError,
    BadInput,
    Busy,
    Conflict,
    Overloaded,
    UnknownRun,
    Unprocessable,
)
from agent.core.events import Cleared, Controls, GraphSwitched, Queued, Said
from agent.core.ids import MAIN, RunId, run_id
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.core.state import at
from agent.runtime.channels import Channel, Switch
from agent.runtime.desk import BUSY, Desk, channel_name
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts, status_event
from agent.runtime.ports import ChannelRow, Key, Loaded
from agent.runtime.replays import Replays
from agent.runtime.worker import Worker

MAX_CHANNELS = 1000
MAX_TEXT = 200_000
Door = Literal["api", "chat"]
When = Literal["now", "after", "cancel"]
NODE = "runtime"


class Runtime(Desk):
    """Owns the channels and their workers.

    Args:
        parts: what it is made of.
        graph: name of the graph a new channel starts with.
        group: parent of the workers.
    """

    def __init__(self, parts: Parts, graph: str, group: asyncio.TaskGroup) -> None:
        self._channels: dict[str, Channel] = {}
        self._lives: dict[int, LiveRun] = {}
        super().__init__(parts, self._open, self._lives)
        self.hub = parts.hub
        self.board = parts.board
        self._default_graph = graph
        self._next_n = 1
        self._keys: dict[str, tuple[Key, asyncio.Future[Run]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._worker = Worker(parts)
        self._replays = Replays(parts, self._number)
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._salt = parts.clock.token(2)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, parts: Parts, loaded: Loaded, *, graph: str, grace_s: float = 5.0
    ) -> AsyncGenerator[Self]:
        """Recover what was left, start the workers; on the way out let active runs end."""
        parts.library.spec(graph)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            runtime = cls(parts, graph, group)
            runtime._next_n = loaded.next_n
            await runtime._recover(loaded.channels, loaded.unfinished)
            runtime._tasks += (
                group.create_task(parts.sensor.run(), name="sensor"),
                group.create_task(parts.board.watch(), name="suite board"),
            )
            try:
                yield runtime
            except Exception as error:  # noqa: BLE001 - raised below, not wrapped in a group
                failure = error
            finally:
                await runtime.drain(grace_s)
                parts.sensor.stop()
                for task in runtime._tasks:
                    task.cancel()
        if failure is not None:
            raise failure

    # Sending

    async def send(
        self,
        text: str,
        *,
        channel: str = MAIN,
        dashboard: Json = None,
        queue: bool = True,
        door: Door = "api",
        key: str | None = None,
        body_hash: str = "",
    ) -> Run:
        """Accept a message; it is on disk when this returns.

        Raises:
            Unprocessable: the idempotency key was used with another body.
            Busy: a run is active or queued, and ``queue`` is false.
            BadInput: the text is blank.
        """
        if key is None:
            return await self._send(None, text, channel, dashboard, door, queue=queue)
        mark = Key(key=f"{channel}/{key}", body_hash=body_hash)
        running = self._keys.get(mark.key)
        if running is not None:
            return _same(mark, running[0], await asyncio.shield(running[1]))
        future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._keys[mark.key] = (mark, future)
        try:
            known = await self._parts.store.key(mark.key)
            if known is not None:
                run = _same(mark, known, await self.numbered(known.n))
            else:
                run = await self._send(mark, text, channel, dashboard, door, queue=queue)
            future.set_result(run)
        except AgentError as error:
            future.set_exception(error)
            future.exception()  # nobody else may be waiting for it
            raise
        finally:
            del self._keys[mark.key]
            future.cancel()
        return run

    async def _send(
        self, key: Key | None, text: str, channel: str, dashboard: Json, door: Door, *, queue: bool
    ) -> Run:
        lane = self._open(channel)
        if lane.busy and not queue:
            raise Busy(BUSY)
        if not text.strip():
            raise BadInput("Missing 'text' field")
        if len(text) > MAX_TEXT:
            raise Unprocessable(f"'text' has {len(text)} characters, at most {MAX_TEXT} are taken")
        n, name = self._number()
        run = Run(
            n=n,
            run_id=name,
            status=RunStatus.QUEUED,
            channel=lane.name,
            text=text,
            dashboard=dashboard,
            alias=f"msg_{n}" if door == "api" else "",
            identity=lane.row.identity,
            created=self._parts.clock.now_ms(),
        )
        return await self._accept(lane, run, key)

    async def act(
        self, action: str, data: Json = None, *, channel: str = MAIN, dashboard: Json = None
    ) -> Run:
        """Accept a click; it queues behind what runs."""
        lane = self._open(channel)
        n, name = self._number()
        run = Run(
            n=n,
            run_id=name,
            kind="action",
            status=RunStatus.QUEUED,
            channel=lane.name,
            text=action or "unknown",
            action=True,
            data=data,
            dashboard=dashboard,
            identity=lane.row.identity,
            created=self._parts.clock.now_ms(),
        )
        return await self._accept(lane, run, None)

    async def _accept(self, lane: Channel, run: Run, key: Key | None) -> Run:
        if self._closing:
            raise Overloaded("the server is shutting down; try again in a moment")
        parts = self._parts
        live = LiveRun(run, parts.store, parts.hub.publish, self._loop)
        ahead = len(lane.waiting) + (lane.active is not None)
        lane.waiting[run.run_id] = live
        self._lives[run.n] = live
        try:
            await parts.store.accept(run, key and msgspec.structs.replace(key, n=run.n))
        except Overloaded:
            lane.waiting.pop(run.run_id, None)
            self._lives.pop(run.n, None)
            raise
        except asyncio.CancelledError:
            self._enter(lane, live, ahead)  # the row is on its way: the caller left, the run stays
            raise
        self._enter(lane, live, ahead)
        return run

    def _enter(self, lane: Channel, live: LiveRun, ahead: int) -> None:
        run, publish = live.run, self.hub.publish
        if run.status.terminal:
            return  # it was cancelled while it was being written
        if run.alias:
            lane.set(last_sent=run.n, cleared=False)
        publish(status_event(run))
        name, channel = run.run_id, run.channel
        if not run.action:
            publish(Said(node=NODE, run_id=name, channel=channel, role="user", text=run.text))
        if ahead:
            publish(Queued(node=NODE, run_id=name, channel=channel, position=ahead))
        self._parts.sensor.touch()
        lane.inbox.put(live)

    def _number(self) -> tuple[int, RunId]:
        n = self._next_n
        self._next_n += 1
        return n, run_id(n, self._salt)

    # Stopping

    async def cancel(self, name: str) -> Run:
        """Stop a run; a run that has ended stays as it is."""
        run = await self.find(name)
        live = self._lives.get(run.n)
        if live is None:
            return run
        await self._stop(self._open(run.channel), live)
        return live.run

    async def _stop(self, lane: Channel, live: LiveRun) -> None:
        waiting = lane.waiting.pop(live.run.run_id, None)
        if waiting is None:
            live.stop()
            await live.wait()
            return
        await self._worker.refuse(live, RunStatus.CANCELLED, "cancelled before it began")
        self._lives.pop(live.run.n, None)

    async def _stop_all(self, lane: Channel) -> None:
        while lane.busy:
            for live in (*lane.waiting.values(),):
                await self._stop(lane, live)
            if lane.active is not None:
                await self._stop(lane, lane.active)

    async def clear(self, channel: str = MAIN) -> None:
        """Stop what runs, then forget the conversation; traces stay."""
        lane = self._open(channel)
        await self._stop_all(lane)
        lane.reset()
        await self._parts.store.save_channel(lane.row)
        self.hub.publish(Cleared(node=NODE, run_id="", channel=lane.name))
        self.hub.publish(Controls(node=NODE, run_id="", channel=lane.name, controls=[]))

    # Moving

    async def switch_graph(self, name: str, when: When = "now", channel: str = MAIN) -> Json:
        """Make ``name`` the graph of the channel's next run.

        Raises:
            UnknownGraph: there is none of that name.
            Busy: a run is active or queued, and ``when`` is ``now``.
        """
        self._parts.library.spec(name)
        lane = self._open(channel)
        if lane.busy and when == "now":
            raise Busy(f'{BUSY}; say "when": "after" or "cancel"')
        if when == "cancel":
            await self._stop_all(lane)
        done = asyncio.get_running_loop().create_future()
        lane.inbox.put(Switch(name, done))
        await done
        return {"status": "ok", "name": name, "note": "Graph switched. WS re-attached."}

    async def _switched(self, lane: Channel, switch: Switch) -> None:
        lane.set(graph=switch.name)
        edition = self._parts.library.edition(switch.name)
        revision = edition.program.revision
        self.hub.publish(
            GraphSwitched(
                node=NODE, run_id="", channel=lane.name, name=switch.name, revision=revision
            )
        )
        try:
            await self._parts.store.save_channel(lane.row)
        except Overloaded as error:
            if not switch.done.done():
                switch.done.set_exception(error)
        if not switch.done.done():
            switch.done.set_result(None)

    async def move_head(self, name: str, channel: str = MAIN) -> Json:
        """Make the state after run ``name`` current again.

        Raises:
            Busy: a run is active or queued.
            Conflict: the run belongs to another channel, or left no state.
        """
        lane = self._open(channel)
        if lane.busy:
            raise Busy(BUSY)
        run = await self.find(name)
        if run.channel != lane.name:
            raise Conflict(f"run {run.run_id} is not of channel {lane.name!r}")
        await self._restore(lane, run.n)
        await self._parts.store.save_channel(lane.row)
        self.hub.publish(
            Controls(
                node=NODE,
                run_id="",
                channel=lane.name,
                controls=controls.current(at(lane.state, "ui")),
            )
        )
        return {"status": "ok", "head": run.run_id, "history_len": lane.history_len}

    async def _restore(self, lane: Channel, head: int) -> None:
        ends = await self._parts.store.lineage(head, turns=WINDOW, snapshot=True)
        state = state_of(ends)
        if state is None:
            raise Conflict(f"run {head} of channel {lane.name!r} left no state")
        lane.set(head=head, cleared=False)
        lane.restore(state, turns_of(ends, WINDOW), ends)

    async def replay(self, name: str, *, pinned: bool = False) -> Json:
        """Run a recorded run again, sealed, and return the verdict."""
        verdict = await self._replays.replay(await self.find(name), pinned=pinned)
        return msgspec.to_builtins(verdict)

    # People

    def attach_chat(self, identity: str, channel: str = MAIN) -> None:
        """A chat socket opened."""
        self._open(channel).set(identity=identity)
        self.chats += 1

    def detach_chat(self) -> None:
        """A chat socket closed."""
        self.chats -= 1

    async def finished(self, run: Run) -> Run:
        """Wait until ``run`` is in a terminal state and on disk; return it."""
        live = self._lives.get(run.n)
        if live is None:
            return await self.numbered(run.n)
        await live.wait()
        return live.run

    async def numbered(self, n: int) -> Run:
        """Return run number ``n``."""
        live = self._lives.get(n)
        run = live.run if live else await self._parts.store.run(n)
        if run is None:
            raise UnknownRun(f"run {n} is not in the store")
        return run

    # Workers

    def _open(self, name: str) -> Channel:
        lane = self._channels.get(name)
        if lane is None:
            lane = self._add(ChannelRow(name=channel_name(name), graph=self._default_graph))
        return lane

    def _add(self, row: ChannelRow) -> Channel:
        if len(self._channels) >= MAX_CHANNELS:
            raise Overloaded(f"there are {MAX_CHANNELS} channels already; use one of them")
        lane = self._channels[row.name] = Channel(row, self._loop)
        lane.task = self._group.create_task(self._serve(lane), name=f"channel {row.name}")
        self._tasks.append(lane.task)
        return lane

    async def _serve(self, lane: Channel) -> None:
        while not self._closing:
            item = await lane.inbox.get()
            if isinstance(item, Switch):
                await self._switched(lane, item)
            elif lane.waiting.pop(item.run.run_id, None) is not None:
                await self._work(lane, item)

    async def _work(self, lane: Channel, live: LiveRun) -> None:
        if self._closing:
            return  # it stays queued on disk and begins with the next start
        lane.active = live
        try:
            await self._worker.execute(lane, live)
        finally:
            lane.active = None
            if live.over:
                self._lives.pop(live.run.n, None)

    async def _recover(self, channels: tuple[ChannelRow, ...], unfinished: tuple[Run, ...]) -> None:
        for row in channels:
            known = row.graph in self._parts.library.names
            lane = self._add(
                row if known else msgspec.structs.replace(row, graph=self._default_graph)
            )
            if row.head:
                await self._restore(lane, row.head)
        self._open(MAIN)
        for run in unfinished:
            await self._take_up(run)

    async def _take_up(self, run: Run) -> None:
        parts = self._parts
        live = LiveRun(run, parts.store, parts.hub.publish, self._loop)
        if not run.channel:
            begun = run.status is not RunStatus.QUEUED
            status = RunStatus.INTERRUPTED if begun else RunStatus.ERROR
            await self._worker.refuse(live, status, "interrupted: the process ended")
            return
        lane = self._open(run.channel)
        if run.status is RunStatus.QUEUED:
            lane.waiting[run.run_id] = live
            self._lives[run.n] = live
            lane.inbox.put(live)
        elif run.status is RunStatus.RUNNING:
            await self._worker.interrupt(lane, live)
        if run.alias:
            lane.set(last_sent=max(run.n, lane.row.last_sent), cleared=False)

    async def drain(self, grace_s: float) -> None:
        """Take nothing more, and let active runs end for at most ``grace_s`` seconds."""
        self._closing = True
        active = [lane.active for lane in self._channels.values() if lane.active]
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                for live in active:
                    await live.wait()


def _same(asked: Key, known: Key, run: Run) -> Run:
    if asked.body_hash != known.body_hash:
        raise Unprocessable("this Idempotency-Key was used with another body")
    return run
