"""Every touch of the world by a node: what was asked, what came back, when.

Invariant: an effect's key says *where* it happened (frame, node, visit, branch, index) and its
request hash says *what* was asked. Both are checked in a replay, and ids come from the key, never
from a counter, so the same run always names its effects the same way.
"""

from typing import Literal

import msgspec

from agent.core.json import Json
from agent.core.messages import Usage

EffectKind = Literal["model", "tool", "clock", "random", "id", "operator_edit"]


class EffectKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Place of an effect in its run."""

    frame: int
    node: str
    visit: int
    branch: str = ""
    """Names parallel strands inside one visit; empty for the main one."""
    index: int = 0
    """0 for the first effect of that branch."""

    def __str__(self) -> str:
        """The effect's id inside its run, such as ``3.thinker.1.0`` or ``3.thinker.1.b/0``."""
        branch = f"{self.branch}/" if self.branch else ""
        return f"{self.frame}.{self.node}.{self.visit}.{branch}{self.index}"


class EffectError(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the world refused; raised again in a replay."""

    code: str
    detail: str
    partial: Json = None


class Chunk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A piece of a stream."""

    at_ms: float
    """Milliseconds after the effect started."""
    text: str


class Effect(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One effect, from intent to result."""

    effect_id: str
    frame: int
    node: str
    visit: int
    branch: str = ""
    index: int = 0
    kind: EffectKind
    name: str = ""
    """The tool or the model asked."""
    request: Json = None
    request_hash: str
    write: bool = False
    """Its intent was on disk before the call left."""
    started: float
    """Unix milliseconds."""
    ended: float | None = None
    """Unix milliseconds; ``None`` means the outcome is unknown."""
    chunks: tuple[Chunk, ...] = ()
    response: Json = None
    error: EffectError | None = None
    usage: Usage | None = None
    cost: float | None = None
    policy: str = "live"
    """Who answered: ``live``, ``recorded``, ``static`` or ``stub``; see ``engine/mixed.py``."""

    @property
    def key(self) -> EffectKey:
        """Where it happened."""
        return EffectKey(
            frame=self.frame,
            node=self.node,
            visit=self.visit,
            branch=self.branch,
            index=self.index,
        )
