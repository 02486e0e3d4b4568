"""A small world for tests: a clock that counts, graphs in one line, models and tools by script.

Nothing here fakes a part under test: the engine, the runtime and the stores are the real ones.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.adapters.stores.memory import MemoryStore
from agent.core.databases import Schemas
from agent.core.effects import Effect
from agent.core.events import Event
from agent.core.frames import Envelope, FrameRecord
from agent.core.graph import EdgeSpec, GraphSpec, NodeSpec, PathSpec
from agent.core.journal import Closed, Intent, Row, settled
from agent.core.json import Json, canonical
from agent.core.messages import ModelReply, ModelRequest, ToolCall, Usage
from agent.core.redact import Redactor
from agent.core.state import fresh
from agent.engine.context import Scene, World
from agent.engine.effects import EffectPort, LivePort
from agent.engine.engine import Pass
from agent.engine.program import Node, bind
from agent.runtime.hub import Hub
from agent.runtime.library import Library
from agent.runtime.parts import NoDatabases, Parts
from agent.runtime.runtime import Runtime
from agent.runtime.sensor import Sensor
from agent.runtime.suites import SuiteBoard
from agent.runtime.workspace import Code

STALL_S = 20.0
"""How long a test may hang before it is called a failure; never a measurement."""
TIMES = frozenset({"started", "ended", "duration_ms", "total_ms", "created"})
NOWHERE = Path("/nowhere")


class CountingClock:
    """Goes on by itself, a little with every look; tokens count up."""

    def __init__(self, start: int = 0) -> None:
        self.ticks = start

    def now_ms(self) -> int:
        self.ticks += 1
        return 1_700_000_000_000 + self.ticks

    def now_ns(self) -> int:
        return self.now_ms() * 1_000_000

    def monotonic(self) -> float:
        self.ticks += 1
        return self.ticks / 1000

    def random(self) -> float:
        self.ticks += 1
        return (self.ticks % 100) / 100

    def token(self, size: int) -> str:
        self.ticks += 1
        return f"{self.ticks:0{size * 2}x}"[-size * 2 :]


def graph(
    nodes: str, edges: str = "", *, post: str = "", name: str = "g", paths: str = "", **more: Any
) -> GraphSpec:
    """``nodes="a b c"``, ``edges="a>b+c a>b?reflex"``, ``paths="long=b short=a"``; code is the role's name."""
    return GraphSpec(
        name=name,
        nodes=tuple(
            NodeSpec(role=r, impl=r, post=r in post.split(), **more.get("spec", {}))
            for r in nodes.split()
        ),
        edges=tuple(_edge(text) for text in edges.split()),
        paths=tuple(PathSpec(name=p.split("=")[0], visits=p.split("=")[1]) for p in paths.split()),
        frame_budget=more.get("budget", 32),
    )


def _edge(text: str) -> EdgeSpec:
    route, _, condition = text.partition("?")
    source, _, targets = route.partition(">")
    return EdgeSpec(source=source, to=tuple(targets.split("+")), condition=condition)


def toml(spec: GraphSpec) -> str:
    """Write ``spec`` as a graph file."""
    lines = [f"name = {_quoted(spec.name)}", f"frame_budget = {spec.frame_budget}"]
    for node in spec.nodes:
        lines += ["[[node]]", f"role = {_quoted(node.role)}", f"impl = {_quoted(node.impl)}"]
        lines += ["post = true"] if node.post else []
    for edge in spec.edges:
        lines += ["[[edge]]", f"from = {_quoted(edge.source)}"]
        lines += [f"to = [{', '.join(map(_quoted, edge.to))}]"]
        lines += [f"condition = {_quoted(edge.condition)}"] if edge.condition else []
    for path in spec.paths:
        lines += ["[[path]]", f"name = {_quoted(path.name)}", f"visits = {_quoted(path.visits)}"]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return f'"{text}"'


