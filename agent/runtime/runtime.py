"""The one persistent thing a user talks to: verbs in, events out.

It exists before the first request and outlives every socket and every graph. Each channel has one
task that takes its inbox in order; a graph switch goes through the same inbox, so it can never cut
a run in half. Leaving ``open`` ends all of them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

import msgspec

from agent.core import controls
from agent.core.checks import Post
from agent.core.errors import AgentError, BadInput, Busy, Conflict, Overloaded, Unprocessable
from agent.core.events import Cleared, Controls
from agent.core.ids import MAIN, RunId, run_id
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.core.state import at
from agent.crash import reached
from agent.runtime.archives import Archives, Form
from agent.runtime.aside import Asides
from agent.runtime.channels import Channel
from agent.runtime.desk import BUSY, Desk
from agent.runtime.diffs import diff
from agent.runtime.forks import Forks, Wish
from agent.runtime.lanes import Lanes
from agent.runtime.library import prompts_of
from agent.runtime.parts import RUNTIME, Parts
from agent.runtime.ports import Key, Loaded
from agent.runtime.replays import Replays
from agent.runtime.resumes import Resumes, Unknown
from agent.runtime.trials import Mode, Trials

MAX_TEXT = 200_000
Door = Literal["api", "chat"]
When = Literal["now", "after", "cancel"]


class Runtime(Desk):
    """Everything a user can do.

    Args:
        parts: what it is made of.
        lanes: the channels.
        next_n: number of the next run.
    """

    def __init__(self, parts: Parts, lanes: Lanes, next_n: int) -> None:
        super().__init__(parts, lanes.open, lanes.lives, lanes.processes)
        self.hub = parts.hub
        self.board = parts.board
        self.debug = lanes.debug
        self._lanes = lanes
        self._next_n = next_n
        self._salt = parts.clock.token(2)
        self._keys: dict[str, tuple[Key, asyncio.Future[Run]]] = {}
        asides = self._asides = Asides(parts, self._number, lanes.lives, lanes.processes)
        self._replays = Replays(parts, asides)
        self._forks = Forks(parts, asides)
        self._resumes = Resumes(parts, self._number, lanes.admit)
        self._trials = Trials(parts, asides)
        self._archives = Archives(parts, self._number)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, parts: Parts, loaded: Loaded, *, graph: str, grace_s: float = 5.0
    ) -> AsyncGenerator[Self]:
        """Recover what was left, start the workers; on the way out let active runs end."""
        if not parts.library.trouble:  # else the graph may come when the workspace is mended
            parts.library.spec(graph)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(parts, graph, group)
            runtime = cls(parts, lanes, loaded.next_n)
            watching: list[asyncio.Task[None]] = []
            try:
                with suppress(Overloaded):  # a disk that takes nothing is told of, and still read
                    # Writes are done in order: when this is on disk, so are the events' numbers.
                    await parts.store.save_record("started", parts.clock.now_ms())
                await lanes.recover(loaded, MAIN)
                watching += _watching(parts, group)
                yield runtime
            except Exception as error:  # noqa: BLE001 - raised below, not wrapped in a group
                failure = error
            finally:
                await runtime.drain(grace_s)
                lanes.close()
                for task in watching:
                    task.cancel()
        if failure is not None:
            raise failure

    async def drain(self, grace_s: float) -> None:
        """Take nothing more, and let active runs end for at most ``grace_s`` seconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lanes.drain(grace_s))
            group.create_task(self._asides.drain(grace_s))

    # Sending

    async def send(
        self,
        text: str,
        *,
        channel: str = MAIN,
        dashboard: Json = None,
        queue: bool = True,
        at_once: bool = False,
        door: Door = "api",
        key: str | None = None,
        body_hash: str = "",
    ) -> Run:
        """Accept a message; it is on disk when this returns.

        Args:
            text: the message.
            channel: whose conversation it belongs to.
            dashboard: what the browser shows.
            queue: it may wait behind others.
            at_once: where nothing is ahead of it, it begins before this returns, and goes on to
                where it first waits; for a sender whom nobody waits for.
            door: the way it came in.
            key: idempotency key; the same one again is the same run.
            body_hash: what the key stands for.

        Raises:
            Unprocessable: the idempotency key was used with another body.
            Busy: a run is active or queued, and ``queue`` is false.
            BadInput: the text is blank.
        """
        if key is None:
            return await self._send(
                None, text, channel, dashboard, door, queue=queue, at_once=at_once
            )
        mark = Key(key=f"{channel}/{key}", body_hash=body_hash)
        running = self._keys.get(mark.key)
        if running is not None:
            return _same(mark, running[0], await _shared(running[1]))
        future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._keys[mark.key] = (mark, future)
        try:
            known = await self._parts.store.key(mark.key)
            if known is not None:
                run = _same(mark, known, await self.numbered(known.n))
            else:
                run = await self._send(
                    mark, text, channel, dashboard, door, queue=queue, at_once=at_once
                )
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
        self,
        key: Key | None,
        text: str,
        channel: str,
        dashboard: Json,
        door: Door,
        *,
        queue: bool,
        at_once: bool,
    ) -> Run:
        lane = self._lanes.open(channel)
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
            text=self._parts.redactor.text(text),
            dashboard=self._parts.redactor.json(dashboard),
            alias=f"msg_{n}" if door == "api" else "",
            identity=lane.row.identity,
            created=self._parts.clock.now_ms(),
        )
        await self._lanes.admit(lane, run, key, at_once=at_once)
        return run

    async def act(
        self, action: str, data: Json = None, *, channel: str = MAIN, dashboard: Json = None
    ) -> Run:
        """Accept a click; it queues behind what runs."""
        lane = self._lanes.open(channel)
        n, name = self._number()
        run = Run(
            n=n,
            run_id=name,
            kind="action",
            status=RunStatus.QUEUED,
            channel=lane.name,
            text=self._parts.redactor.text(action) or "unknown",
            action=True,
            data=self._parts.redactor.json(data),
            dashboard=self._parts.redactor.json(dashboard),
            identity=lane.row.identity,
            created=self._parts.clock.now_ms(),
        )
        await self._lanes.admit(lane, run, None)
        return run

    def _number(self) -> tuple[int, RunId]:
        n = self._next_n
        self._next_n += 1
        return n, run_id(n, self._salt)

    async def finished(self, run: Run) -> Run:
        """Wait until ``run`` is in a terminal state and on disk; return it."""
        live = self._lanes.lives.get(run.n)
        if live is None:
            return await self.numbered(run.n)
        await live.wait()
        return live.run

    async def resume(
        self, name: str, *, unknown: Unknown | None = None, result: Json = None
    ) -> Run:
        """Go on with a run that a crash cut, as a new run; it is on disk when this returns.

        Raises:
            Conflict: it cannot go on; says why.
            Busy: a run is active or queued in its channel.
            UnknownOutcome: a write was cut off, and ``unknown`` does not say what became of it.
        """
        source = await self.find(name)
        if not source.channel:
            raise Conflict(f"run {source.run_id} is a {source.kind}; start another one")
        return await self._resumes.resume(self._lanes.open(source.channel), source, unknown, result)

    # Stopping

    async def cancel(self, name: str) -> Run:
        """Stop a run; a run that has ended stays as it is."""
        run = await self.find(name)
        live = self._lanes.lives.get(run.n)
        if live is None:
            return run
        await (self._lanes if run.channel else self._asides).stop(live)
        return live.run

    def stop_process(self, pid: str) -> Json:
        """Stop one tool call; its node is told and goes on. One that has ended stays as it is.

        Raises:
            UnknownProcess: there is none, or it ended long ago.
        """
        return self._processes.cancel(pid)

    async def clear(self, channel: str = MAIN) -> None:
        """Stop what runs, then forget the conversation; traces stay."""
        lane = self._lanes.open(channel)
        await self._lanes.stop_all(lane)
        reached("clear.stopped")
        lane.reset()
        await self._parts.store.save_channel(lane.row)
        self.hub.publish(Cleared(node=RUNTIME, run_id="", channel=lane.name))
        self._show_controls(lane)

    # Moving

    async def switch_graph(self, name: str, when: When = "now", channel: str = MAIN) -> Json:
        """Make ``name`` the graph of the channel's next run.

        Raises:
            UnknownGraph: there is none of that name.
            Busy: a run is active or queued, and ``when`` is ``now``.
        """
        self._parts.library.spec(name)
        lane = self._lanes.open(channel)
        if lane.busy and when == "now":
            raise Busy(f'{BUSY}; say "when": "after" or "cancel"')
        if when == "cancel":
            await self._lanes.stop_all(lane)
        await self._lanes.switch(lane, name)
        return {"status": "ok", "name": name, "note": "Graph switched. WS re-attached."}

    async def move_head(self, name: str, channel: str | None = None) -> Json:
        """Make the state after run ``name`` current again in ``channel``, or in ``main``.

        A fork is adopted by the channel that its conversation is in.

        Raises:
            Busy: a run is active or queued.
            Conflict: the run belongs to another channel, or left no state.
        """
        run = await self.find(name)
        home, default = run.channel, MAIN
        if run.kind == "fork":
            home = default = (await self._root(run)).channel or MAIN
        lane = self._lanes.open(channel or default)
        if lane.busy:
            raise Busy(BUSY)
        if home != lane.name:
            raise Conflict(f"run {run.run_id} is not of channel {lane.name!r}")
        await self._lanes.restore(lane, run.n)
        reached("head.moved")
        await self._parts.store.save_channel(lane.row)
        self._show_controls(lane)
        return {"status": "ok", "head": run.run_id, "history_len": lane.history_len}

    async def _root(self, run: Run) -> Run:
        """Return the run at the beginning of a chain of forks and replays.

        Raises:
            Conflict: it came from another installation, so nobody's conversation goes on with it.
        """
        while source := run.fork_of or run.replay_of:
            run = await self.find(source)
        if run.imported_from:
            raise Conflict(f"run {run.run_id} was imported; it is not of any conversation here")
        return run

    def _show_controls(self, lane: Channel) -> None:
        shown = controls.current(at(lane.state, "ui"))
        self.hub.publish(Controls(node=RUNTIME, run_id="", channel=lane.name, controls=shown))

    async def replay(self, name: str, *, pinned: bool = False) -> Json:
        """Run a recorded run again, sealed, and return the verdict."""
        verdict = await self._replays.replay(await self.find(name), pinned=pinned)
        return msgspec.to_builtins(verdict)

    async def case_of(self, name: str, cassette: str) -> Json:
        """Make a test of a run; ``cassette`` is the file name of its recording."""
        return await self._trials.case_of(await self.find(name), cassette)

    async def try_case(
        self, text: str, cassette: msgspec.Raw, mode: Mode, *, graph: str, suite: str
    ) -> Json:
        """Play a case from its cassette, on ``graph`` or its own, and judge its checks.

        The board is told of each check where ``suite`` names the suite that runs.
        """
        judged = await self._trials.try_case(text, cassette, mode, graph=graph)
        for row in judged["checks"] if suite else ():
            result = {"suite": suite, "run_id": judged["run_id"], **row}
            await self.board.take(Post(event="step_result", result=result))
        return judged

    async def fork(self, name: str, wish: Wish) -> Json:
        """Go on with a recorded run from a frame with something changed, beside the channels."""
        return await self._forks.fork(await self.find(name), wish)

    async def prompts(self, name: str) -> dict[str, str]:
        """Return the templates that a fork of a run would be given, by name."""
        run = await self.find(name)
        return prompts_of(self._parts.library.edition(run.graph))

    async def diff(self, left: str, right: str) -> bytes:
        """Return how two runs differ, encoded."""
        return await diff(self._parts, await self.find(left), await self.find(right))

    # Leaving and coming in

    async def export(self, name: str, form: Form) -> bytes:
        """Return a run as one file: a page to read, or a zip to go on with elsewhere."""
        return await self._archives.export(await self.find(name), form)

    async def take_in(self, raw: bytes) -> Json:
        """Take in what an export wrote, as a run of its own in no channel."""
        return await self._archives.take(raw)

    # People

    def attach_chat(self, identity: str, channel: str = MAIN) -> None:
        """A chat socket opened."""
        self._lanes.open(channel).set(identity=identity)
        self.chats += 1

    def detach_chat(self) -> None:
        """A chat socket closed."""
        self.chats -= 1


def _watching(parts: Parts, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    tasks = [
        group.create_task(parts.sensor.run(), name="sensor"),
        group.create_task(parts.board.watch(), name="suite board"),
    ]
    if parts.folder is not None:
        tasks.append(group.create_task(parts.folder.run(), name="workspace"))
    return tasks


async def _shared(first: asyncio.Future[Run]) -> Run:
    """Wait for the send that came first with the same key."""
    try:
        return await asyncio.shield(first)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if not first.cancelled() or (task is not None and task.cancelling()):
            raise
    raise Overloaded("the first send with this Idempotency-Key lost its client; send it again")


def _same(asked: Key, known: Key, run: Run) -> Run:
    if asked.body_hash != known.body_hash:
        raise Unprocessable("this Idempotency-Key was used with another body")
    return run
