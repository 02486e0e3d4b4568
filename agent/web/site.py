"""What every door reaches for: one typed value, handed in at the start, no globals."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import HTTPConnection

from agent.core.json import Json
from agent.core.principal import Principal
from agent.engine.ports import Clock
from agent.runtime.suites import SuiteBoard
from agent.web.config import WebConfig
from agent.web.ports import Auth

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The runtime and what the doors need beside it."""

    runtime: "Runtime"
    board: SuiteBoard
    ready: Callable[[], Json]
    """Checks by name; ``"ok"`` or ``True`` when fine, else what is wrong."""
    models: Callable[[], Awaitable[Json]]
    """The active model, and what is offered in its place."""
    config: WebConfig
    auth: Auth
    clock: Clock
    stop: asyncio.Event
    """Set when the server goes down: endless streams end with a goodbye."""


def site_of(connection: HTTPConnection) -> Site:
    """Return the site this app was built with."""
    site = connection.app.state.site
    assert isinstance(site, Site)  # noqa: S101 - narrows the framework's untyped state
    return site


def principal_of(connection: HTTPConnection) -> Principal:
    """Return who is asking; the guard put it there, an open route has nobody."""
    principal = connection.scope.get("principal")
    return principal if isinstance(principal, Principal) else Principal()
