"""Everything that can be asked without changing anything."""

from collections.abc import Callable, Iterable

import msgspec

from agent.core import controls
from agent.core.errors import UnknownRun, Unprocessable
from agent.core.events import Topic
from agent.core.graph import cytoscape
from agent.core.ids import MAIN, ChannelName, is_name, number_of, run_id
from agent.core.json import Json, digest
from agent.core.messages import Turn
from agent.core.runs import Run, RunStatus
from agent.core.state import at
from agent.runtime.channels import Channel
from agent.runtime.lineage import WINDOW, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts
from agent.runtime.ports import RunFilter
from agent.runtime.processes import Processes
from agent.runtime.recordings import frame_of, skeleton, whole
from agent.runtime.search import searched

BUSY = "Pipeline already running"
SEARCHED = 20_000
NO_RUN = 1 << 62  # above the number of any
"""Runs that one request of a search looks through."""


class Desk:
    """Answers questions about channels, runs and traces.

    Args:
        parts: what the runtime is made of.
        channel: finds (or opens) a channel by name.
        live: the runs that are not terminal, by number.
        processes: tool calls at work, and the last that ended.
    """

    def __init__(
        self,
        parts: Parts,
        channel: Callable[[str], Channel],
        live: dict[int, LiveRun],
        processes: Processes,
    ) -> None:
        self._parts = parts
        self._channel = channel
        self._live = live
        self._processes = processes
        self.chats = 0
        """Open chat sockets."""

    # The channel

    def check(self, channel: str = MAIN) -> Json:
        """Tell whether a send would be taken now; asks no model."""
        lane = self._channel(channel)
        if lane.busy:
            return {"ready": False, "reason": "busy", "detail": BUSY}
        return {
            "ready": True,
            "graph": lane.row.graph,
            "identity": lane.row.identity,
            "history_len": lane.history_len,
            "ws_connected": self.chats > 0,
        }

    def state(self, channel: str = MAIN) -> Json:
        """Return memory and the length of the history, plus the whole state for the page."""
        lane = self._channel(channel)
        return {
            "status": "active",
            "memorizer": at(lane.state, "memory"),
            "history_len": lane.history_len,
            "ws_connected": self.chats > 0,
            "ui": at(lane.state, "ui"),
            "sensor": self._parts.sensor.snapshot,
        }

    def poll(self, since: str, channel: str = MAIN) -> Json:
        """Tell whether memory or history changed since the poll that returned ``since``."""
        lane = self._channel(channel)
        memory = at(lane.state, "memory")
        last = said((*lane.window,)[-3:])
        mark = digest([memory, lane.history_len, last])[:12]
        if mark == since:
            return {"changed": False, "hash": mark}
        return {
            "changed": True,
            "hash": mark,
            "state": memory,
            "history_len": lane.history_len,
            "last_messages": last,
        }

    async def history(self, last: int, channel: str = MAIN) -> Json:
        """Return the last ``last`` messages of the conversation, oldest first."""
        lane = self._channel(channel)
        turns = (*lane.window,)
        if last > WINDOW and lane.history_len > len(turns):
            ends = await self._parts.store.lineage(lane.row.head, turns=last, snapshot=False)
            turns = turns_of(ends, last)
        return said(turns[-last:])

    def snapshot(self, channel: str = MAIN) -> Json:
        """Return what a chat socket is told first."""
        lane = self._channel(channel)
        active = lane.active
        shown = active.controls if active else None
        return {
            "type": "snapshot",
            "seq": self._parts.hub.last,
            "history": [msgspec.to_builtins(turn) for turn in lane.window],
            "controls": controls.current(at(lane.state, "ui")) if shown is None else shown,
            "run": active
            and {**active.progress(), "message": active.run.text, "said": active.said},
            "pending": [
                {"run_id": live.run.run_id, "text": live.run.text, "position": place}
                for place, live in enumerate(lane.waiting.values(), 1)
            ],
        }

    # Graphs

    def graph(self, channel: str = MAIN) -> Json:
        """Return the active graph."""
        edition = self._parts.edition(self._channel(channel).row.graph)
        spec = edition.program.spec
        edges: Json = msgspec.to_builtins(spec.edges)
        return {
            "name": spec.name,
            "description": spec.description,
            "nodes": {node.role: node.impl for node in spec.nodes},
            "edges": edges,
            "cytoscape": cytoscape(spec),
            "revision": edition.program.revision,
        }

    def graphs(self, channel: str = MAIN) -> Json:
        """Return all installed graphs."""
        active = self._channel(channel).row.graph
        specs = [self._parts.library.spec(name) for name in self._parts.library.names]
        return {
            "graphs": [
                {"name": s.name, "description": s.description, "active": s.name == active}
                for s in specs
            ]
        }

    def workspace(self) -> Json:
        """Return what is taken of the workspace, and why not more."""
        folder = self._parts.folder
        return NO_WORKSPACE if folder is None else folder.status()

    def degraded(self) -> list[str]:
        """Return what is not as it should be, though messages can be taken."""
        workspace = ["workspace"] if self.workspace()["errors"] else []
        return [*workspace, *(f"database {name}" for name in self._parts.databases.degraded())]

    # Runs

    async def find(self, name: str) -> Run:
        """Return a run by run id or ``msg_<n>``.

        Raises:
            UnknownRun: there is none.
        """
        number = number_of(name)
        live = self._live.get(number or 0)
        run = live.run if live else await self._parts.store.run(number or 0)
        if run is None or name not in (run.run_id, run.alias):
            raise UnknownRun(f"no run {name!r}; GET /api/runs lists them")
        return run

    async def numbered(self, n: int) -> Run:
        """Return run number ``n``.

        Raises:
            UnknownRun: there is none.
        """
        live = self._live.get(n)
        run = live.run if live else await self._parts.store.run(n)
        if run is None:
            raise UnknownRun(f"run {n} is not in the store")
        return run

    async def run(self, name: str) -> Json:
        """Return a run as the wire shows it."""
        return shown(await self.find(name))

    async def runs(
        self,
        *,
        channel: str | None = None,
        status: str | None = None,
        kind: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> Json:
        """Return a page of runs, newest first."""
        wanted = RunFilter(
            channel=channel,
            status=status,
            kind=kind,
            before=_before(before),
            since=self._since(status),
            limit=limit,
        )
        page = [self._newest(run) for run in await self._parts.store.runs(wanted)]
        return {"runs": [shown(run) for run in page], "next": _next(page, limit)}

    def _since(self, status: str | None) -> int | None:
        """Return the lowest number to look at: what has not ended is known, however much has."""
        if status is None or RunStatus(status).terminal:
            return None
        return min(self._live, default=NO_RUN)

    def _newest(self, run: Run) -> Run:
        live = self._live.get(run.n)
        return live.run if live else run

    async def result(self, name: str | None, channel: str = MAIN) -> Json:
        """Return how far a send is; without ``name`` the newest of the channel."""
        lane = self._channel(channel)
        if name is None and not lane.row.last_sent:
            return {"status": "idle", "id": "", "stage": "cleared"} if lane.row.cleared else IDLE
        live = self._live.get((number_of(name) or 0) if name else lane.row.last_sent)
        if live is not None and not live.over and name in (None, live.run.alias, live.run.run_id):
            return live.progress()
        run = await (self.find(name) if name else self.numbered(lane.row.last_sent))
        return self._outcome(run, lane)

    def _outcome(self, run: Run, lane: Channel) -> Json:
        base = {"id": run.alias or run.run_id, "run_id": run.run_id}
        if run.status is RunStatus.DONE:
            memory = at(lane.state, "memory")
            done = {"status": "done", "stage": "done", "response": run.response}
            return {**done, **base, "memorizer": memory, "path": run.path}
        detail = run.error or str(run.status)
        failed = {"status": str(run.status), "stage": "error", "detail": detail}
        return {**failed, **base, "response": run.response}

    # Traces

    async def frames(self, last: int, run: str | None, channel: str = MAIN) -> Json:
        """Return the last wire summaries of the channel, oldest first, or that of one run."""
        store = self._parts.store
        if run is None:
            wanted = RunFilter(channel=channel, limit=last, own=True)
            found = await store.summaries(wanted)
        else:
            number = (await self.find(run)).n
            found = await store.summaries(RunFilter(only=number))
        summaries = [msgspec.Raw(body) for body in reversed(found)]
        return {
            "graph": self._channel(channel).row.graph,
            "engine": "frames",
            "traces": summaries,
            "last_trace": summaries[-1] if summaries else None,
        }

    async def traces(
        self, *, limit: int = 50, before: str | None = None, q: str = "", own: bool = False
    ) -> Json:
        """Return a page of summaries, newest first.

        A search looks through at most ``SEARCHED`` runs. What it finds in them may be less than a
        page; ``next`` is then where to go on.
        """
        wanted = searched(q, RunFilter(limit=limit, before=_before(before), own=own))
        if q and not q.isspace():
            wanted = await self._bounded(wanted)
        found = await self._parts.store.summaries(wanted)
        ids = [msgspec.json.decode(body, type=_RunIdOnly).run_id for body in found]
        following = ids[-1] if len(ids) == limit else None
        if following is None and (wanted.since or 0) > 1:
            following = run_id(wanted.since or 0, "0000")
        return {"traces": [msgspec.Raw(body) for body in found], "next": following}

    async def _bounded(self, wanted: RunFilter) -> RunFilter:
        newest = await self._parts.store.runs(RunFilter(limit=1))
        end = newest[0].n + 1 if newest else 1
        before = end if wanted.before is None else min(end, wanted.before)
        since = max(1, before - SEARCHED)
        return msgspec.structs.replace(wanted, before=before, since=since)

    async def trace(self, name: str) -> bytes:
        """Return the full trace of a run, its effects included, encoded."""
        run = await self.find(name)
        return await whole(self._parts.store, self._parts.library, run)

    async def skeleton(self, name: str) -> bytes:
        """Return the full trace of a run, or of a large one its visits without their contents."""
        run = await self.find(name)
        return await skeleton(self._parts.store, self._parts.library, run)

    async def frame(self, name: str, frame: int) -> Json:
        """Return one frame of a run: its visits, and their effects.

        Raises:
            UnknownRun: there is no such frame.
        """
        return await frame_of(self._parts.store, await self.find(name), frame)

    def trace_lines(self, last: int) -> list[bytes]:
        """Return the last events of the log, flat."""
        return self._parts.hub.newest(Topic.TRACE, last)

    def processes(
        self, *, channel: str | None = None, status: str | None = None, last: int = 50
    ) -> Json:
        """Return tool calls, newest first: those at work before those that ended."""
        return self._processes.page(channel=channel, status=status, last=last)

    # The server

    def info(self, channel: str = MAIN) -> Json:
        """Return what the page shows about the runtime itself."""
        lane, model = self._channel(channel), self._parts.model
        return {
            "version": self._parts.version,
            "graph": lane.row.graph,
            "model": {
                "label": model.label,
                "model": model.default_model,
                "builtin": model.default_model == "builtin",
            },
            "identity": lane.row.identity,
            "data_file": self._parts.data_file,
            "channel": lane.name,
            "connect_hint": "set AGENT_LLM_BASE_URL, AGENT_LLM_API_KEY and AGENT_LLM_MODEL, "
            "then start again",
        }


NO_WORKSPACE: Json = {
    "folder": None,
    "errors": [],
    "notes": [],
    "loaded": dict.fromkeys(("graphs", "nodes", "prompts", "tools", "suites"), ()),
    "reloaded": None,
}
IDLE: Json = {"status": "idle"}


class _RunIdOnly(msgspec.Struct, frozen=True):
    run_id: str


def said(turns: Iterable[Turn]) -> list[Json]:
    """Return messages as models and the older doors know them: role and content."""
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def shown(run: Run) -> Json:
    """Return a run as the wire shows it: without what only a replay needs."""
    plain = msgspec.to_builtins(run)
    for private in ("base", "sensor", "action", "dashboard"):
        plain.pop(private, None)
    return plain


def channel_name(text: str) -> ChannelName:
    """Check a channel name from outside.

    Raises:
        Unprocessable: it is not a name.
    """
    if not is_name(text):
        raise Unprocessable(
            f"channel {text!r:.80} is not a name; expected letters, digits, '.', '_' or '-', "
            "at most 64, beginning with a letter or digit"
        )
    return ChannelName(text)


def _before(name: str | None) -> int | None:
    if name is None:
        return None
    number = number_of(name)
    if number is None:
        raise Unprocessable(f"before={name!r:.80} is not a run id")
    return number


def _next(page: Iterable[Run], limit: int) -> str | None:
    runs = [*page]
    return runs[-1].run_id if len(runs) == limit else None
