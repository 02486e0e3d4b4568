"""A program whose nodes are given other prompts and settings from some frame on.

Invariant: a change is in force from the visit that notes it down, and that visit begins before its
siblings, so a replay that asks for the same note makes the same change at the same place.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from agent.core.frames import Envelope
from agent.debugger.edits import ForkEdit, Note, applied, request_of, templates
from agent.engine.context import Context
from agent.engine.ports import Render
from agent.engine.presence import equip, noted
from agent.engine.program import Bound, Node, Program

Renderer = Callable[[Mapping[str, str]], Render]
"""Takes the templates that are others, and returns what renders all."""


def refit(program: Program, notes: Iterable[Note], renderer: Renderer, *, begun: int) -> Program:
    """Return ``program`` with ``notes``; those of frames before ``begun`` hold from the start."""
    notes = tuple(notes)
    if not notes:
        return program
    fitting = _Fitting(notes, renderer, begun)
    nodes = {role: fitting.bound(bound) for role, bound in program.nodes.items()}
    return msgspec.structs.replace(program, nodes=nodes)


class _Fitting:
    def __init__(self, notes: tuple[Note, ...], renderer: Renderer, begun: int) -> None:
        self._waiting = [note for note in notes if note.frame >= begun]
        self._edits: list[ForkEdit] = []
        """In force."""
        self._renderer = renderer
        self._renders: dict[tuple[tuple[str, str], ...], Render] = {}
        for note in notes:
            if note.frame < begun:
                self._edits += note.edits

    def bound(self, bound: Bound) -> Bound:
        """Return a node that is fitted out before it works."""
        return msgspec.structs.replace(bound, run=self._fitted(bound.run))

    def _fitted(self, run: Node) -> Node:
        async def node(ctx: Context, envelope: Envelope) -> object:
            self._note(ctx)
            if self._edits:
                equip(ctx, applied(ctx.spec, self._edits), self._render(ctx.role))
            return await run(ctx, envelope)

        return node

    def _note(self, ctx: Context) -> None:
        for note in (*self._waiting,):
            if (note.frame, note.node) == (ctx.frame, ctx.role):
                self._waiting.remove(note)
                self._edits += note.edits
                noted(ctx, request_of(note))

    def _render(self, role: str) -> Render | None:
        others = templates(role, self._edits)
        if not others:
            return None
        key = (*sorted(others.items()),)
        if key not in self._renders:
            self._renders[key] = self._renderer(others)
        return self._renders[key]
