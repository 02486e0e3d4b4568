"""A user's source as a module, and what in it is node code.

Node code is a coroutine function of two parameters, a plain function whose first parameter is
called ``ctx`` (it runs in a thread), or an object with an ``async __call__`` that a class holds the
configuration of.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import cast

from agent.core.errors import BadGraph
from agent.core.json import Json
from agent.engine.blocking import Plain, threaded
from agent.engine.program import Node
from agent.engine.threads import Stopped

PARAMETERS = 2
CONTEXT = "ctx"


def load(source: str, name: str, file: str) -> ModuleType:
    """Run a file's source as a module of its own.

    Raises:
        BadGraph: it is not Python, or raises while it is loaded; names file and line.
    """
    name = f"{name}_{hashlib.sha256(source.encode()).hexdigest()[:8]}"  # each text its own module
    try:
        code = compile(source, file, "exec")
    except SyntaxError as error:
        raise BadGraph(f"{file}:{error.lineno or 1}: {error.msg}") from None
    module = sys.modules[name] = ModuleType(name)  # where its classes look up their annotations
    module.__file__ = file
    try:
        exec(code, module.__dict__)  # noqa: S102 - the user's own code, on the user's own machine
    except Stopped:
        raise  # it took too long
    except BaseException as error:  # foreign code: whatever it raises is its own failure
        del sys.modules[name]
        raise BadGraph(f"{file}:{_line(error, file)}: {type(error).__name__}: {error}") from error
    return module


def _line(error: BaseException, file: str) -> int:
    trace, line = error.__traceback__, 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def public(module: ModuleType) -> Iterator[tuple[str, Json]]:
    """Yield what a module itself offers: no private names, no functions or classes of others."""
    for name, found in vars(module).items():
        foreign = isinstance(found, FunctionType | type) and found.__module__ != module.__name__
        if not name.startswith("_") and not foreign:
            yield name, found


def as_node(found: Json) -> Node | None:
    """Return ``found`` as node code; ``None`` when it is none."""
    if isinstance(found, FunctionType):
        names = [*inspect.signature(found).parameters]
        if len(names) != PARAMETERS:
            return None
        if inspect.iscoroutinefunction(found):
            return cast("Node", found)
        return threaded(cast("Plain", found)) if names[0] == CONTEXT else None
    kind = type(found)  # pyright: ignore[reportUnknownVariableType]
    called = getattr(kind, "__call__", None)  # pyright: ignore[reportUnknownArgumentType] # noqa: B004
    return cast("Node", found) if inspect.iscoroutinefunction(called) else None


def source_of(node: Node) -> str:
    """Return the source of the module that a shipped node is in."""
    file = sys.modules[node.__module__].__file__
    return Path(file).read_text("utf-8") if file else ""
