"""The doors as one ASGI application: the framework's router behind the guard."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from agent.core.errors import AgentError
from agent.core.json import Json
from agent.engine.ports import Clock
from agent.runtime.suites import SuiteBoard
from agent.web.config import WebConfig
from agent.web.errors import answer_agent_error, answer_bug, answer_http_error
from agent.web.guard import Guard
from agent.web.ports import Auth
from agent.web.routes import ENDPOINTS, SOCKETS, TABLE
from agent.web.site import Site
from agent.web.sockets import socket_route

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

ROUTES: Final = (
    *(endpoint.route() for endpoint in ENDPOINTS),
    *(socket_route(path, session) for path, session in SOCKETS.items()),
)
"""They hold nothing of an application, so all share them."""


def build(
    runtime: "Runtime",
    config: WebConfig,
    *,
    auth: Auth,
    board: SuiteBoard,
    ready: Callable[[], Json],
    models: Callable[[], Awaitable[Json]],
    clock: Clock,
    stop: asyncio.Event,
) -> ASGIApp:
    """Assemble the application around a runtime that is already open.

    Args:
        runtime: the one runtime.
        config: settings of the doors.
        auth: checks credentials.
        board: the test board.
        ready: the server's checks by name; ``"ok"`` or ``True`` when fine, else what is wrong.
        models: the active model, and what is offered in its place.
        clock: for logs and expiry.
        stop: set when endless streams are to say goodbye.
    """
    app = Starlette(
        routes=ROUTES,
        exception_handlers={
            AgentError: answer_agent_error,
            HTTPException: answer_http_error,
            Exception: answer_bug,
        },
    )
    app.router.redirect_slashes = False
    app.state.site = Site(
        runtime=runtime,
        board=board,
        ready=ready,
        models=models,
        config=config,
        auth=auth,
        clock=clock,
        stop=stop,
    )
    return Guard(app, table=TABLE, config=config, auth=auth, clock=clock)
