"""Is it alive, is it ready."""

from typing import Literal

import msgspec
from starlette.responses import Response

from agent.core.json import Json, fields
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing, respond

FINE = (True, "ok")
"""What a check says when nothing is wrong with it."""


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server answers."""

    status: Literal["ok"]
    degraded: list[str] = []
    """Checks that are not fine, a broken workspace, databases that are away or could be written to;
    the rest works."""


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether messages can be taken."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Json]


async def health(call: Call[Nothing, Nothing]) -> Json:
    """Recovery is finished and the server answers."""
    found = [*_degraded(call.site.ready()), *call.runtime.degraded()]
    return Health(status="ok", degraded=found)


async def healthz(call: Call[Nothing, Nothing]) -> Json:
    """The process is alive."""
    del call
    return {"status": "alive"}


async def readyz(call: Call[Nothing, Nothing]) -> Response:
    """Messages can be taken; 503 `not_ready` with the failing checks when not."""
    checks = call.site.ready()
    ready = not _degraded(checks)
    status = "ready" if ready else "not_ready"
    return respond({"status": status, "checks": checks}, 200 if ready else 503)


def _degraded(checks: Json) -> list[str]:
    return [name for name, state in fields(checks).items() if state not in FINE]


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/health",
        call=health,
        answer=Health,
        open=True,
    ),
    Endpoint(
        method="GET",
        path="/probes/healthz",
        call=healthz,
        answer=Alive,
        open=True,
        quiet=True,
    ),
    Endpoint(
        method="GET",
        path="/probes/readyz",
        call=readyz,
        answer=Ready,
        open=True,
        quiet=True,
    ),
)
