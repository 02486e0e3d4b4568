"""Graphs, prompts and node code, each run on one immutable edition of them.

An edition is a graph bound to its code and prompts, with the manifest that traces are pinned to. A
broken file never replaces a working edition.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from agent.core import lazy
from agent.core.errors import BadGraph, NodeFailed, UnknownGraph
from agent.core.graph import GraphSpec, parse
from agent.core.json import Json, canonical, digest
from agent.core.revisions import Manifest
from agent.engine.ports import Render
from agent.engine.program import Node, Program, bind
from agent.runtime.shared import Kept
from agent.runtime.workspace import Code, Workspace

if TYPE_CHECKING:
    from jinja2 import Template

PACKAGE = Path(__file__).resolve().parent.parent


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run is made of, besides its input."""

    program: Program
    render: Render
    manifest: Manifest
    texts: Mapping[str, str]
    """Part name → its text."""


class Library:
    """What is installed.

    Args:
        codes: node code by versioned name.
        tools: specifications of all tools, as models are given them.
        model: id of the default model.
        graphs: folder of graph files.
        prompts: folder of templates.
        workspace: a user's own; its names win over shipped ones.
    """

    def __init__(
        self,
        codes: Mapping[str, Code],
        *,
        tools: Json = (),
        model: str = "",
        graphs: Path = PACKAGE / "graphs",
        prompts: Path = PACKAGE / "prompts",
        workspace: Workspace | None = None,
    ) -> None:
        own = workspace or Workspace()
        self._codes = {**codes, **own.codes}
        self._common = {"tools": canonical(tools).decode(), "model": model}
        self._prompts = {
            **{path.stem: path.read_text("utf-8") for path in sorted(prompts.glob("*.md"))},
            **own.prompts,
        }
        self._specs: dict[str, GraphSpec] = {}
        self._editions: dict[str, Edition] = {}
        for path in sorted(graphs.glob("*.toml")):
            self.add(path.read_text("utf-8"), path.name)
        for source, where in own.graphs:
            self.add(source, where)

    def add(self, source: str, where: str) -> GraphSpec:
        """Install a graph from the text of its file.

        Raises:
            BadGraph: naming file and line.
        """
        try:
            table = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise BadGraph(f"{where}: {error}") from None
        spec = parse(source, table, where, frozenset(self._codes))
        self._specs[spec.name] = spec
        self._editions.pop(spec.name, None)
        return spec

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the installed graphs."""
        return tuple(self._specs)

    def spec(self, name: str) -> GraphSpec:
        """Return a graph.

        Raises:
            UnknownGraph: naming those that are installed.
        """
        found = self._specs.get(name)
        if found is None:
            raise UnknownGraph(f"no graph {name!r}; installed: {', '.join(self._specs)}")
        return found

    def edition(self, name: str) -> Edition:
        """Return the current edition of a graph."""
        if name not in self._editions:
            spec = self.spec(name)
            codes = {node.impl: self._codes[node.impl] for node in spec.nodes}
            self._editions[name] = _edition(spec, codes, self._prompts, self._common)
        return self._editions[name]

    def pinned(self, manifest: Manifest, texts: Mapping[str, str]) -> Edition:
        """Rebuild the edition that a trace is pinned to, from the texts kept with it."""
        spec = msgspec.json.decode(texts["graph"], type=GraphSpec)
        prompts = _parts(texts, "prompt:")
        kept = Kept(_parts(texts, "shared:"), manifest.revision)
        nodes = {
            impl: _node_from(kept, source, impl, manifest.parts[f"node:{impl}"])
            for impl, source in _parts(texts, "node:").items()
        }
        render = _renderer(prompts)
        program = bind(spec, nodes, manifest.revision)
        return Edition(program=program, render=render, manifest=manifest, texts=texts)


def _parts(texts: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): text for k, text in texts.items() if k.startswith(prefix)}


def _edition(
    spec: GraphSpec,
    codes: Mapping[str, Code],
    prompts: Mapping[str, str],
    common: Mapping[str, str],
) -> Edition:
    texts = {
        **common,
        "graph": canonical(spec).decode(),
        **{f"prompt:{name}": text for name, text in prompts.items()},
        **{f"node:{impl}": code.source for impl, code in codes.items()},
        **{f"shared:{name}": text for code in codes.values() for name, text in code.shared.items()},
    }
    hashes = {part: digest(text) for part, text in texts.items()}
    manifest = Manifest(graph=spec.name, parts=hashes)
    return Edition(
        program=bind(spec, {impl: code.run for impl, code in codes.items()}, manifest.revision),
        render=_renderer(prompts),
        manifest=manifest,
        texts=texts,
    )


def _node_from(kept: Kept, source: str, impl: str, mark: str) -> Node:
    """Run a node module's kept source and take ``impl`` out of it."""
    module = kept.load(source, f"pinned_{mark}", f"<{impl} as of {mark}>")
    found = vars(module).get(impl)
    if not callable(found):
        raise NodeFailed(f"the kept source of {impl!r} does not define it")
    return cast("Node", found)


def _renderer(prompts: Mapping[str, str]) -> Render:
    @lru_cache
    def template(name: str) -> "Template":
        lazy.load("jinja2")
        from jinja2 import Environment, StrictUndefined

        if name not in prompts:
            known = ", ".join(sorted(prompts))
            raise NodeFailed(f"no prompt {name!r}; there are: {known}")
        environment = Environment(
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - prompts are plain text for a model, not a page
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        return environment.from_string(prompts[name])

    def render(prompt: str, values: Mapping[str, Json]) -> str:
        return template(prompt).render(values)

    return render
