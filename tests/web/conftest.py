"""A site around a runtime that remembers what it was asked; everything else is the real thing."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.testclient import TestClient

from agent.adapters.auth.local import LocalAuth
from agent.adapters.auth.nobody import NoAuth
from agent.core.errors import (
    BadInput,
    Busy,
    NotHeld,
    UnknownGraph,
    UnknownOutcome,
    UnknownProcess,
    UnknownRun,
)
from agent.core.events import Event, Failed, Said, Streaming, Thinking, Topic
from agent.core.runs import Run, RunStatus
from agent.debugger.breakpoints import Breakpoint, Watch
from agent.runtime.debug import Shown
from agent.runtime.desk import NO_WORKSPACE
from agent.runtime.hub import Hub
from agent.runtime.suites import SuiteBoard
from agent.web.app import build
from agent.web.config import WebConfig
from agent.web.server import Server, bind, server_config

TOKEN = "the-right-token"
PORT = 8765
HOST = f"127.0.0.1:{PORT}"


class FakeClock:
    """Time that only moves when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.tokens = 0

    def now_ms(self) -> int:
        return 1_700_000_000_000 + int(self.seconds * 1000)

    def now_ns(self) -> int:
        return self.now_ms() * 1_000_000

    def monotonic(self) -> float:
        return self.seconds

    def random(self) -> float:
        return 0.5

    def token(self, size: int) -> str:
        self.tokens += 1
        return f"{self.tokens:0{size * 2}x}"


PROCESS = {
    "pid": "r-000000000001-0000/1.a.1.0", "run_id": "r-000000000001-0000", "channel": "main",
    "frame": 1, "node": "a", "tool": "slow", "args": {}, "status": "running", "lines": ["begun"],
    "left_out": 0, "exit_code": None, "started": 1.0, "ended": None,
}  # fmt: skip


HELD = {
    "held": True, "run_id": "r-000000000001-0000", "status": "paused", "channel": "main", "armed": False,
    "frame": 2, "node": "a", "at": "before", "effect_id": "", "reason": "pause",
    "pending": {"a": {"kind": "message", "text": "hello", "data": None, "sender": ""}},
    "memory": {}, "ui_state": {}, "model_request": None, "tool": None, "tool_result": None,
}  # fmt: skip


class FakeDebug:
    """A debugger that always holds the same run; its last step takes too long."""

    def __init__(self, asked: list[tuple[Any, ...]]) -> None:
        self.asked = asked
        self.kept: tuple[Breakpoint, ...] = ()

    async def show(self, channel="main"):
        self.asked.append(("debug", channel))
        return HELD

    def breakpoints(self, channel="main"):
        return self.kept

    async def set_breakpoints(self, breakpoints, channel="main"):
        self.asked.append(("breakpoints", channel))
        self.kept = Watch(breakpoints).breakpoints
        return self.kept

    async def pause(self, channel="main"):
        self.asked.append(("pause", channel))
        return Shown(debug=HELD)

    async def step(self, unit, channel="main"):
        self.asked.append(("step", unit, channel))
        return Shown(debug=HELD)

    async def run_to(self, frame, channel="main"):
        self.asked.append(("run_to", frame, channel))
        return Shown(debug=HELD, settled=False)

    async def resume(self, channel="main"):
        self.asked.append(("resume", channel))
        raise NotHeld("no run is held")

    async def finish(self, channel="main"):
        self.asked.append(("finish", channel))
        return HELD

    async def drop(self, channel="main"):
        self.asked.append(("drop", channel))
        return HELD

    async def edit(self, edits, channel="main"):
        self.asked.append(("edit", edits, channel))
        return HELD


