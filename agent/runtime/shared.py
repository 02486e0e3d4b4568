"""What node code imports of ``agent.nodes``: kept with a trace, so that it can be run as it was.

Node modules share a few modules that are no nodes (how calls are made, what an expert is). They are
pinned like the nodes themselves. A kept node is loaded with an import of its own that gives it the
kept texts of them in the place of today's.
"""

import ast
import builtins
import importlib.util
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from agent.core.json import Json

PREFIX = "agent.nodes."


def shared_by(source: str) -> dict[str, str]:
    """Return the texts of all ``agent.nodes`` modules that ``source`` needs, by name."""
    found: dict[str, str] = {}
    todo = [*_imported(source)]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = _text(name)
            todo += _imported(found[name])
    return dict(sorted(found.items()))


@lru_cache(256)  # every library of a process reads the same few texts
def _imported(source: str) -> tuple[str, ...]:
    froms = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)]
    return tuple(node.module for node in froms if node.module and node.module.startswith(PREFIX))


def _text(name: str) -> str:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""


class Kept:
    """Loads modules from kept texts.

    Args:
        sources: the shared modules' texts, by name.
        mark: tells this set of texts from others.
    """

    def __init__(self, sources: Mapping[str, str], mark: str) -> None:
        self._sources = sources
        self._mark = mark
        self._modules: dict[str, ModuleType] = {}

    def load(self, source: str, name: str, file: str) -> ModuleType:
        """Run ``source`` as module ``name``; what it imports of ``agent.nodes`` is the kept one."""
        code = compile(source, file, "exec")
        module = sys.modules[name] = ModuleType(name)  # where its classes look up annotations
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        exec(code, module.__dict__)  # noqa: S102 - the user's own code, on the user's own machine
        return module

    def _import(
        self,
        name: str,
        globals_: Json = None,
        locals_: Json = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> ModuleType:
        if name not in self._sources:
            return builtins.__import__(name, globals_, locals_, fromlist, level)
        if name not in self._modules:
            own = f"pinned_{self._mark}_{name.removeprefix(PREFIX)}"
            file = f"<{name} as of {self._mark}>"
            self._modules[name] = self.load(self._sources[name], own, file)
        return self._modules[name]
