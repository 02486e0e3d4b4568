"""The test runner's door."""

import msgspec

from agent.core.checks import Post
from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The post was taken; every `/ws/test` reader has it queued."""

    ok: bool
    ignored: str = ""
    """The event, when it is none that is known."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The running or last suite."""

    running: bool
    current: str
    results: list[Json]
    last_green: Json
    last_red: Json
    total_expected: int
    stale: bool = False
    """The runner has been silent for 60 s."""


async def test_post(call: Call[Post, Nothing]) -> Json:
    """A suite runner reports `suite_start`, `step_result` or `suite_end`."""
    return await call.site.board.take(call.body)


async def test_status(call: Call[Nothing, Nothing]) -> Json:
    """The record of the running or last suite."""
    return call.site.board.status()


async def tests(call: Call[Nothing, Nothing]) -> Json:
    """Results of the latest finished run; `{}` when there is none."""
    return call.site.board.latest()


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/test/status",
        call=test_post,
        body=Post,
        answer=Taken,
    ),
    Endpoint(
        method="GET",
        path="/api/test/status",
        call=test_status,
        answer=Record,
    ),
    Endpoint(
        method="GET",
        path="/api/tests",
        call=tests,
        answer=dict[str, Json],
    ),
)