class FakeRuntime:
    """Answers in the right shapes and writes down what it was asked."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.asked: list[tuple[Any, ...]] = []
        self.debug = FakeDebug(self.asked)
        self.busy = False
        self.chats = 0
        self.people: list[str] = []
        self.n = 0
        self.active: str | None = None

    def _run(self, text: str, channel: str, alias: bool, kind: str = "message") -> Run:
        self.n += 1
        return Run(
            n=self.n,
            run_id=f"r-{self.n:012d}-0000",
            kind=kind,
            status=RunStatus.QUEUED,
            channel=channel,
            text=text,
            alias=f"msg_{self.n}" if alias else "",
            created=1.0,
        )

    async def send(
        self,
        text,
        *,
        channel="main",
        dashboard=None,
        queue=True,
        at_once=False,
        door="api",
        key=None,
        body_hash="",
    ):
        assert at_once is (door == "chat"), "a post is answered first, nobody waits at the chat"
        self.asked.append(("send", text, channel, dashboard, queue, door, key, body_hash))
        if self.busy and not queue:
            raise Busy("Pipeline already running")
        if not text.strip():
            raise BadInput("Missing 'text' field")
        if text == "a bug":
            raise ZeroDivisionError
        run = self._run(text, channel, door == "api")
        self.hub.publish(
            Said(node="runtime", run_id=run.run_id, channel=channel, role="user", text=text)
        )
        return run

    def workspace(self):
        return NO_WORKSPACE

    def degraded(self):
        return []

    async def act(self, action, data=None, *, channel="main", dashboard=None):
        self.asked.append(("act", action, data, channel, dashboard))
        return self._run(action, channel, False, "action")

    async def cancel(self, name):
        self.asked.append(("cancel", name))
        if name not in ("msg_1", "r-000000000001-0000"):
            raise UnknownRun(f"no run {name!r}")
        return msgspec.structs.replace(self._run("x", "main", True), status=RunStatus.CANCELLED)

    async def resume(self, name, *, unknown=None, result=None):
        self.asked.append(("resume", name, unknown, result))
        if name not in ("msg_1", "r-000000000001-0000"):
            raise UnknownRun(f"no run {name!r}")
        if unknown is None:
            raise UnknownOutcome('unknown outcome: book (1.a.1.0); say "unknown"')
        run = self._run("x", "main", True, "resume")
        return msgspec.structs.replace(run, resumed_from="r-000000000001-0000")

    def processes(self, *, channel=None, status=None, last=50):
        self.asked.append(("processes", channel, status, last))
        return [PROCESS]

    def stop_process(self, pid):
        self.asked.append(("stop", pid))
        if pid != PROCESS["pid"]:
            raise UnknownProcess(f"no process {pid!r}")
        return PROCESS

    async def clear(self, channel="main"):
        self.asked.append(("clear", channel))

    async def fork(self, name, wish):
        self.asked.append(("fork", name, wish))
        if name == "none":
            raise UnknownRun("no run 'none'")
        return {"run_id": None, "status": "", "dirty": [], "reused": 1, "model_calls": 0, "cost": 0.0,
                "writes": []}  # fmt: skip

    async def prompts(self, name):
        if name == "none":
            raise UnknownRun("no run 'none'")
        return {"output": f"of {name}"}

    async def diff(self, left, right):
        self.asked.append(("diff", left, right))
        if "none" in (left, right):
            raise UnknownRun("no run 'none'")
        deltas = {"tokens": 0, "ms": 0.0, "cost": None}
        return msgspec.json.encode({
            "left": left, "right": right, "identical": True, "first_divergence": None, "cause": None,
            "frames": [], "deltas": deltas,
        })  # fmt: skip

    async def move_head(self, name, channel=None):
        self.asked.append(("head", name, channel))
        return {"status": "ok", "head": name, "history_len": 2}

    async def switch_graph(self, name, when="now", channel="main"):
        self.asked.append(("switch", name, when, channel))
        if name != "v3-framed":
            raise UnknownGraph(f"no graph {name!r}")
        return {"status": "ok", "name": name, "note": "Graph switched. WS re-attached."}

    async def replay(self, name, *, pinned=False):
        self.asked.append(("replay", name, pinned))
        if name != "r-1":
            raise UnknownRun(f"no run {name!r}")
        return {
            "run_id": name,
            "replay_run_id": "r-2",
            "verdict": "exact",
            "matched": 3,
            "total": 3,
            "changed_revisions": [],
            "divergence": None,
        }

    async def case_of(self, name, cassette):
        self.asked.append(("case_of", name, cassette))
        if name != "r-1":
            raise UnknownRun(f"no run {name!r}")
        return {"case": "# A", "cassette": {}, "checks": []}

    async def try_case(self, text, cassette, mode, *, graph, suite):
        self.asked.append(("try_case", text, bytes(cassette), mode, graph, suite))
        return {
            "mode": mode,
            "run_id": "r-2",
            "frames": 2,
            "passed": 1,
            "failed": 0,
            "checks": [],
            "verdict": None,
        }

    async def result(self, name, channel="main"):
        self.asked.append(("result", name, channel))
        if name == "msg_404":
            raise UnknownRun("no run 'msg_404'")
        return {"status": "idle"}

    async def run(self, name):
        if name != "msg_1":
            raise UnknownRun(f"no run {name!r}")
        return {"run_id": "r-1", "status": "done"}

    async def runs(self, *, channel=None, status=None, kind=None, before=None, limit=50):
        self.asked.append(("runs", channel, status, kind, before, limit))
        return {"runs": [], "next": None}

    async def frames(self, last, run, channel="main"):
        self.asked.append(("frames", last, run, channel))
        return {"graph": "v3-framed", "engine": "frames", "traces": [], "last_trace": None}

    async def traces(self, *, limit=50, before=None, q=""):
        self.asked.append(("traces", limit, before, q))
        return {"traces": [], "next": None}

    async def trace(self, name):
        if name != "r-1":
            raise UnknownRun(f"no run {name!r}")
        return b'{"run_id":"r-1"}'

    async def skeleton(self, name):
        self.asked.append(("skeleton", name))
        return await self.trace(name)

    async def frame(self, name, frame):
        self.asked.append(("frame", name, frame))
        if name != "r-1" or frame < 1:
            raise UnknownRun(f"run {name!r} has no frame {frame}")
        return {"run_id": name, "frame": frame, "frames": [], "post_frames": [], "effects": []}

    async def export(self, name, form):
        self.asked.append(("export", name, form))
        if name != "r-1":
            raise UnknownRun(f"no run {name!r}")
        return b"the file"

    async def take_in(self, raw):
        self.asked.append(("take_in", raw))
        return {
            "run_id": "r-2",
            "imported_from": "r-1",
            "frames": 2,
            "effects": 3,
            "missing": ["node:a"],
        }

    async def history(self, last, channel="main"):
        self.asked.append(("history", last, channel))
        return [{"role": "user", "content": "hello"}]

    def check(self, channel="main"):
        return {
            "ready": True,
            "graph": "v3-framed",
            "identity": "anonymous",
            "history_len": 0,
            "ws_connected": False,
        }

    def state(self, channel="main"):
        return {
            "status": "active",
            "memorizer": {},
            "history_len": 0,
            "ws_connected": self.chats > 0,
        }

    def poll(self, since, channel="main"):
        return {"changed": False, "hash": "0123456789ab"}

    def graph(self, channel="main"):
        return {
            "name": "v3-framed",
            "description": "",
            "nodes": {"input": "input_v1"},
            "edges": [],
            "cytoscape": {},
            "revision": "1",
        }

    def graphs(self, channel="main"):
        return {"graphs": []}

    def snapshot(self, channel="main"):
        run = {"run_id": self.active} if self.active else None
        return {
            "type": "snapshot",
            "seq": self.hub.last,
            "history": [],
            "controls": [],
            "run": run,
            "pending": [],
        }

    def trace_lines(self, last):
        return self.hub.newest(Topic.TRACE, last)

    def info(self, channel="main"):
        return {"version": "1", "channel": channel}

    def attach_chat(self, identity, channel="main"):
        self.chats += 1
        self.people.append(identity)

    def detach_chat(self):
        self.chats -= 1


class Answer:
    """What the application sent back for one request."""

    def __init__(self, sent: list[dict[str, Any]]) -> None:
        start = sent[0]
        self.status: int = start["status"]
        self.headers = {k.decode().lower(): v.decode("latin-1") for k, v in start["headers"]}
        self.body = b"".join(message.get("body", b"") for message in sent[1:])

    def json(self) -> Any:
        return json.loads(self.body)


Pairs = list[tuple[str, str]]


class World:
    """One assembled site and the pieces a test wants to reach."""

    def __init__(self, static: Path, mode: str, portal: BlockingPortal, **settings: Any) -> None:
        self._portal = portal
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.hub = Hub(self.clock.now_ns, keep=1 << 14)
        self.runtime = FakeRuntime(self.hub)
        self.saved: list[Any] = []
        self.checks: dict[str, Any] = {"store": "ok"}
        self.board = SuiteBoard(self.hub, self.clock, save=self._save)
        self.auth = NoAuth() if mode == "none" else LocalAuth(TOKEN, self.clock)
        self.stop = asyncio.Event()
        settings = {
            "port": PORT,
            "static_dir": static,
            "version": "1.2.3",
            "token_file": "data/token",
            **settings,
        }
        self.config = WebConfig(**settings)
        self.app = build(
            self.runtime,  # type: ignore[arg-type]
            self.config,
            auth=self.auth,
            board=self.board,
            ready=lambda: self.checks,
            models=self.models,
            clock=self.clock,
            stop=self.stop,
        )

    async def models(self):
        active = {
            "label": "a script",
            "base_url": "http://builtin/v1",
            "model": "m",
            "builtin": True,
        }
        return {"active": active, "offers": []}

    async def _save(self, record: Any) -> None:
        self.saved.append(record)

    def ask(
        self,
        method: str,
        url: str,
        headers: Pairs | None = None,
        body: bytes | list[bytes] = b"",
        *,
        auth: bool = True,
    ) -> Answer:
        """Call the application with exactly these headers (and a good Host, where none is named)."""
        pieces = [body] if isinstance(body, bytes) else body
        framing = (
            ("content-length", str(len(body)))
            if isinstance(body, bytes)
            else ("transfer-encoding", "chunked")
        )
        incoming = [
            {"type": "http.request", "body": piece, "more_body": place < len(pieces)}
            for place, piece in enumerate(pieces, 1)
        ]
        given = [*(headers or ()), *([framing] if body else ())]
        return Answer(
            self._call(
                "http", url, given, [*incoming, {"type": "http.disconnect"}], auth, method=method
            )
        )

    def knock(
        self,
        url: str,
        headers: Pairs | None = None,
        texts: tuple[str, ...] = (),
        *,
        auth: bool = True,
    ):
        """Open a socket, send texts, leave; return what the application sent."""
        incoming = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": t} for t in texts),
        ]
        return self._call(
            "websocket", url, headers or [], [*incoming, {"type": "websocket.disconnect"}], auth
        )

    def _call(
        self,
        kind: str,
        url: str,
        headers: Pairs,
        incoming: list[dict[str, Any]],
        auth: bool,
        **more: str,
    ) -> list[dict[str, Any]]:
        path, _, query = url.partition("?")
        if auth:
            headers = [*headers, ("authorization", f"Bearer {TOKEN}")]
        if not any(name == "host" for name, _ in headers):
            headers = [*headers, ("host", HOST)]
        scope = {
            "type": kind,
            "path": path,
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers if v is not None],
            "extensions": {"websocket.http.response": {}},
            **more,
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        # Not runner.run: a signal handler for every request costs more than the request.
        self.runner.get_loop().run_until_complete(self.app(scope, receive, send))
        return sent

    @property
    def token(self) -> dict[str, str]:
        return {"authorization": f"Bearer {TOKEN}"}

    @property
    def cookie(self) -> str:
        name = self.config.cookie_name
        return f"{name}={self.auth.cookie(name)}"

    def client(self, *, auth: bool = True, **headers: str) -> TestClient:
        """A client whose requests look like curl's."""
        client = TestClient(self.app, base_url=f"http://{HOST}", follow_redirects=False)
        client.portal = self._portal  # else every request starts a thread with a loop of its own
        client.headers.clear()
        client.headers.update({"host": HOST, **(self.token if auth else {}), **headers})
        return client

    def say(self, count: int, *, channel: str = "main", size: int = 10, chat: bool = False) -> None:
        """Publish events."""
        for number in range(count):
            made: Event = Thinking(
                node="input", run_id="r", channel=channel, text=f"{number}".ljust(size, ".")
            )
            if chat:
                made = Streaming(node="output", run_id="r", channel=channel, text=f"{number}")
            self.hub.publish(made)

    def fail(self) -> None:
        self.hub.publish(Failed(node="runtime", run_id="", channel="main", code="x", detail="y"))


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like static/, with a built page, made once for all who only read it."""
    return built_page(tmp_path_factory.mktemp("page"))


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """The same for a test that changes it; its worlds show this one."""
    return built_page(tmp_path)


def built_page(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "templates").mkdir(parents=True)
    (root / "templates" / "index.html.j2").write_text(
        "<title>{{ version }}</title>{% if assets %}<script src='{{ assets.js }}'></script>"
        "{% for c in assets.css %}<link href='{{ c }}'>{% endfor %}{% endif %}{{ build_error }}"
    )
    (root / "dist" / ".vite").mkdir(parents=True)
    (root / "dist" / "assets").mkdir()
    (root / "dist" / "assets" / "main-abcdefgh.js").write_text("let x = 1")
    (root / "dist" / "plain.svg").write_text("<svg/>")
    (root / "dist" / ".vite" / "manifest.json").write_text(
        '{"src/main.tsx":{"file":"assets/main-abcdefgh.js","isEntry":true,"css":["assets/main-12345678.css"]}}'
    )
    (root / "fallback.js").write_text("plain()")
    (root / "fallback.css").write_text("a{}")
    (root / "package.json").write_text("{}")
    (root / "src").mkdir()
    (root / "src" / "main.tsx").write_text("secret source")
    (tmp_path / "secret.txt").write_text("outside")
    (root / "dist" / "link").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """The loop in a thread that all clients of the test client share."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def make(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Callable[..., World]]:
    """Make a world: ``make(mode="none", allow_query_token=True, …)``."""
    folder = "static" if "static" in request.fixturenames else "page"
    root: Path = request.getfixturevalue(folder)
    worlds: list[World] = []

    def made(mode: str = "local", **settings: Any) -> World:
        worlds.append(World(root, mode, portal, **settings))
        return worlds[-1]

    yield made
    for world in worlds:
        world.runner.close()


