"""A place where a run is held: what can be seen there, and what may be edited.

Invariant: every edit is an ``operator_edit`` effect of the visit that follows, in a branch of its
own. It is asked through the port like everything else, so a replay makes the same edits at the same
places.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from agent.core.controls import NAMES as CONTROLS
from agent.core.effects import Effect, EffectKey
from agent.core.errors import Unprocessable
from agent.core.frames import Envelope, FrameRecord
from agent.core.journal import Spot
from agent.core.json import Json, fields
from agent.core.json_schema import misfit
from agent.core.messages import ModelRequest
from agent.core.pointers import Steps, read, steps, write
from agent.core.state import Change, apply, at
from agent.engine.effects import OPERATOR, Answer, Ask, Call, EffectPort, OnText
from agent.engine.presence import operated, parameters
from agent.engine.visits import Visit

STATE: Mapping[str, Steps] = {"memory": ("memory",), "ui_state": ("ui", "state")}
"""What may be edited of the channel's state, and where it stands there."""
BETWEEN, NODE = "frame", "node"
"""Where an edit was made, unless at an effect: between two frames, or before a stepped node."""


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value written while a run is held."""

    path: str
    """JSON pointer into what ``GET /api/debug`` shows."""
    value: Json


class Tick(msgspec.Struct, kw_only=True):
    """The gap between two frames."""

    frame: int
    """The frame that comes."""
    pending: dict[str, Envelope]
    state: Json
    visits: Mapping[str, int]
    """Role → number of its visit, were it to come next."""
    closed: tuple[FrameRecord, ...]
    """Records of the frame before."""
    roles: tuple[str, ...]
    """Nodes that can be pending, in declared order."""

    @property
    def first(self) -> str:
        """The node that comes first; edits of the whole frame are its effects."""
        return next((role for role in self.roles if role in self.pending), "")


Commit = Callable[[], None]


class Stop(ABC):
    """Where a run is held, or could be.

    Args:
        port: the way through which edits are made.
        frame: the frame that is at work or comes.
        node: the node whose turn it is; empty when nothing follows.
        state: the channel's state as that node would see it.
        pending: what waits for nodes that have not begun.
    """

    place = BETWEEN
    """How an edit says where it was made."""
    writable: tuple[str, ...] = ("pending", *STATE)
    """Where what can be edited begins."""

    def __init__(
        self, port: EffectPort, frame: int, node: str, state: Json, pending: Mapping[str, Envelope]
    ) -> None:
        self._port = port
        self.frame = frame
        self.node = node
        self.spot = Spot(frame=frame, node=node)
        self.reason = ""
        self.effect_id = ""
        self.pending = {**pending}
        self.state = state

    def view(self) -> dict[str, Json]:
        """Return what can be seen, as plain JSON: the fields of ``GET /api/debug``."""
        return {
            "frame": self.spot.frame,
            "node": self.spot.node,
            "at": self.spot.at,
            "effect_id": self.effect_id,
            "reason": self.reason,
            "pending": {role: _plain(envelope) for role, envelope in self.pending.items()},
            **{name: at(self.state, *path) for name, path in STATE.items()},
            "model_request": None,
            "tool": None,
            "tool_result": None,
        }

    def edit(self, edits: Sequence[Edit]) -> None:
        """Make ``edits``, all or none, and write them down.

        Raises:
            Unprocessable: a path or a value does not fit; nothing has changed then.
        """
        self._make(edits, new=True)

    def again(self, effects: Iterable[Effect]) -> None:
        """Make recorded edits once more."""
        for effect in effects:
            self._make(msgspec.convert(effect.request["edits"], tuple[Edit, ...]), new=False)

    def _make(self, edits: Sequence[Edit], *, new: bool) -> None:
        before = after = self.view()
        for edit in edits:
            after = write(after, self._path(edit), edit.value)
        if new and (fault := self._misfit(after)):
            raise Unprocessable(fault)
        commit = self._checked(after, edits)
        request: Json = {"place": self.place, "edits": msgspec.to_builtins(tuple(edits))}
        was = [read(before, steps(edit.path)) for edit in edits]
        ask = Ask(kind="operator_edit", request=request)
        self._port.instant(self._key(), ask, lambda: {"was": was})
        commit()

    def _path(self, edit: Edit) -> Steps:
        path = steps(edit.path)
        if not any(path[: len(root)] == root for root in map(_root, self.writable)):
            able = ", ".join(f"/{name}" for name in self.writable) or "nothing"
            raise Unprocessable(
                f"path {edit.path!r:.80} cannot be written while the run is held before "
                f"{self.effect_id or self.node or 'its end'}; what can be: {able}"
            )
        return path

    def _misfit(self, after: Json) -> str:
        """Say what of ``after`` the world does not take; a recorded edit is not asked again."""
        del after
        return ""

    @abstractmethod
    def _key(self) -> EffectKey:
        """Return the key of the next edit that is made here."""

    @abstractmethod
    def _checked(self, after: Json, edits: Sequence[Edit]) -> Commit:
        """Return what makes ``edits``, of which ``after`` is what will be seen.

        Raises:
            Unprocessable: a value does not fit.
        """


class Between(Stop):
    """Between two frames, where nothing is at work."""

    def __init__(self, port: EffectPort, tick: Tick) -> None:
        super().__init__(port, tick.frame, tick.first, tick.state, tick.pending)
        self.tick = tick
        if not self.node:
            self.writable = ()
        self.effects: tuple[str, ...] = ()
        """Ids of the edits made here."""
        self.changes: tuple[Change, ...] = ()

    def _key(self) -> EffectKey:
        key = EffectKey(
            frame=self.frame,
            node=self.node,
            visit=self.tick.visits[self.node],
            branch=OPERATOR,
            index=len(self.effects),
        )
        self.effects += (str(key),)
        return key

    def _checked(self, after: Json, edits: Sequence[Edit]) -> Commit:
        pending = _envelopes(after["pending"], self.tick.roles)
        changes = _changes(after, edits)

        def commit() -> None:
            self.pending = self.tick.pending = pending
            self.changes += changes
            self.state = self.tick.state = apply(self.state, changes)

        return commit


class AtNode(Stop):
    """Before a node of a frame whose nodes are stepped."""

    place = NODE

    def __init__(self, port: EffectPort, rest: Sequence[Visit]) -> None:
        context = rest[0].context
        pending = {visit.bound.spec.role: visit.envelope for visit in rest}
        super().__init__(port, context.frame, context.role, context.state, pending)
        self.rest = rest

    def _key(self) -> EffectKey:
        return operated(self.rest[0].context)

    def _checked(self, after: Json, edits: Sequence[Edit]) -> Commit:
        pending = _envelopes(after["pending"], tuple(self.pending))
        changes = _changes(after, edits)

        def commit() -> None:
            self.pending = pending
            for visit in self.rest:
                visit.envelope = pending[visit.bound.spec.role]
            self.state = _remembered(self.rest[0], changes)

        return commit


class AtEffect(Stop):
    """Before a node reaches the world; what it asks, or what it is told, can be edited."""

    def __init__(
        self, port: EffectPort, visit: Visit, key: EffectKey, ask: Ask, call: Call
    ) -> None:
        context = visit.context
        pending = {context.role: visit.envelope}
        super().__init__(port, context.frame, context.role, context.state, pending)
        self.visit = visit
        self.key = key
        self.ask = ask
        self.call = call
        self.effect_id = self.place = str(key)
        own = ("tool/arguments", "tool_result") if ask.kind == "tool" else ("model_request",)
        self.writable = (*STATE, *own)
        self._result: Json = None

    def view(self) -> dict[str, Json]:
        """Return what can be seen, with the request that is about to leave."""
        seen = super().view()
        seen["tool_result"] = self._result
        if self.ask.kind == "tool":
            asked = self.ask.request
            return {**seen, "tool": {"name": asked["tool"], "arguments": asked["arguments"]}}
        return {**seen, "model_request": self.ask.request}

    def _key(self) -> EffectKey:
        return operated(self.visit.context)

    def _misfit(self, after: Json) -> str:
        asked = after["tool"]
        if asked is None or asked == self.view()["tool"]:
            return ""
        schema = parameters(self.visit.context, asked["name"])
        return misfit(asked["arguments"], schema, ("tool", "arguments"))

    def _checked(self, after: Json, edits: Sequence[Edit]) -> Commit:
        roots = {steps(edit.path)[0] for edit in edits}
        changes = _changes(after, edits)
        request = _request(after["model_request"]) if "model_request" in roots else None

        def commit() -> None:
            if request is not None:
                self._ask_instead(request.model, msgspec.to_builtins(request))
            if "tool" in roots:
                arguments = after["tool"]["arguments"]
                self._ask_instead(self.ask.name, {**self.ask.request, "arguments": arguments})
            if "tool_result" in roots:
                self._answer(after["tool_result"])
            self.state = _remembered(self.visit, changes)

        return commit

    def _ask_instead(self, name: str, request: Json) -> None:
        self.ask = msgspec.structs.replace(self.ask, name=name, request=request)
        if self.ask.resend is not None and self.ask.policy == "live":  # else the result is given
            self.call = self.ask.resend(request)

    def _answer(self, result: Json) -> None:
        self._result = result
        told: Json = {"result": result, "changes": []} if self.ask.name in CONTROLS else result

        async def call(_heard: OnText) -> Answer:
            return Answer(response=told)

        self.ask = msgspec.structs.replace(self.ask, policy="static", write=False)
        self.call = call


def _root(name: str) -> Steps:
    return (*name.split("/"),)


def _remembered(visit: Visit, changes: Sequence[Change]) -> Json:
    visit.context.remember(*changes)
    return visit.context.state


def _plain(envelope: Envelope) -> Json:
    return {name: getattr(envelope, name) for name in envelope.__struct_fields__}


def _envelopes(pending: Json, roles: Sequence[str]) -> dict[str, Envelope]:
    """Check what an edit left of the pending envelopes.

    Raises:
        Unprocessable: naming the place that does not fit.
    """
    if not isinstance(pending, dict) or not pending:
        raise Unprocessable("/pending: expected an object with an envelope for at least one node")
    for role, value in fields(pending).items():
        if role not in roles:
            raise Unprocessable(f"/pending/{role}: no such node; there are: {', '.join(roles)}")
        unknown = [name for name in fields(value) if name not in Envelope.__struct_fields__]
        if unknown:
            raise Unprocessable(f"/pending/{role}/{unknown[0]}: an envelope has no such field")
    try:
        return msgspec.convert(pending, dict[str, Envelope])
    except msgspec.ValidationError as error:
        raise Unprocessable(f"/pending: {error}") from None


def _request(value: Json) -> ModelRequest:
    try:
        return msgspec.convert(value, ModelRequest)
    except msgspec.ValidationError as error:
        raise Unprocessable(f"/model_request: {error}") from None


def _changes(after: Json, edits: Sequence[Edit]) -> tuple[Change, ...]:
    """Return what ``edits`` mean for the channel's state."""
    found = [_change(after, steps(edit.path)) for edit in edits]
    return tuple([change for change in found if change is not None])


def _change(after: Json, path: Steps) -> Change | None:
    base = STATE.get(path[0])
    if base is None:
        return None
    if not isinstance(after[path[0]], dict):
        raise Unprocessable(f"/{path[0]}: expected an object, got {after[path[0]]!r:.80}")
    depth = 1  # a change goes through objects only: an array is written as a whole
    while depth < len(path) and isinstance(read(after, path[:depth]), dict):
        depth += 1
    return Change(path=(*base, *path[1:depth]), value=read(after, path[:depth]))