class Notes:
    """Journal and recorder that only remember."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.secured: list[str] = []

    def intent(self, effect: Effect) -> None:
        self.rows.append(Intent(effect=effect))

    async def secure(self, effect: Effect) -> None:
        self.secured.append(effect.effect_id)
        self.rows.append(Intent(effect=effect))

    def result(self, effect: Effect) -> None:
        self.rows.append(settled(effect))

    def closed(self, records: tuple[FrameRecord, ...], *, post: bool) -> None:
        self.rows.append(Closed(records=records, post=post))


Reply = ModelReply | str | Exception | Callable[[ModelRequest], "Reply"]


class ScriptedModel:
    """Gives the replies it was given, in order; the last one again and again.

    A reply is a text (streamed in two pieces), a whole reply, an error to raise, or a function.
    """

    default_model = "scripted"
    label = "a script"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or ["fine"]
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelReply:
        self.asked.append(request)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        while callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, ModelReply):
            return reply
        half = len(reply) // 2
        for piece in (reply[:half], reply[half:]):
            on_text(piece)
        return ModelReply(text=reply, usage=Usage(prompt_tokens=3, completion_tokens=2), cost=0.5)


class FunctionTool:
    """A tool from a function of its arguments; an exception it returns is raised."""

    description = "a tool of a test"

    def __init__(
        self, name: str, does: Callable[[Json], Any], *, effect: str = "read", is_data: bool = True
    ) -> None:
        self.name = name
        self.does = does
        self.effect = effect
        self.is_data = is_data
        self.parameters: Json = {"type": "object", "properties": {}}
        self.calls: list[Json] = []

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        self.calls.append(arguments)
        log(f"{self.name} works")
        found = self.does(arguments)
        if isinstance(found, BaseException):
            raise found
        if asyncio.isfuture(found) or asyncio.iscoroutine(found):
            return await found
        return found


def world(model: Any = None, *tools: FunctionTool, clock: Any = None) -> World:
    """What nodes of an engine test reach."""
    return World(
        model=model or ScriptedModel(),
        tools={tool.name: tool for tool in tools},
        schemas=Schemas(texts={"none": "no database"}),
        clock=clock or CountingClock(),
        render=lambda prompt, values: f"{prompt}:{canonical(values).decode()}",
    )


class Played(msgspec.Struct):
    """What one pass left."""

    going: Any
    notes: Notes
    emitted: list[Event]
    published: list[Event]


def stage(
    spec: GraphSpec,
    code: Mapping[str, Node],
    *,
    within: World | None = None,
    port: EffectPort | None = None,
    state: Json = None,
    message: str = "hello",
    notes: Notes | None = None,
) -> Played:
    """Set up one pass of ``spec`` without running it."""
    reach = within or world()
    notes = notes or Notes()
    emitted: list[Event] = []
    published: list[Event] = []
    going = Pass(
        bind(spec, code, "rev"),
        reach,
        Scene(run_id="r-000000000001-0000", channel="main", message=message),
        port or LivePort(reach.clock, notes, reach.redactor),
        notes,
        emitted.append,
        published.append,
        fresh("anonymous") if state is None else state,
    )
    return Played(going, notes, emitted, published)


async def play(spec: GraphSpec, code: Mapping[str, Node], **more: Any) -> Played:
    """Run ``spec`` on a message to its end, post-frames included."""
    played = stage(spec, code, **more)
    text = more.get("message", "hello")
    await played.going.run({spec.start: Envelope(kind="message", text=text)})
    if not played.going.error:
        await played.going.run_post()
    return played


def timeless(value: Any) -> Any:
    """``value`` as plain JSON without everything that tells time."""
    return _without_times(msgspec.json.decode(msgspec.json.encode(value)))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        plain = {k: _without_times(v) for k, v in value.items() if k not in TIMES}
        if "chunks" in plain:
            plain["chunks"] = [text for _, text in plain["chunks"]]
        return plain
    return [_without_times(item) for item in value] if isinstance(value, list) else value


# Nodes


def passes(**data: Any) -> Node:
    """A node that hands its input on."""

    async def node(ctx: Any, envelope: Envelope) -> Envelope:
        return Envelope(kind="passed", text=f"{envelope.text}>{ctx.role}", data=data or None)

    return node


def says(text: str) -> Node:
    """A node that answers ``text``."""

    async def node(ctx: Any, envelope: Envelope) -> None:
        ctx.say(text)

    return node


def raises(error: BaseException) -> Node:
    """A node that raises."""

    async def node(ctx: Any, envelope: Envelope) -> None:
        raise error

    return node


def returns(value: Any) -> Node:
    """A node that returns ``value``, whatever it is."""

    async def node(ctx: Any, envelope: Envelope) -> Any:
        return value

    return node


# A whole runtime


def codes(code: Mapping[str, Node]) -> dict[str, Code]:
    """Node code whose source is its name: enough for a manifest."""
    return {name: Code(run=node, source=name) for name, node in code.items()}


def parts_of(
    store: Any,
    specs: tuple[GraphSpec, ...],
    code: Mapping[str, Node],
    *,
    model: Any = None,
    tools: tuple[FunctionTool, ...] = (),
    clock: Any = None,
    first: int = 0,
    library: Library | None = None,
    redactor: Redactor | None = None,
    databases: Any = None,
) -> Parts:
    """Everything a runtime is made of, with memory and models of the test's own."""
    clock = clock or CountingClock()
    model = model or ScriptedModel()
    hub = Hub(clock.now_ns, first=first, reserve=store.reserve)
    if library is None:
        library = Library(codes(code), model=model.default_model, graphs=NOWHERE, prompts=NOWHERE)
        for spec in specs:
            library.add(toml(spec), f"{spec.name}.toml")

    async def save(latest: Json) -> None:
        store.note("tests", latest)

    return Parts(
        hub=hub,
        store=store,
        clock=clock,
        library=library,
        model=model,
        tools={tool.name: tool for tool in tools},
        sensor=Sensor(hub, lambda: 1_700_000_000_000, lambda: 100),
        board=SuiteBoard(hub, clock, save=save),
        redactor=redactor or Redactor(),
        databases=databases or NoDatabases(),
    )