@pytest.fixture(scope="module")
def shared(page: Path, portal: BlockingPortal) -> Iterator[World]:
    """A world for tests that only look at refusals: making one costs more than asking it."""
    world = World(page, "local", portal)
    yield world
    world.runner.close()


@pytest.fixture(scope="module")
def unlocked(page: Path, portal: BlockingPortal) -> Iterator[World]:
    """The same without authentication."""
    world = World(page, "none", portal)
    yield world
    world.runner.close()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


@pytest.fixture
def client(world: World) -> TestClient:
    return world.client()


class Live:
    """A world behind a real server."""

    def __init__(self, world: World, server: Server, port: int) -> None:
        self.world = world
        self.server = server
        self.port = port
        self.host = f"127.0.0.1:{port}"

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://{self.host}", headers=self.world.token, timeout=20
        )

    async def raw(self, text: str | bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and send bytes as they are."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text.encode() if isinstance(text, str) else text)
        await writer.drain()
        return reader, writer


@pytest.fixture
def live(make: Callable[..., World]) -> Callable[..., AbstractAsyncContextManager[Live]]:
    """``async with live() as server``: the real server on a port chosen by the system."""

    @asynccontextmanager
    async def running(mode: str = "local", **settings: Any) -> AsyncGenerator[Live]:
        bound = bind("127.0.0.1", 0)
        port = bound.getsockname()[1]
        world = make(mode, port=port, **settings)
        server = Server(server_config(world.app, host="127.0.0.1", port=port), world.stop)
        server.capture_signals = _no_signals  # type: ignore[method-assign]
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[bound]))
            while not server.started:
                await asyncio.sleep(0.001)
            try:
                yield Live(world, server, port)
            finally:
                server.should_exit = True
                await serving

    return running


def _no_signals() -> AbstractContextManager[None]:
    """The test's own process keeps its signals."""
    return nullcontext()
