"""A user's folder: ``graphs/*.toml``, ``nodes/*.py``, ``prompts/*.md``, ``tools/*.py``, suites.

Public functions of a node file are node code under their own names, those of a tool file are tools.
Files are read and checked as one: every fault is named with file and line, and while there is one,
nothing of the folder is taken.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import TypeVar

import msgspec

from agent.core.controls import NAMES
from agent.core.errors import BadGraph
from agent.core.purity import faults
from agent.engine.program import Node
from agent.runtime.functions import BadToolError, FunctionTool, tool_of
from agent.runtime.modules import as_node, load, public, source_of
from agent.runtime.shared import shared_by
from agent.tools import MARK

T = TypeVar("T")
KINDS = {"graphs": "*.toml", "nodes": "*.py", "prompts": "*.md", "tools": "*.py",
         "testcases": "*.md"}  # fmt: skip
"""Folder → the files in it that count."""
_WHERE = re.compile(r"(?P<file>.+?):(?:(?P<line>\d+):)? (?P<cause>.*)", re.DOTALL)
_TOML_LINE = re.compile(r"at line (\d+)")


class Fault(msgspec.Struct, frozen=True):
    """Why a file cannot be used."""

    file: str
    line: int
    cause: str


class Broken(BadGraph):
    """Files of a workspace cannot be used; the message is the first one's."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(messages[0])
        self.faults = tuple(fault_of(message) for message in messages)


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Node code with the source it came from."""

    run: Node
    source: str
    shared: Mapping[str, str] = {}
    """Texts of the modules of ``agent.nodes`` that it imports, by name."""


class OwnTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool with the source it came from."""

    tool: FunctionTool
    source: str
    where: str
    """``file:line``."""


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder holds."""

    codes: Mapping[str, Code] = {}
    prompts: Mapping[str, str] = {}
    graphs: tuple[tuple[str, str], ...] = ()
    """(text, file) each."""
    tools: Mapping[str, OwnTool] = {}
    suites: tuple[str, ...] = ()
    """Files of ``testcases/``."""


def fault_of(message: str) -> Fault:
    """Take ``file:line: cause`` apart."""
    found = _WHERE.match(message)
    if found is None:
        return Fault("", 1, message)
    line = found["line"] or next(iter(_TOML_LINE.findall(message)), 1)
    return Fault(found["file"], int(line), found["cause"])


class _Reading:
    """Reads file after file and collects what is wrong."""

    def __init__(self, folder: Path, heard: Callable[[Path], object]) -> None:
        self._folder = folder
        self._heard = heard
        self._root = folder.resolve()
        self.wrong: list[str] = []

    def each(self, kind: str, take: Callable[[Path, str], T]) -> Iterator[tuple[Path, T]]:
        for path in sorted((self._folder / kind).glob(KINDS[kind])):
            self._heard(path)
            try:
                _check_name(path)
                yield path, take(path, self._text(path))
            except BadGraph as error:
                self.wrong.append(str(error))

    def _text(self, path: Path) -> str:
        if not path.resolve().is_relative_to(self._root):
            raise BadGraph(f"{path}:1: leads out of the workspace; put a copy here")
        try:
            return path.read_text("utf-8")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise BadGraph(f"{path}:{line}: expected UTF-8 text; {error.reason}") from None
        except OSError as error:
            raise BadGraph(f"{path}:1: cannot be read: {error.strerror}") from None


def _check_name(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise BadGraph(f"{path}:1: expected a file name in UTF-8; rename it") from None


def read(folder: Path, heard: Callable[[Path], object] = str) -> Workspace:
    """Read a workspace; ``heard`` is told each file before it is read.

    Raises:
        Broken: a file is no text, a node file is broken or reaches past its context, or a tool is
            not what a tool must be; names each file and line.
    """
    reading = _Reading(folder, heard)
    codes: dict[str, Code] = {}
    for path, found in reading.each("nodes", _codes):
        reading.wrong += [
            f"{path}:{_line_of(name, found[name].source)}: node {name!r} is already in another "
            "file of nodes/; give one another name"
            for name in found
            if name in codes
        ]
        codes |= found
    tools: dict[str, OwnTool] = {}
    for _, own in reading.each("tools", _tools):
        reading.wrong += [_twice(name, own[name], tools[name]) for name in own if name in tools]
        tools |= own
    workspace = Workspace(
        codes=codes,
        prompts={path.stem: text for path, text in reading.each("prompts", _as_it_is)},
        graphs=tuple((text, str(path)) for path, text in reading.each("graphs", _as_it_is)),
        tools=tools,
        suites=tuple(path.name for path, _ in reading.each("testcases", _as_it_is)),
    )
    if reading.wrong:
        raise Broken(reading.wrong)
    return workspace


def _line_of(name: str, source: str) -> int:
    """Return the line at which a file gives something its name."""
    found = re.search(rf"^(?:async )?(?:def )?{name}\b", source, re.MULTILINE)
    return source.count("\n", 0, found.start()) + 1 if found else 1


def _as_it_is(_path: Path, text: str) -> str:
    return text


def _twice(name: str, one: OwnTool, other: OwnTool) -> str:
    return f"{one.where}: tool {name!r} is already in {other.where}; give one another name"


def shipped(nodes: Mapping[str, Node]) -> dict[str, Code]:
    """Return the code of nodes that are part of the product, with their modules' source."""
    return {impl: _shipped(node) for impl, node in nodes.items()}


def _shipped(node: Node) -> Code:
    source = source_of(node)
    return Code(run=node, source=source, shared=shared_by(source))


def _codes(path: Path, source: str) -> dict[str, Code]:
    reaches = _faults(path, source)
    if reaches:
        raise BadGraph(f"{path}:{reaches[0][0]}: {reaches[0][1]}")
    module = load(source, f"workspace_{path.stem}", str(path))
    shared = shared_by(source)
    found = {name: as_node(value) for name, value in public(module)}
    return {
        name: Code(run=run, source=source, shared=shared)
        for name, run in found.items()
        if run is not None
    }


def _faults(path: Path, source: str) -> list[tuple[int, str]]:
    try:
        return [*faults(source)]
    except SyntaxError as error:
        raise BadGraph(f"{path}:{error.lineno or 1}: {error.msg}") from None


def _tools(path: Path, source: str) -> dict[str, OwnTool]:
    reaches = _faults(path, source)
    module = load(source, f"workspace_tools_{path.stem}", str(path))
    functions = {name: one for name, one in public(module) if isinstance(one, FunctionType)}
    return {name: _tool(path, source, one, reaches) for name, one in functions.items()}


def _tool(
    path: Path, source: str, function: FunctionType, reaches: list[tuple[int, str]]
) -> OwnTool:
    where = f"{path}:{function.__code__.co_firstlineno}"
    effect = getattr(function, MARK, "")
    if not effect and reaches:
        line, fault = reaches[0]
        raise BadGraph(
            f"{where}: say what {function.__name__!r} touches: @tool(effect=…) with 'pure', "
            f"'read' or 'write', for the file reaches the world (line {line}: "
            f"{fault.partition(';')[0]})"
        )
    if function.__name__ in NAMES:
        raise BadGraph(f"{where}: {function.__name__!r} is a control tool; take another name")
    try:
        tool = tool_of(function, effect or "pure")
    except BadToolError as error:
        raise BadGraph(f"{where}: {error}") from None
    return OwnTool(tool=tool, source=source, where=where)
