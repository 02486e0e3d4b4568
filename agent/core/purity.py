"""What a node's source may not mention, because a replay could not answer it.

Found by reading the syntax tree when a file is loaded. It is a help for honest authors, not a
sandbox: whoever wants past it gets past it, and then the audit hook stops the act itself.
"""

import ast
from collections.abc import Iterator, Mapping, Set

MODULES: Mapping[str, str] = {
    "time": "ctx.now()",
    "random": "ctx.random()",
    "secrets": "ctx.new_id()",
    "uuid": "ctx.new_id()",
    "os": "a tool, called with ctx.call()",
    "io": "a tool, called with ctx.call()",
    "pathlib": "a tool, called with ctx.call()",
    "shutil": "a tool, called with ctx.call()",
    "subprocess": "a tool, called with ctx.call()",
    "threading": "an async function",
    "concurrent": "an async function",
    "importlib": "an import statement at the top",
    "tempfile": "a tool, called with ctx.call()",
    "glob": "a tool, called with ctx.call()",
    "multiprocessing": "a tool, called with ctx.call()",
    "socket": "a tool, called with ctx.call()",
    "ssl": "a tool, called with ctx.call()",
    "http": "a tool, called with ctx.call()",
    "urllib.request": "a tool, called with ctx.call()",
    "httpx": "a tool, called with ctx.call()",
    "requests": "a tool, called with ctx.call()",
    "aiohttp": "a tool, called with ctx.call()",
    "sqlite3": "ctx.query()",
}
"""Module → what to use instead."""
CALLS: Mapping[str, str] = {
    "open": "a tool, called with ctx.call()",
    "input": "a tool, called with ctx.call()",
    "__import__": "an import statement at the top",
}
CLOCKS = frozenset({"datetime", "date"})
ATTRIBUTES = frozenset({"now", "utcnow", "today"})
"""Of ``CLOCKS``."""
SETUP = frozenset({"__init__", "__post_init__"})
"""Methods in which an object may be given its configuration."""
KEEPS_NOTHING = "a node keeps nothing between two visits; use ctx.remember()"


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what is wrong and what to use instead) for a node's source, by line.

    Raises:
        SyntaxError: it is not Python.
    """
    nodes = [*ast.walk(ast.parse(source))]
    clocks = CLOCKS | {name for node in nodes for name in _clocks(node)}
    yield from sorted(fault for node in nodes for fault in _faults(node, clocks))


def _faults(node: ast.AST, clocks: Set[str]) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _module(node.lineno, alias.name)
        case ast.ImportFrom(module=str(name), names=names):
            for full in dict.fromkeys(_denied(name, names)):
                yield from _module(node.lineno, full)
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield node.lineno, f"{name}() reaches past the context; use {CALLS[name]}"
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in ATTRIBUTES:
            if ast.unparse(owner).rpartition(".")[2] in clocks:
                yield node.lineno, f"{attr}() reads the clock; use ctx.now()"
        case ast.ClassDef() if _is_node(node):
            yield from _kept(node)
        case ast.Global():
            yield node.lineno, f"global {', '.join(node.names)}: {KEEPS_NOTHING}"
        case _:
            pass


def _is_node(node: ast.ClassDef) -> bool:
    """Whether objects of the class may be node code: they can be called, or their base can."""
    methods = {
        one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return "__call__" in methods or any(ast.unparse(base).endswith("Node") for base in node.bases)


def _kept(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """Yield what the methods of a node's class, but for the first, write into the object."""
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if method.name in SETUP or not method.args.args:
            continue
        me = method.args.args[0].arg
        for inner in ast.walk(method):
            match inner:
                case ast.Attribute(value=ast.Name(id=name), attr=attr, ctx=ast.Store()) if (
                    name == me
                ):
                    yield inner.lineno, f"{me}.{attr} is set: {KEEPS_NOTHING}"
                case _:
                    pass


def _clocks(node: ast.AST) -> Iterator[str]:
    """Yield the names that the file gives to the classes that read the clock."""
    if isinstance(node, ast.ImportFrom) and node.module == "datetime":
        for alias in node.names:
            if alias.name in CLOCKS and alias.asname:
                yield alias.asname


def _denied(module: str, names: list[ast.alias]) -> Iterator[str]:
    """Yield the modules that ``from module import names`` may mean."""
    if any(_module(0, module)):
        yield module
    else:
        yield from (f"{module}.{alias.name}" for alias in names)


def _module(line: int, name: str) -> Iterator[tuple[int, str]]:
    for known, instead in MODULES.items():
        if name == known or name.startswith(f"{known}."):
            yield line, f"{name!r} reaches past the context; use {instead}"
