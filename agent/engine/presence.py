"""What a node sees and tells: its half of the context that asks nothing of the world.

A presence belongs to one visit of one node. What the node says, thinks and emits is published at
once; what it changes in the channel's state is visible to itself at once and to others only after
the frame, merged in the order the graph declares.
"""

# pyright: reportPrivateUsage=false
# An operator's hands, at the end, are functions beside the class: no node is offered them.
from collections.abc import Callable, Coroutine, Mapping

import msgspec

from agent.core import controls
from agent.core.databases import Schemas
from agent.core.effects import EffectKey, EffectKind
from agent.core.events import Event, Streaming, Thinking
from agent.core.graph import GraphSpec, NodeSpec
from agent.core.json import Json, canonical
from agent.core.messages import Turn
from agent.core.redact import Redactor
from agent.core.state import Change, apply
from agent.engine.effects import OPERATOR, Ask, EffectPort
from agent.engine.police import INSIDE
from agent.engine.ports import Clock, Model, Processes, Render, Tool


class Inline:
    """Runs a tool call where it is made; nobody else can stop it."""

    async def run(self, pid: str, work: Coroutine[None, None, Json]) -> Json:
        """Do ``work``."""
        del pid
        return await work


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a node can reach, through its context only."""

    model: Model
    tools: Mapping[str, Tool]
    """Data tools by name."""
    control_tools: Mapping[str, Json] = controls.BY_NAME
    """Control tools by name, as models are given them."""
    schemas: Schemas = msgspec.field(default_factory=Schemas)
    """What the databases hold, for prompts."""
    clock: Clock
    render: Render
    graph: GraphSpec | None = None
    """The graph that runs; what a node can learn of it is which experts it may route to."""
    redactor: Redactor = msgspec.field(default_factory=Redactor)
    processes: Processes = msgspec.field(default_factory=Inline)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was given at its start and never sees change."""

    run_id: str
    channel: str
    message: str
    known_as: str = ""
    """The run id that nodes are told, where it is another: a replay tells that of the recording."""
    history: tuple[Turn, ...] = ()
    dashboard: Json = None
    sensor: Json = None
    identity: str = "anonymous"


