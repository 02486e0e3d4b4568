"""A user's functions as tools: the schema comes from the signature, the words from the docstring.

What a function gets has been checked against its annotations. Whatever it raises is a failed tool
call with a named code, never a failed node.
"""

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import get_type_hints

import msgspec

from agent.core.errors import ToolFailed
from agent.core.json import Json, canonical
from agent.engine.threads import in_thread

LOG = "log"
"""Name of the parameter that takes lines of live output; not one of the arguments."""


class BadToolError(ValueError):
    """A function that cannot be a tool; says why."""


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function, ready to be called by name."""

    name: str
    description: str
    parameters: Json
    effect: str
    run: Callable[..., Json]
    shape: type[msgspec.Struct]
    """Its arguments."""
    logs: bool
    is_data: bool = True

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        """Check the arguments and run it; a plain function in a thread.

        Raises:
            ToolFailed: ``bad_arguments``, ``tool_error``, or the function's own.
        """
        try:
            given = msgspec.convert(
                {} if arguments is None else arguments, self.shape, strict=False
            )
        except msgspec.ValidationError as error:
            raise ToolFailed("bad_arguments", f"{self.name}: {error}") from None
        named = msgspec.structs.asdict(given)
        try:
            return _plain(await self._run(named, log))
        except ToolFailed:
            raise
        except Exception as error:
            raise ToolFailed(
                "tool_error", f"{self.name}: {type(error).__name__}: {error}"
            ) from error

    async def _run(self, named: dict[str, Json], log: Callable[[str], None]) -> Json:
        if inspect.iscoroutinefunction(self.run):
            return await self.run(**named, **({LOG: log} if self.logs else {}))
        loop = asyncio.get_running_loop()
        heard = {LOG: partial(loop.call_soon_threadsafe, log)} if self.logs else {}
        return await in_thread(partial(self.run, **named, **heard), f"tool {self.name}")


def tool_of(function: Callable[..., Json], effect: str) -> FunctionTool:
    """Make a tool of ``function``.

    Raises:
        BadToolError: it has no docstring, or a parameter without a usable annotation.
    """
    name = function.__name__
    description = inspect.getdoc(function)
    if not description:
        raise BadToolError(f"tool {name!r} needs a docstring: it is what a model is told")
    parameters = inspect.signature(function).parameters
    shape = _shape(function, [p for key, p in parameters.items() if key != LOG])
    return FunctionTool(
        name=name,
        description=description,
        parameters=_schema(name, shape),
        effect=effect,
        run=function,
        shape=shape,
        logs=LOG in parameters,
    )


def _shape(
    function: Callable[..., Json], parameters: list[inspect.Parameter]
) -> type[msgspec.Struct]:
    name = function.__name__
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:  # noqa: BLE001 - annotations are code, and may raise anything
        raise BadToolError(f"tool {name!r}: {error}") from None
    parts: list[Json] = []
    for one in parameters:
        if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL, one.VAR_KEYWORD):
            raise BadToolError(f"tool {name!r}: expected named parameters, got {one}")
        if one.name not in hints:
            raise BadToolError(f"tool {name!r}: parameter {one.name!r} needs a type, such as 'str'")
        default = () if one.default is one.empty else (one.default,)
        parts.append((one.name, hints[one.name], *default))
    try:
        return msgspec.defstruct(name, parts, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise BadToolError(f"tool {name!r}: {error}") from None


def _schema(name: str, shape: type[msgspec.Struct]) -> Json:
    try:
        (_,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    except (TypeError, ValueError) as error:
        raise BadToolError(f"tool {name!r}: {error}") from None
    schema = dict(parts.pop(name))
    schema.pop("title", None)
    schema["additionalProperties"] = False
    return {**schema, **({"$defs": parts} if parts else {})}


def _plain(value: Json) -> Json:
    plain: Json = msgspec.to_builtins(value)
    canonical(plain)  # what cannot be recorded fails here, as the tool's own fault
    return plain
