"""The door for tests made of runs: make one, play one."""

from typing import Annotated, Literal

import msgspec

from agent.core.errors import Conflict, Overloaded, UnknownGraph, UnknownRun
from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing
from agent.web.limits import MIB

FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\.json$")]


class TestOf(msgspec.Struct, frozen=True, kw_only=True):
    """How to make it."""

    cassette: FileName = "test.cassette.json"
    """File name that the case calls its cassette."""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """A case and what it is played from."""

    case: str
    """Markdown."""
    cassette: Json
    """The run, all its effects, and what it started from."""
    checks: list[Json]
    """`{"line", "check", "fails_on", "vacuous"}` each; a vacuous one is left out of the case."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A case with its cassette."""

    case: str
    cassette: msgspec.Raw
    graph: str = ""
    """Instead of the one the case names."""
    suite: str = ""
    """The suite that runs: the test board is told of each check, as `/api/test/status` would be."""
    mode: Literal["replay", "hybrid", "live"] = "replay"
    """`replay` asks nobody, `hybrid` the model again, `live` model and tools."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What each check said."""

    mode: str
    run_id: str
    frames: int
    passed: int
    failed: int
    checks: list[Json]
    """`{"line", "step", "check", "status", "detail"}` each."""
    verdict: Json
    """Of a replay, as `/api/traces/{run_id}/replay` answers it."""


async def test_of(call: Call[TestOf, Nothing]) -> Json:
    """Make a test of a run: a markdown case, its cassette, and how each check was proved."""
    return await call.runtime.case_of(call.path["run_id"], call.body.cassette)


async def replays(call: Call[Trial, Nothing]) -> Json:
    """Play a case from its cassette and judge its checks."""
    body = call.body
    return await call.runtime.try_case(
        body.case, body.cassette, body.mode, graph=body.graph, suite=body.suite
    )


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/traces/{run_id}/test",
        call=test_of,
        body=TestOf,
        answer=Test,
        attended=True,
        errors=(UnknownRun, Conflict, Overloaded),
    ),
    Endpoint(
        method="POST",
        path="/api/replays",
        call=replays,
        body=Trial,
        answer=Judged,
        attended=True,
        limit=64 * MIB,
        errors=(UnknownGraph, Conflict, Overloaded),
    ),
)