class Presence(msgspec.Struct):
    """One visit's eyes and mouth."""

    _world: World
    _scene: Scene
    _port: EffectPort
    _emit: Callable[[Event], object]
    spec: NodeSpec
    frame: int
    visit: int
    _state: Json
    _said: list[str] | None = None
    _changes: list[Change] | None = None
    _effects: list[str] | None = None
    _indices: dict[str, int] | None = None

    # What a node can read

    @property
    def role(self) -> str:
        """Role of the node in its graph."""
        return self.spec.role

    @property
    def run_id(self) -> str:
        """The run this visit belongs to."""
        return self._scene.known_as or self._scene.run_id

    @property
    def message(self) -> str:
        """The run's text, as it was sent."""
        return self._scene.message

    @property
    def history(self) -> tuple[Turn, ...]:
        """The conversation before this message, oldest first."""
        return self._scene.history

    @property
    def dashboard(self) -> Json:
        """What the browser showed when the message was sent."""
        return self._scene.dashboard

    @property
    def sensor(self) -> Json:
        """What the sensor knew when the run started."""
        return self._scene.sensor

    @property
    def identity(self) -> str:
        """Who is talking."""
        return self._scene.identity

    @property
    def state(self) -> Json:
        """The channel's state as of the frame's start, with this node's own changes."""
        return self._state

    @property
    def schema(self) -> str:
        """Schema text of the databases that can be queried."""
        return self._world.schemas.text

    @property
    def databases(self) -> tuple[str, ...]:
        """Names of the databases that can be queried."""
        return self._world.schemas.names

    def schema_of(self, database: str) -> str:
        """Return the schema text of one database; of one that is unknown, which ones there are."""
        return self._world.schemas.of(database)

    @property
    def tools(self) -> tuple[Json, ...]:
        """Specifications of the node's tools, data tools first, as a model is given them."""
        world = self._world
        specs = (*map(_spec, world.tools.values()), *world.control_tools.values())
        mine = self.spec.tools
        return tuple(s for s in specs if s["function"]["name"] in mine) if mine else specs

    @property
    def experts(self) -> Mapping[str, NodeSpec]:
        """The experts this node can route to, by name."""
        graph = self._world.graph
        return graph.experts(self.role) if graph else {}

    @property
    def data_tools(self) -> frozenset[str]:
        """Names of the tools whose results are data."""
        return frozenset(name for name, tool in self._world.tools.items() if tool.is_data)

    @property
    def where(self) -> dict[str, Json]:
        """The fields every event of this visit shares."""
        scene = self._scene
        return {
            "node": self.spec.role,
            "run_id": scene.run_id,
            "channel": scene.channel,
            "frame": self.frame,
        }

    def render(self, prompt: str, **values: Json) -> str:
        """Fill the template ``prompts/<prompt>.md``."""
        inside = INSIDE.set(False)  # a template may be compiled only now
        try:
            return self._world.render(prompt, values)
        finally:
            INSIDE.reset(inside)

    # What a node can tell

    def say(self, text: str) -> None:
        """Stream a piece of the answer to the user."""
        if text:
            ("" + text).encode()  # what is no text fails here, in the node that said it
            if self._said is None:
                self._said = []
            self._said.append(text)
            scene, emit = self._scene, self._emit
            emit(
                Streaming(
                    node=self.spec.role,
                    run_id=scene.run_id,
                    channel=scene.channel,
                    frame=self.frame,
                    text=text,
                )
            )

    def think(self, text: str) -> None:
        """Tell observers what the node is busy with."""
        self._emit(Thinking(**self.where, text=text))

    def log(self, text: str) -> None:
        """Leave a note for observers."""
        self.think(text)

    def emit(self, event: Event) -> None:
        """Publish a fact about the node's work."""
        canonical(event)  # what cannot be sent fails here, in the node, not in a reader
        self._emit(event)

    def remember(self, *changes: Change) -> None:
        """Change the channel's state."""
        canonical(changes)  # what cannot be stored fails here
        self._changes = self._changes or []
        self._changes += changes
        self._state = apply(self._state, changes)

    # What a node may take from chance and time

    def now(self) -> int:
        """Wall time in Unix milliseconds, recorded."""
        return self._instant("clock", self._world.clock.now_ms)

    def random(self) -> float:
        """A number in [0, 1), recorded."""
        return self._instant("random", self._world.clock.random)

    def new_id(self) -> str:
        """An id that nothing else has, recorded."""
        return self._instant("id", lambda: self._world.clock.token(8))

    def _instant(self, kind: EffectKind, value: Callable[[], Json]) -> Json:
        return self._port.instant(self._key(""), Ask(kind=kind), value).response

    def _key(self, branch: str) -> EffectKey:
        if self._indices is None:
            self._indices = {}
        index = self._indices.get(branch, 0)
        self._indices[branch] = index + 1
        key = EffectKey(
            frame=self.frame, node=self.spec.role, visit=self.visit, branch=branch, index=index
        )
        self._effects = self._effects or []
        self._effects.append(str(key))
        return key

    # What the engine takes when the visit has ended

    @property
    def said(self) -> str:
        """All that was told to the user."""
        return "".join(self._said) if self._said else ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed in the channel's state, in order."""
        return tuple(self._changes) if self._changes else ()

    @property
    def effects(self) -> tuple[str, ...]:
        """Ids of the effects performed, in order."""
        return tuple(self._effects) if self._effects else ()


# What an operator does to a visit


# ruff: disable[SLF001]
def divert(visit: Presence, port: EffectPort) -> None:
    """Have what is asked from now on go through ``port``."""
    visit._port = port


def adopt(visit: Presence, effects: tuple[str, ...], changes: tuple[Change, ...]) -> None:
    """Take up edits that were made before the visit began, and that its state shows already."""
    visit._effects = [*visit.effects, *effects]
    visit._indices = {OPERATOR: len(effects)}
    visit._changes = [*visit.changes, *changes]


def operated(visit: Presence) -> EffectKey:
    """Return the key of an edit that is made now."""
    return visit._key(OPERATOR)


def noted(visit: Presence, request: Json) -> None:
    """Write down an edit that is made now."""
    ask = Ask(kind="operator_edit", request=request)
    visit._port.instant(visit._key(OPERATOR), ask, lambda: None)


def parameters(visit: Presence, tool: str) -> Json:
    """Return the JSON schema of a tool's arguments; ``None`` where there is no such tool."""
    specs = [spec["function"] for spec in visit.tools]
    return next((spec["parameters"] for spec in specs if spec["name"] == tool), None)


def equip(visit: Presence, spec: NodeSpec, render: Render | None) -> None:
    """Give a visit that begins other settings, and other prompts if ``render`` is given."""
    visit.spec = spec
    if render is not None:
        visit._world = msgspec.structs.replace(visit._world, render=render)


# ruff: enable[SLF001]


def _spec(tool: Tool) -> Json:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }
