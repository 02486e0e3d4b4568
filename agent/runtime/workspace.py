"""A user's folder: ``graphs/*.toml``, ``nodes/*.py``, ``prompts/*.md``.

Every public coroutine function of a node file is node code under its own name. Files are read and
checked as one; the first fault is named with file and line, and nothing of the folder is taken.
"""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

import msgspec

from agent.core.errors import BadGraph
from agent.core.purity import faults
from agent.engine.program import Node
from agent.runtime.shared import shared_by

PARAMETERS = 2


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Node code with the source it came from."""

    run: Node
    source: str
    shared: Mapping[str, str] = {}
    """Texts of the modules of ``agent.nodes`` that it imports, by name."""


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder holds."""

    codes: Mapping[str, Code] = {}
    prompts: Mapping[str, str] = {}
    graphs: tuple[tuple[str, str], ...] = ()
    """(text, file) each."""


def read(folder: Path) -> Workspace:
    """Read a workspace.

    Raises:
        BadGraph: a file is no text, or a node file is broken or reaches past its context; names
            file and line.
    """
    codes: dict[str, Code] = {}
    for path in sorted((folder / "nodes").glob("*.py")):
        codes |= _codes(path)
    prompts = {path.stem: _text(path) for path in sorted((folder / "prompts").glob("*.md"))}
    graphs = tuple((_text(path), str(path)) for path in sorted((folder / "graphs").glob("*.toml")))
    return Workspace(codes=codes, prompts=prompts, graphs=graphs)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadGraph(f"{path}:{line}: expected UTF-8 text; {error.reason}") from None


def shipped(nodes: Mapping[str, Node]) -> dict[str, Code]:
    """Return the code of nodes that are part of the product, with their modules' source."""
    return {impl: _shipped(node) for impl, node in nodes.items()}


def _shipped(node: Node) -> Code:
    source = _module_source(node)
    return Code(run=node, source=source, shared=shared_by(source))


def _module_source(node: Node) -> str:
    file = sys.modules[node.__module__].__file__
    return Path(file).read_text("utf-8") if file else ""


def _codes(path: Path) -> dict[str, Code]:
    source = _text(path)
    try:
        for line, fault in faults(source):
            raise BadGraph(f"{path}:{line}: {fault}")
        shared = shared_by(source)
        module = load(source, f"workspace_{path.stem}", str(path))
    except SyntaxError as error:
        raise BadGraph(f"{path}:{error.lineno or 1}: {error.msg}") from None
    return {
        name: Code(run=cast("Node", found), source=source, shared=shared)
        for name, found in vars(module).items()
        if _is_node(name, found, module)
    }


def load(source: str, name: str, file: str) -> ModuleType:
    """Run a node file's source as a module of its own.

    Raises:
        BadGraph: it raises while it is loaded; names file and line.
    """
    code = compile(source, file, "exec")
    module = sys.modules[name] = ModuleType(name)  # where its classes look up their annotations
    try:
        exec(code, module.__dict__)  # noqa: S102 - the user's own code, on the user's own machine
    except (Exception, SystemExit) as error:
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


def _is_node(name: str, found: object, module: ModuleType) -> bool:
    return (
        not name.startswith("_")
        and inspect.iscoroutinefunction(found)
        and found.__module__ == module.__name__
        and len(inspect.signature(found).parameters) == PARAMETERS
    )
