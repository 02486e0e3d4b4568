"""A checked graph bound to its node code, ready to run: every look-up is done once, here."""

from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec

from agent.core.frames import Envelope
from agent.core.graph import Condition, GraphSpec, NodeSpec, condition
from agent.engine.context import Context

Node = Callable[[Context, Envelope], Awaitable[object]]
"""Should return an Envelope or None; the engine says so when it does not."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One data edge."""

    targets: tuple[str, ...]
    label: str
    """``output+ui``."""
    condition: str
    """``reflex=True``, or empty for always."""
    holds: Condition | None


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """One node with its code and where it leads."""

    role: str
    """The same as in ``spec``."""
    alone: tuple[str, ...]
    """The roles of a tick that has this one only."""
    spec: NodeSpec
    run: Node
    routes: tuple[Route, ...]


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A graph ready to run."""

    spec: GraphSpec
    revision: str
    """Hash of graph, prompts, node sources, tools and model: what a trace is pinned to."""
    order: Mapping[str, int]
    """Place of each role in the declaration, which is the merge order."""
    nodes: Mapping[str, Bound]
    post: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    """(name, role): the first role that was visited names the path of the run."""

    def path(self, visited: Collection[str]) -> str:
        """Name the way through the graph that visited these roles."""
        for name, role in self.paths:
            if role in visited:
                return name
        return "+".join(visited)


def bind(spec: GraphSpec, implementations: Mapping[str, Node], revision: str) -> Program:
    """Bind ``spec`` to node code; all names were checked when the file was read."""
    return Program(
        spec=spec,
        revision=revision,
        order={node.role: place for place, node in enumerate(spec.nodes)},
        nodes={
            node.role: Bound(
                role=node.role,
                alone=(node.role,),
                spec=node,
                run=implementations[node.impl],
                routes=_routes(spec, node.role),
            )
            for node in spec.nodes
        },
        post=tuple(node.role for node in spec.nodes if node.post),
        paths=tuple((path.name, path.visits) for path in spec.paths),
    )


def _routes(spec: GraphSpec, role: str) -> tuple[Route, ...]:
    return tuple(
        Route(
            targets=edge.to,
            label="+".join(edge.to),
            condition=f"{edge.condition}=True" if edge.condition else "",
            holds=condition(edge.condition) if edge.condition else None,
        )
        for edge in spec.edges
        if edge.source == role and edge.type == "data"
    )