@asynccontextmanager
async def runtime(
    spec: GraphSpec | tuple[GraphSpec, ...],
    code: Mapping[str, Node],
    *,
    store: Any = None,
    grace_s: float = 0.0,
    **more: Any,
) -> AsyncGenerator[Runtime]:
    """A runtime that works; its store is closed on the way out."""
    store = MemoryStore() if store is None else store
    loaded = store.load()
    specs = spec if isinstance(spec, tuple) else (spec,)
    parts = parts_of(store, specs, code, first=loaded.first_seq, **more)
    try:
        async with asyncio.timeout(STALL_S):
            async with Runtime.open(parts, loaded, graph=specs[0].name, grace_s=grace_s) as opened:
                yield opened
    finally:
        await store.close()


async def ask(opened: Runtime, text: str, **more: Any) -> Any:
    """Send ``text`` and return the run when it has ended."""
    return await opened.finished(await opened.send(text, **more))


async def settled_loop(turns: int = 20) -> None:
    """Let everything that is ready run; waits for no time."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Gate:
    """A node that waits until it is let through, and tells when somebody stands before it."""

    def __init__(self, answer: str = "through") -> None:
        self.answer = answer
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.visits = 0

    def node(self) -> Node:
        async def node(ctx: Any, envelope: Envelope) -> None:
            self.visits += 1
            self.reached.set()
            await self.open.wait()
            ctx.say(self.answer)

        return node


__all__ = [
    "CountingClock", "FunctionTool", "Gate", "Notes", "Played", "ScriptedModel", "ToolCall", "ask",
    "graph", "parts_of", "passes", "play", "raises", "returns", "runtime", "says", "settled_loop",
    "stage", "timeless", "toml", "world",
]  # fmt: skip
