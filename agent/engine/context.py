"""All a node may do. Nothing else reaches the world.

Every question goes through the effect port, under a key that says where it was asked, so a
recording can answer it again.
"""

from typing import Literal, TypeVar

import msgspec

from agent.core import controls
from agent.core.budget import fit
from agent.core.effects import EffectKey
from agent.core.errors import ModelFailed, NodeFailed, ToolFailed
from agent.core.events import (
    ContextSent,
    ProcessDone,
    ProcessLine,
    ProcessStarted,
    ToolCalled,
    ToolReturned,
)
from agent.core.json import Json, canonical
from agent.core.messages import ModelReply, ModelRequest
from agent.core.state import Change
from agent.engine.effects import Answer, Ask, Call, OnText
from agent.engine.output import Log
from agent.engine.ports import Tool
from agent.engine.presence import Presence, Scene, World
from agent.engine.structured import decode, response_format

__all__ = ["Context", "Scene", "World"]

T = TypeVar("T")
RESULT_CHARS = 2000
_EXIT = {"done": 0, "failed": 1}


def _ignore(_text: str) -> None:
    return


class Context(Presence):
    """One visit's hands."""

    async def model(
        self,
        messages: list[Json] | tuple[Json, ...],
        *,
        tools: tuple[Json, ...] = (),
        shape: Json = None,
        on_text: OnText | None = None,
        again: bool = False,
    ) -> ModelReply:
        """Ask the node's model; ``again`` says that the answer before could not be used.

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

        ask = Ask(kind="model", name=request.model, request=plain, again=again, resend=self._resend)
        effect = await self._port.perform(key, ask, self._asking(request), on_text or _ignore)
        reply = msgspec.convert(effect.response, ModelReply)
        if reply.reasoning:
            self.think(reply.reasoning[:RESULT_CHARS])
        return reply

    def _resend(self, request: Json) -> Call:
        return self._asking(msgspec.convert(request, ModelRequest))

    def _asking(self, request: ModelRequest) -> Call:
        async def call(heard: OnText) -> Answer:
            reply = await self._world.model.complete(request, heard)
            plain: Json = msgspec.to_builtins(reply)
            return Answer(response=plain, usage=reply.usage, cost=reply.cost)

        return call

    async def structured(self, shape: type[T], messages: list[Json] | tuple[Json, ...]) -> T:
        """Ask the node's model for a value of ``shape``; repair once when it is not one.

        Raises:
            ModelFailed: after all permitted tries, or where the answer was cut at a limit.
            NodeFailed: the second answer is not a ``shape`` either.
        """
        wanted = response_format(shape)
        reply = await self.model(messages, shape=wanted)
        try:
            return decode(reply.text, shape)
        except msgspec.DecodeError as error:
            _refuse_cut(reply, shape)
            fault = str(error)
        repair = (
            *messages,
            {"role": "assistant", "content": reply.text},
            {"role": "user", "content": f"That was not valid: {fault}. Answer with the JSON only."},
        )
        reply = await self.model(repair, shape=wanted, again=True)
        try:
            return decode(reply.text, shape)
        except msgspec.DecodeError as error:
            _refuse_cut(reply, shape)
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
        """Make the call as a process: begun, its lines, how it ended."""
        pid, clock = f"{self._scene.run_id}/{key}", self._world.clock
        log = Log(self._world.redactor, lambda line: self._heard(pid, line))
        self._emit(
            ProcessStarted(
                **self.where, pid=pid, tool=ask.name, args=arguments, started=clock.now_ms()
            )
        )
        status: Literal["done", "failed", "cancelled"] = "cancelled"
        try:
            work = self._work(ask.name, own, arguments, pid, log)
            effect = await self._port.perform(key, ask, work, _ignore)
            status = "done"
        except ToolFailed as failure:
            status = "cancelled" if failure.code == "cancelled" else "failed"
            raise
        finally:
            log.close()
            self._emit(
                ProcessDone(
                    **self.where,
                    pid=pid,
                    tool=ask.name,
                    status=status,
                    lines=[*log.lines],
                    left_out=log.left_out,
                    exit_code=_EXIT.get(status),
                    ended=clock.now_ms(),
                )
            )
        return self._taken(ask.name, effect.response)

    def _heard(self, pid: str, line: str) -> None:
        self._emit(ProcessLine(**self.where, pid=pid, line=line))

    def _work(self, name: str, own: Tool | None, arguments: Json, pid: str, log: Log) -> Call:
        """Return what is done where the call is not answered from a recording."""
        world, mine = self._world, self.spec.tools
        if mine and name not in mine:
            return _unknown(name, mine)
        if name in world.control_tools:
            return self._control(name, arguments, log)
        if own is None:
            return _unknown(name, (*world.tools, *sorted(world.control_tools)))

        async def call(_heard: OnText) -> Answer:
            work = own.call(arguments, log.write)
            return Answer(response=await world.processes.run(pid, work))

        return call

    def _control(self, name: str, arguments: Json, log: Log) -> Call:
        ui = self._state.get("ui")

        async def call(_heard: OnText) -> Answer:
            result, changes = controls.run(name, arguments, ui)
            log.write(canonical(result).decode())
            plain: Json = msgspec.to_builtins(changes)
            return Answer(response={"result": result, "changes": plain})

        return call

    def _taken(self, name: str, response: Json) -> Json:
        """Return what a tool gave; what a control tool changed is the node's own change."""
        if name not in self._world.control_tools:
            return response
        self.remember(*msgspec.convert(response["changes"], tuple[Change, ...]))
        return response["result"]

    async def query(self, sql: str, database: str) -> Json:
        """Run one SQL query; the same as calling ``query_db``."""
        return await self.call("query_db", {"query": sql, "database": database})


def _refuse_cut(reply: ModelReply, shape: type) -> None:
    """Name an answer that ended at a limit: asked again, it would end there again."""
    if reply.finish == "length":
        raise ModelFailed(
            "model_output_limit",
            f"{reply.model} used up its tokens inside {shape.__name__}; raise the server's limit "
            f"of tokens for an answer (or its context)",
            partial={"text": reply.text},
        )


def _arguments(tool: str, arguments: Json) -> Json:
    return {"tool": tool, "arguments": arguments}


def _unknown(name: str, known: tuple[str, ...]) -> Call:
    async def call(_heard: OnText) -> Answer:
        raise ToolFailed("unknown_tool", f"there is no tool {name!r}; known: {', '.join(known)}")

    return call
