"""All a node may do. Nothing else reaches the world.

A context belongs to one visit of one node. What the node says, thinks and emits is published at
once; what it changes in the channel's state is visible to itself at once and to others only after
the frame, merged in the order the graph declares.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from agent.core import controls
from agent.core.budget import fit
from agent.core.effects import EffectKey, EffectKind
from agent.core.errors import NodeFailed, ToolFailed
from agent.core.events import (
    ContextSent,
    Event,
    ProcessDone,
    ProcessStarted,
    Streaming,
    Thinking,
    ToolCalled,
    ToolReturned,
)
from agent.core.graph import NodeSpec
from agent.core.json import Json, canonical
from agent.core.messages import ModelReply, ModelRequest, Turn
from agent.core.state import Change, apply
from agent.engine.effects import Answer, Ask, Call, EffectPort, OnText
from agent.engine.police import INSIDE
from agent.engine.ports import Clock, Model, Render, Tool
from agent.engine.structured import decode, response_format

T = TypeVar("T")
RESULT_CHARS = 2000
LOG_LINES = 200


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a node can reach, through its context only."""

    model: Model
    tools: Mapping[str, Tool]
    """Data tools by name."""
    schema: str
    """Schema text of the databases, for prompts."""
    clock: Clock
    render: Render


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was given at its start and never sees change."""

    run_id: str
    channel: str
    message: str
    history: tuple[Turn, ...] = ()
    dashboard: Json = None
    sensor: Json = None
    identity: str = "anonymous"


def _ignore(_text: str) -> None:
    return


class Context(msgspec.Struct):
    """One visit's hands."""

    _world: World
    _scene: Scene
    _port: EffectPort
    _emit: Callable[[Event], object]
    spec: NodeSpec
    frame: int
    visit: int
    _state: Json
    _said: list[str] = []
    _changes: list[Change] = []
    _effects: list[str] = []
    _indices: dict[str, int] = {}

    # What a node can read

    @property
    def role(self) -> str:
        """Role of the node in its graph."""
        return self.spec.role

    @property
    def run_id(self) -> str:
        """The run this visit belongs to."""
        return self._scene.run_id

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
        return self._world.schema

    @property
    def tools(self) -> tuple[Json, ...]:
        """Specifications of all tools, data tools first, as a model is given them."""
        return (*(_spec(tool) for tool in self._world.tools.values()), *controls.SPECS)

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
            self._said.append(text)
            self._emit(Streaming(**self.where, text=text))

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
        self._changes += changes
        self._state = apply(self._state, changes)

    # What a node can ask

    async def model(
        self,
        messages: list[Json] | tuple[Json, ...],
        *,
        tools: tuple[Json, ...] = (),
        shape: Json = None,
        on_text: OnText | None = None,
    ) -> ModelReply:
        """Ask the node's model.

        Raises:
            ModelFailed: after all permitted tries.
        """
        kept, dropped = fit(tuple(messages), self.spec.token_budget)
        request = ModelRequest(
            model=self.spec.model or self._world.model.default_model,
            messages=kept,
            tools=tools,
            response_format=shape,
            temperature=self.spec.temperature,
        )
        key = self._key("")
        plain: Json = msgspec.to_builtins(request)
        self._emit(
            ContextSent(
                **self.where,
                effect_id=str(key),
                model=request.model,
                messages=len(kept),
                characters=len(canonical(plain)),
                dropped=dropped,
            )
        )

        async def call(heard: OnText) -> Answer:
            reply = await self._world.model.complete(request, heard)
            plain_reply: Json = msgspec.to_builtins(reply)
            return Answer(response=plain_reply, usage=reply.usage, cost=reply.cost)

        ask = Ask(kind="model", name=request.model, request=plain)
        effect = await self._port.perform(key, ask, call, on_text or _ignore)
        return msgspec.convert(effect.response, ModelReply)

    async def structured(self, shape: type[T], messages: list[Json] | tuple[Json, ...]) -> T:
        """Ask the node's model for a value of ``shape``; repair once when it is not one.

        Raises:
            ModelFailed: after all permitted tries.
            NodeFailed: the second answer is not a ``shape`` either.
        """
        wanted = response_format(shape)
        reply = await self.model(messages, shape=wanted)
        try:
            return decode(reply.text, shape)
        except msgspec.DecodeError as error:
            fault = str(error)
        repair = (
            *messages,
            {"role": "assistant", "content": reply.text},
            {"role": "user", "content": f"That was not valid: {fault}. Answer with the JSON only."},
        )
        reply = await self.model(repair, shape=wanted)
        try:
            return decode(reply.text, shape)
        except msgspec.DecodeError as error:
            raise NodeFailed(
                f"{self.role}: the model answered {reply.text[:200]!r} where "
                f"{shape.__name__} was expected ({error}), twice"
            ) from None

    async def call(self, tool: str, arguments: Json, *, branch: str = "") -> Json:
        """Call a tool by name, data tool or control tool.

        Raises:
            ToolFailed: with a named code; ``unknown_tool`` when there is none of that name.
        """
        key = self._key(branch)
        own = self._world.tools.get(tool)
        write = own is not None and own.effect == "write"
        ask = Ask(kind="tool", name=tool, request=_arguments(tool, arguments), write=write)
        where = self.where
        self._emit(ToolCalled(**where, tool=tool, args=arguments, effect_id=str(key)))
        begin = self._world.clock.monotonic()
        ok, shown = False, "cancelled"
        try:
            response = await self._observed(key, ask, own, arguments)
            ok, shown = True, canonical(response).decode()
        except ToolFailed as failure:
            shown = f"{failure.code}: {failure}"
            raise
        finally:
            took = (self._world.clock.monotonic() - begin) * 1000
            self._emit(
                ToolReturned(
                    **where,
                    tool=tool,
                    effect_id=str(key),
                    ok=ok,
                    result=shown[:RESULT_CHARS],
                    duration_ms=round(took, 3),
                )
            )
        return response

    async def _observed(self, key: EffectKey, ask: Ask, own: Tool | None, arguments: Json) -> Json:
        if ask.name in controls.NAMES:
            return await self._control(key, ask, arguments)
        if own is None:
            return await self._perform(key, ask, _unknown(ask.name, self._world.tools))
        where, pid = self.where, f"{self.run_id}/{key}"
        lines: list[str] = []

        def line(text: str) -> None:
            if len(lines) < LOG_LINES:
                lines.append(text)

        async def call(_heard: OnText) -> Answer:
            return Answer(response=await own.call(arguments, line))

        self._emit(ProcessStarted(**where, pid=pid, tool=ask.name))
        status = "cancelled"
        try:
            response = await self._perform(key, ask, call)
            status = "done"
        except ToolFailed:
            status = "failed"
            raise
        finally:
            done = ProcessDone(**where, pid=pid, tool=ask.name, status=status, lines=[*lines])
            self._emit(done)
        return response

    async def _control(self, key: EffectKey, ask: Ask, arguments: Json) -> Json:
        ui = self._state.get("ui")

        async def call(_heard: OnText) -> Answer:
            result, changes = controls.run(ask.name, arguments, ui)
            plain: Json = msgspec.to_builtins(changes)
            return Answer(response={"result": result, "changes": plain})

        response = await self._perform(key, ask, call)
        self.remember(*msgspec.convert(response["changes"], tuple[Change, ...]))
        return response["result"]

    async def query(self, sql: str, database: str) -> Json:
        """Run one SQL query; the same as calling ``query_db``."""
        return await self.call("query_db", {"query": sql, "database": database})

    async def _perform(self, key: EffectKey, ask: Ask, call: Call) -> Json:
        effect = await self._port.perform(key, ask, call, _ignore)
        return effect.response

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
        index = self._indices.get(branch, 0)
        self._indices[branch] = index + 1
        key = EffectKey(
            frame=self.frame, node=self.spec.role, visit=self.visit, branch=branch, index=index
        )
        self._effects.append(str(key))
        return key

    # What the engine takes when the visit has ended

    @property
    def said(self) -> str:
        """All that was told to the user."""
        return "".join(self._said)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed in the channel's state, in order."""
        return tuple(self._changes)

    @property
    def effects(self) -> tuple[str, ...]:
        """Ids of the effects performed, in order."""
        return tuple(self._effects)


def _arguments(tool: str, arguments: Json) -> Json:
    return {"tool": tool, "arguments": arguments}


def _spec(tool: Tool) -> Json:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


def _unknown(name: str, tools: Mapping[str, Tool]) -> Call:
    async def call(_heard: OnText) -> Answer:
        known = ", ".join([*tools, *sorted(controls.NAMES)])
        raise ToolFailed("unknown_tool", f"there is no tool {name!r}; known: {known}")

    return call
