"""The whole surface on one screen."""

from agent.core.json import Json
from agent.web import (
    access,
    archives,
    cases,
    channels,
    chat,
    checks,
    debug,
    diffs,
    forks,
    health,
    models,
    openapi,
    pages,
    processes,
    runs,
    sockets,
    streams,
    workspace,
)
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing
from agent.web.table import Table


async def openapi_json(call: Call[Nothing, Nothing]) -> Json:
    """This table as OpenAPI 3.1."""
    return openapi.document(ENDPOINTS, call.site.config.version)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *pages.ROUTES,
    *health.ROUTES,
    *access.ROUTES,
    *runs.ROUTES,
    *cases.ROUTES,
    *archives.ROUTES,
    *chat.ROUTES,
    *channels.ROUTES,
    *debug.ROUTES,
    *forks.ROUTES,
    *diffs.ROUTES,
    *processes.ROUTES,
    *models.ROUTES,
    *streams.ROUTES,
    *checks.ROUTES,
    *workspace.ROUTES,
    Endpoint(
        method="GET",
        path="/openapi.json",
        call=openapi_json,
        answer=dict[str, Json],
    ),
)

SOCKETS: dict[str, sockets.Session] = {
    "/ws": chat.chat,
    "/ws/test": sockets.test,
    "/ws/trace": sockets.trace,
}

TABLE = Table(ENDPOINTS, tuple(SOCKETS))
