"""A graph as data: nodes, edges, conditions, and the checks a file must pass before it is used.

Invariant: the order of ``nodes`` is the order in which the results of one tick merge, and among the
data edges of a node the first whose condition holds is taken. Nothing else decides a route.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from agent.core.errors import BadGraph
from agent.core.frames import Envelope
from agent.core.json import Json, digest
from agent.core.state import at

FRAME_BUDGET = 32
NOBODY = "none"
"""The expert of a job that no expert is needed for."""
_EXPERT = "expert_is_"
_HEAD = re.compile(r"\s*\[\[?\s*\w+\s*\]")
_NODE = re.compile(r"\s*\[\[\s*node\s*\]\]")


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node of a graph."""

    role: str
    impl: str
    """Versioned name of the node's code, such as ``input_v1``."""
    model: str = ""
    """Model id for this node; empty for the default one."""
    temperature: float | None = None
    token_budget: int = 6000
    """Estimated tokens a model request of this node may hold."""
    post: bool = False
    """Runs after the answer; its record goes to ``post_frames`` and is not counted."""
    description: str = ""
    """What an expert can do, as whoever routes to it is told."""
    database: str = ""
    """The database an expert asks; empty for none of its own."""
    tools: tuple[str, ...] = ()
    """Names of the tools the node may use; empty for all."""
    prompt: str = ""
    """Template with what an expert knows of its field; empty for none."""


class EdgeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edge; several targets run in parallel."""

    source: str = msgspec.field(name="from")
    to: tuple[str, ...]
    type: Literal["data", "context", "state"] = "data"
    carries: str = ""
    condition: str = ""
    """Empty for always; else a name that ``condition`` knows."""


class PathSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name for one way through the graph."""

    name: str
    visits: str
    """The way has this name when this role was visited; the first that matches counts."""


class GraphSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole graph."""

    name: str
    description: str = ""
    nodes: tuple[NodeSpec, ...] = msgspec.field(name="node")
    edges: tuple[EdgeSpec, ...] = msgspec.field(default=(), name="edge")
    paths: tuple[PathSpec, ...] = msgspec.field(default=(), name="path")
    frame_budget: int = FRAME_BUDGET

    @property
    def start(self) -> str:
        """Role of the node a message starts at: the first one."""
        return self.nodes[0].role

    @property
    def action_start(self) -> str:
        """Role of the node an action starts at: where the first node goes unconditionally."""
        for edge in self.edges:
            if edge.source == self.start and edge.type == "data" and not edge.condition:
                return edge.to[0]
        return self.start

    def experts(self, role: str) -> dict[str, NodeSpec]:
        """Return the nodes that ``role`` can route to by ``expert_is_<name>``, by that name."""
        nodes = {node.role: node for node in self.nodes}
        return {
            edge.condition.removeprefix(_EXPERT): nodes[edge.to[0]]
            for edge in self.edges
            if edge.source == role and edge.condition.startswith(_EXPERT)
            if edge.condition != _EXPERT + NOBODY
        }

    @property
    def revision(self) -> str:
        """Content hash of the graph alone."""
        return digest(msgspec.to_builtins(self))[:12]


Condition = Callable[[Envelope], bool]


def _reflex(envelope: Envelope) -> bool:
    seen = at(envelope.data, "perception")
    return at(seen, "intent") == "social" and at(seen, "complexity") == "trivial"


def _has_tool_output(envelope: Envelope) -> bool:
    return bool(at(envelope.data, "tool_output"))


CONDITIONS: Mapping[str, Condition] = {"reflex": _reflex, "has_tool_output": _has_tool_output}


def condition(name: str) -> Condition | None:
    """Return the named condition over an envelope, or ``None`` when there is no such name."""
    if name.startswith(_EXPERT):
        expert = name.removeprefix(_EXPERT)
        return lambda envelope: (at(envelope.data, "expert") or NOBODY) == expert
    return CONDITIONS.get(name)


def parse(
    source: str,
    table: Json,
    where: str,
    implementations: frozenset[str],
    tools: frozenset[str] | None = None,
) -> GraphSpec:
    """Turn a decoded graph file into a checked graph.

    Args:
        source: text of the file, to find the line of a fault.
        table: the file as decoded from TOML.
        where: name of the file, for messages.
        implementations: names of the node code that can be used.
        tools: names of the tools there are; ``None`` where that is not known.

    Raises:
        BadGraph: naming file, line and fault.
    """
    try:
        graph = msgspec.convert(table, GraphSpec)
    except msgspec.ValidationError as error:
        raise BadGraph(f"{where}:1: {error}") from None
    for fault, needle in _faults(graph, implementations):
        raise BadGraph(f"{where}:{_line(source.splitlines(), needle)}: {fault}")
    if tools is not None:
        _check_tools(graph, source.splitlines(), where, tools)
    return graph


def _check_tools(graph: GraphSpec, lines: list[str], where: str, known: frozenset[str]) -> None:
    for place, node in enumerate(graph.nodes):
        for name in node.tools:
            if name not in known:
                line = _line(lines, name, _lines_of_node(lines, place))
                raise BadGraph(
                    f"{where}:{line}: node {node.role!r} names the tool {name!r}, which there is "
                    f"not; known: {', '.join(sorted(known)) or 'none'}"
                )


def _faults(graph: GraphSpec, implementations: frozenset[str]) -> Iterator[tuple[str, str]]:
    roles = [node.role for node in graph.nodes]
    if not roles:
        yield "a graph needs at least one [[node]]", "name"
        return
    for node in graph.nodes:
        if roles.count(node.role) > 1:
            yield f"node {node.role!r} is declared twice", node.role
        if node.impl not in implementations:
            known = ", ".join(sorted(implementations))
            yield f"unknown node code {node.impl!r}; known: {known}", node.impl
    for path in graph.paths:
        if path.visits not in roles:
            yield f"path {path.name!r} visits {path.visits!r}, which is not a node", path.visits
    yield from _edge_faults(graph, frozenset(roles))
    yield from _orphans(graph)
    for role in roles:
        for name, expert in graph.experts(role).items():
            if not expert.description:
                yield f"expert {name!r} ({expert.role}) needs a description", expert.role


def _edge_faults(graph: GraphSpec, roles: frozenset[str]) -> Iterator[tuple[str, str]]:
    for edge in graph.edges:
        if not edge.to:
            yield f"the edge from {edge.source!r} leads nowhere", edge.source
        for role in (edge.source, *edge.to):
            if role not in roles:
                yield f"an edge names {role!r}, which is not a node of this graph", role
        if edge.condition and condition(edge.condition) is None:
            known = ", ".join([*CONDITIONS, _EXPERT + "<name>"])
            yield f"unknown condition {edge.condition!r}; known: {known}", edge.condition


def _orphans(graph: GraphSpec) -> Iterator[tuple[str, str]]:
    reached, todo = {graph.start}, [graph.start]
    while todo:
        here = todo.pop()
        for edge in graph.edges:
            if edge.source == here and edge.type == "data":
                todo += [role for role in edge.to if role not in reached]
                reached |= set(edge.to)
    for node in graph.nodes:
        if not node.post and node.role not in reached:
            yield f"no data edge leads to node {node.role!r}", node.role


def _line(lines: Iterable[str], needle: str, among: Container[int] | None = None) -> int:
    """Find the last line that quotes ``needle``: a wrong edge stands below the node it names."""
    quoted = re.compile(rf"""(["']){re.escape(needle)}\1""")
    hits = [n for n, line in enumerate(lines, 1) if quoted.search(line)]
    wanted = [n for n in hits if among is None or n in among]
    return (wanted or hits or [1])[-1]


def _lines_of_node(lines: list[str], place: int) -> range:
    """Return the lines of a ``[[node]]`` table; all of them when nodes are written otherwise."""
    heads = [n for n, line in enumerate(lines, 1) if _HEAD.match(line)]
    nodes = [n for n in heads if _NODE.match(lines[n - 1])]
    start = nodes[place] if place < len(nodes) else 0
    return range(start, next((n for n in heads if n > start), len(lines) + 1))


def cytoscape(graph: GraphSpec) -> Json:
    """Return the graph as Cytoscape.js elements."""
    nodes = [
        {"data": {"id": node.role, "label": node.role, "impl": node.impl, "post": node.post}}
        for node in graph.nodes
    ]
    edges = [
        {
            "data": {
                "id": f"{edge.source}-{target}-{n}",
                "source": edge.source,
                "target": target,
                "type": edge.type,
                "carries": edge.carries,
                "condition": edge.condition,
            }
        }
        for n, edge in enumerate(graph.edges)
        for target in edge.to
    ]
    return {"nodes": nodes, "edges": edges}
