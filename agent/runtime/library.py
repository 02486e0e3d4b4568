"""Graphs, prompts and node code, each run on one immutable edition of them.

An edition is a graph bound to its code and prompts, with the manifest that traces are pinned to. A
broken file never replaces a working edition.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.core import controls
from agent.core.databases import NOTHING_HELD, Schemas
from agent.core.errors import BadGraph, NodeFailed, UnknownGraph
from agent.core.graph import GraphSpec, parse
from agent.core.json import Json, canonical, digest, fields, items
from agent.core.revisions import Manifest
from agent.engine.ports import Render, Tool
from agent.engine.program import Node, Program, bind
from agent.runtime.kept import (
    SCHEMAS,
    kept_controls,
    kept_schemas,
    kept_tools,
    schemas_text,
)
from agent.runtime.modules import as_node
from agent.runtime.shared import Kept
from agent.runtime.templates import renderer
from agent.runtime.workspace import Broken, Code, Workspace

PACKAGE = Path(__file__).resolve().parent.parent


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run is made of, besides its input."""

    program: Program
    render: Render
    manifest: Manifest
    texts: Mapping[str, str]
    """Part name → its text."""
    tools: Mapping[str, Tool] = {}
    """Tools beyond those of the installation."""
    alone: bool = False
    """``tools`` are all there are: those a trace is pinned to, which nobody can call."""
    control_tools: Mapping[str, Json] = controls.BY_NAME
    """Control tools by name, as models are given them."""
    schemas: Schemas = NOTHING_HELD
    """What the databases hold, as prompts show it; a part once it was given."""

    def knowing(self, schemas: Schemas) -> "Edition":
        """Return it with ``schemas`` as a part, and so with a revision of its own."""
        text = schemas_text(schemas)
        parts = {**self.manifest.parts, SCHEMAS: digest(text)}
        manifest = Manifest(graph=self.manifest.graph, parts=parts)
        return replace(
            self,
            program=replace(self.program, revision=manifest.revision),
            manifest=manifest,
            texts={**self.texts, SCHEMAS: text},
            schemas=schemas,
        )


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """All that is installed at one time: what is shipped, and a user's own over it."""

    codes: Mapping[str, Code]
    prompts: Mapping[str, str]
    specs: Mapping[str, GraphSpec]
    common: Mapping[str, str]
    """Parts that every edition has."""
    own: Mapping[str, Tool] = {}
    """The workspace's tools."""
    files: Mapping[str, str] = {}
    """Graph of the workspace → its file."""
    editions: dict[str, Edition] = {}
    """Filled as graphs are asked for."""
    knowing: dict[str, Edition] = {}
    """The same, filled as graphs are run: the latest of each."""


class Library:
    """What is installed.

    Args:
        codes: node code by versioned name.
        tools: specifications of all tools, as models are given them; without them it is not known
            which tools there are, and the names in graphs are not checked.
        model: id of the default model.
        graphs: folder of graph files.
        prompts: folder of templates.
        workspace: a user's own; its names win over shipped ones.
    """

    def __init__(
        self,
        codes: Mapping[str, Code],
        *,
        tools: Json = None,
        model: str = "",
        graphs: Path = PACKAGE / "graphs",
        prompts: Path = PACKAGE / "prompts",
        workspace: Workspace | None = None,
    ) -> None:
        self._tools = [*items(tools)]
        self._known = None if tools is None else frozenset(map(_name, self._tools))
        self._shelf = Shelf(
            codes=codes,
            prompts={path.stem: path.read_text("utf-8") for path in sorted(prompts.glob("*.md"))},
            specs={},
            common={"tools": canonical(self._tools).decode(), "model": model},
        )
        self.trouble = ""
        """Why the workspace is not taken; told to whoever asks for a graph that is not there."""
        for path in sorted(graphs.glob("*.toml")):
            self.add(path.read_text("utf-8"), path.name)
        self._shipped = self._shelf
        if workspace is not None:
            self.use(self.shelf(workspace))

    def add(self, source: str, where: str) -> GraphSpec:
        """Install a graph from the text of its file.

        Raises:
            BadGraph: naming file and line.
        """
        shelf = self._shelf
        spec = _spec(source, where, frozenset(shelf.codes), self._known)
        specs = {**shelf.specs, spec.name: spec}
        self._shelf = replace(shelf, specs=specs, editions={}, knowing={})
        return spec

    def shelf(self, own: Workspace) -> Shelf:
        """Put a user's own over what is shipped; changes nothing yet, so any thread may ask.

        Raises:
            Broken: graphs or tools of it do not fit; names each file and line.
        """
        base = self._shipped
        codes = {**base.codes, **own.codes}
        known = None if self._known is None else self._known.union(own.tools)
        specs, wrong = dict(base.specs), self._shadowed(own)
        files: dict[str, str] = {}
        for source, where in own.graphs:
            try:
                spec = _spec(source, where, frozenset(codes), known)
            except BadGraph as error:
                wrong.append(str(error))
            else:
                specs[spec.name] = spec
                files[spec.name] = where
        if wrong:
            raise Broken(wrong)
        tools = [*self._tools, *[specification(one.tool) for one in own.tools.values()]]
        sources = {f"tool:{name}": one.source for name, one in own.tools.items()}
        return Shelf(
            codes=codes,
            prompts={**base.prompts, **own.prompts},
            specs=specs,
            common={**base.common, "tools": canonical(tools).decode(), **sources},
            own={name: one.tool for name, one in own.tools.items()},
            files=files,
        )

    def use(self, shelf: Shelf) -> None:
        """Have the next run take ``shelf``; those that run keep their edition."""
        self._shelf = shelf

    def _shadowed(self, own: Workspace) -> list[str]:
        return [
            f"{one.where}: tool {name!r} is already there; take another name"
            for name, one in own.tools.items()
            if name in (self._known or ())
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the installed graphs."""
        return tuple(self._shelf.specs)

    def spec(self, name: str) -> GraphSpec:
        """Return a graph.

        Raises:
            UnknownGraph: naming those that are installed.
        """
        found = self._shelf.specs.get(name)
        if found is None:
            why = f"; the workspace is not taken: {self.trouble}" if self.trouble else ""
            raise UnknownGraph(f"no graph {name!r}; installed: {', '.join(self.names)}{why}")
        return found

    def edition(self, name: str) -> Edition:
        """Return the current edition of a graph."""
        shelf = self._shelf
        if name not in shelf.editions:
            shelf.editions[name] = _edition(self.spec(name), shelf)
        return shelf.editions[name]

    def knowing(self, name: str, schemas: Schemas) -> Edition:
        """Return the current edition of a graph, for a run while the databases hold ``schemas``."""
        latest = self._shelf.knowing
        if name not in latest or latest[name].schemas is not schemas:
            latest[name] = self.edition(name).knowing(schemas)
        return latest[name]

    def installed(self) -> Mapping[str, str]:
        """Return the content hash of every part that an edition could run, by part."""
        shelf = self._shelf
        texts = {f"prompt:{name}": text for name, text in shelf.prompts.items()}
        for impl, code in shelf.codes.items():
            texts[f"node:{impl}"] = code.source
            texts |= {f"shared:{name}": text for name, text in code.shared.items()}
        return {part: digest(text) for part, text in texts.items()}

    def pinned(self, manifest: Manifest, texts: Mapping[str, str]) -> Edition:
        """Rebuild the edition that a trace is pinned to, from the texts kept with it."""
        spec = msgspec.json.decode(texts["graph"], type=GraphSpec)
        prompts = _parts(texts, "prompt:")
        kept = Kept(_parts(texts, "shared:"), manifest.revision)
        nodes = {
            impl: _node_from(kept, source, impl, manifest.parts[f"node:{impl}"])
            for impl, source in _parts(texts, "node:").items()
        }
        render = renderer(prompts)
        program = bind(spec, nodes, manifest.revision)
        tools = kept_tools(texts["tools"])
        return Edition(
            program=program,
            render=render,
            manifest=manifest,
            texts=texts,
            tools=tools,
            alone=bool(tools),
            control_tools=kept_controls(texts["tools"]) or controls.BY_NAME,
            schemas=kept_schemas(texts[SCHEMAS]) if SCHEMAS in texts else NOTHING_HELD,
        )


def prompts_of(edition: Edition) -> dict[str, str]:
    """Return the templates of an edition by name."""
    return _parts(edition.texts, "prompt:")


def _parts(texts: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): text for k, text in texts.items() if k.startswith(prefix)}


@lru_cache(maxsize=64)
def _spec(
    source: str, where: str, codes: frozenset[str], tools: frozenset[str] | None
) -> GraphSpec:
    """Read a graph; the same text among the same names is not read again."""
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise BadGraph(f"{where}: {error}") from None
    return parse(source, table, where, codes, tools)


def specification(tool: Tool) -> Json:
    """Return what an edition keeps of a tool."""
    return [tool.name, tool.description, tool.parameters, tool.effect, tool.is_data]


def _name(specified: Json) -> str:
    """Return the name of a tool: a data tool as above, or a control tool as a model is given it."""
    control = fields(specified)
    return control["function"]["name"] if control else specified[0]


def _edition(spec: GraphSpec, shelf: Shelf) -> Edition:
    codes = {node.impl: shelf.codes[node.impl] for node in spec.nodes}
    texts = {
        **shelf.common,
        "graph": canonical(spec).decode(),
        **{f"prompt:{name}": text for name, text in shelf.prompts.items()},
        **{f"node:{impl}": code.source for impl, code in codes.items()},
        **{f"shared:{name}": text for code in codes.values() for name, text in code.shared.items()},
    }
    hashes = {part: digest(text) for part, text in texts.items()}
    manifest = Manifest(graph=spec.name, parts=hashes)
    return Edition(
        program=bind(spec, {impl: code.run for impl, code in codes.items()}, manifest.revision),
        render=renderer(shelf.prompts),
        manifest=manifest,
        texts=texts,
        tools=shelf.own,
        control_tools=kept_controls(shelf.common["tools"]) or controls.BY_NAME,
    )


def _node_from(kept: Kept, source: str, impl: str, mark: str) -> Node:
    """Run a node module's kept source and take ``impl`` out of it."""
    module = kept.load(source, f"pinned_{mark}", f"<{impl} as of {mark}>")
    found = vars(module).get(impl)
    node = as_node(found)
    if node is None:
        raise NodeFailed(f"the kept source of {impl!r} does not define it")
    return node
