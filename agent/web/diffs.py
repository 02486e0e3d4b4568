"""The door to comparing: any two runs side by side."""

from typing import Annotated

import msgspec

from agent.core.errors import UnknownRun
from agent.core.json import Json
from agent.debugger.cause import Cause
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class DiffQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs; run ids or `msg_<n>`."""

    left: Name
    right: Name


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """How they differ."""

    left: str
    right: str
    identical: bool
    """Nothing but time differs."""
    first_divergence: Json
    """`{"frame", "node", "field", "left", "right"}`; null when they are identical."""
    cause: Cause | None
    """The earliest input that differs and feeds that visit; null when they began otherwise."""
    frames: list[Json]
    """`{"band", "frame", "node", "visit", "post", "ms", "differences"}` of each visit."""
    deltas: Json
    """`{"tokens", "ms", "cost"}`, right minus left; null where one is unknown."""


async def diff(call: Call[Nothing, DiffQuery]) -> Json:
    """Two runs side by side: where they first part, why, and every visit."""
    return await call.runtime.diff(call.query.left, call.query.right)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/diff",
        call=diff,
        query=DiffQuery,
        answer=Diff,
        errors=(UnknownRun,),
    ),
)
