"""The door to forks: a recorded run goes on from a frame with something changed."""

from typing import Annotated

import msgspec

from agent.core.errors import Conflict, Overloaded, UnknownGraph, UnknownRun
from agent.core.json import Json
from agent.debugger.edits import ForkEdit
from agent.runtime.forks import Wish
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing


class Fork(msgspec.Struct, frozen=True, kw_only=True):
    """What is changed, and from where on."""

    frame: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 1
    """The first that may run again; those before it are taken from the recording."""
    edits: Annotated[tuple[ForkEdit, ...], msgspec.Meta(max_length=100)] = ()
    """Without any: the current graph, prompts and nodes against the recording."""
    post: bool = False
    """Run the nodes after the answer, too."""
    confirm: bool = False
    """Tools that write may be called."""
    dry_run: bool = False
    """Only say what it would come to."""


class Forked(msgspec.Struct, frozen=True, kw_only=True):
    """What was, or would be, done again."""

    run_id: str | None
    """Null in a dry run."""
    status: str
    """How the fork ended; empty in a dry run."""
    dirty: list[Json]
    """`{"frame", "node", "why"}` of each visit that is made again."""
    reused: int
    """Visits taken from the recording."""
    model_calls: int
    cost: float | None
    """US dollars; null when a price is unknown."""
    writes: list[Json]
    """`{"frame", "node", "tool"}` of each call of a tool that writes."""


class Prompts(msgspec.Struct, frozen=True, kw_only=True):
    """What can be changed in a fork."""

    prompts: dict[str, str]
    """Name to text."""


async def fork(call: Call[Fork, Nothing]) -> Json:
    """Go on from a frame of a recorded run with something changed; only what must is done again."""
    body = call.body
    wish = Wish(
        frame=body.frame,
        edits=body.edits,
        post=body.post,
        confirm=body.confirm,
        dry_run=body.dry_run,
    )
    return await call.runtime.fork(call.path["run_id"], wish)


async def prompts(call: Call[Nothing, Nothing]) -> Json:
    """The templates that a fork of a run would be given: those of its graph as it is now."""
    return {"prompts": await call.runtime.prompts(call.path["run_id"])}


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/traces/{run_id}/fork",
        call=fork,
        body=Fork,
        answer=Forked,
        attended=True,
        errors=(UnknownRun, UnknownGraph, Conflict, Overloaded),
    ),
    Endpoint(
        method="GET",
        path="/api/traces/{run_id}/prompts",
        call=prompts,
        answer=Prompts,
        errors=(UnknownRun, UnknownGraph),
    ),
)
