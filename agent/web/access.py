"""Getting in: launch links, the cookie, socket tickets."""

from typing import Annotated, Literal

import msgspec
from starlette.responses import RedirectResponse, Response

from agent.core.errors import Unauthorized
from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing, respond
from agent.web.site import Site, principal_of

TICKET_MS = 30_000


class AuthConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a page gets in."""

    enabled: bool
    """Whether an identity provider is asked."""
    issuer: str
    clientId: str  # noqa: N815 - the name on the wire
    projectId: str  # noqa: N815 - the name on the wire
    mode: Literal["local", "oidc", "none"]


class LaunchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The single-use code of a launch link."""

    code: Annotated[str, msgspec.Meta(max_length=200)]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two."""

    token: str | None = None
    code: str | None = None


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """The cookie is set."""

    status: Literal["ok"] = "ok"


class LaunchLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that opens the page once, within 10 minutes."""

    url: str


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Opens one socket: `/ws?ticket=…`."""

    ticket: str
    expires_ms: int


async def auth_config(call: Call[Nothing, Nothing]) -> Json:
    """How to get in."""
    mode = call.site.auth.mode
    return {"enabled": False, "issuer": "", "clientId": "", "projectId": "", "mode": mode}


async def auth_launch(call: Call[Nothing, LaunchQuery]) -> Response:
    """Open a launch link: its code becomes the cookie."""
    if call.site.auth.redeem_code(call.query.code) is None:
        raise Unauthorized(
            "this launch link was used or is too old; `python3 run.py open` prints a fresh one"
        )
    response = RedirectResponse("/", 303)
    _set_cookie(response, call.site)
    return response


async def auth_exchange(call: Call[Exchange, Nothing]) -> Response:
    """Exchange the token or a launch code for the cookie."""
    auth, body = call.site.auth, call.body
    admitted = None
    if body.token is not None:
        admitted = await auth.verify(body.token)
    elif body.code is not None:
        admitted = auth.redeem_code(body.code)
    if admitted is None:
        raise Unauthorized("expected a valid `token`, or a `code` that was not used before")
    response = respond(Entered())
    _set_cookie(response, call.site)
    return response


async def launch_code(call: Call[Nothing, Nothing]) -> Json:
    """Make a fresh launch link."""
    return LaunchLink(url=launch_url(call.site))


async def ws_ticket(call: Call[Nothing, Nothing]) -> Json:
    """Make a single-use ticket for one socket, valid for 30 s."""
    ticket = call.site.auth.issue_ticket(principal_of(call.request))
    return Ticket(ticket=ticket, expires_ms=call.site.clock.now_ms() + TICKET_MS)


def launch_url(site: Site) -> str:
    """Make a link that opens the page, once."""
    return f"{site.config.url}/auth/launch?code={site.auth.issue_code()}"


def _set_cookie(response: Response, site: Site) -> None:
    name = site.config.cookie_name
    response.set_cookie(
        name,
        site.auth.cookie(name),
        max_age=365 * 24 * 3600,
        path="/",
        httponly=True,
        samesite="strict",
        secure=site.config.secure,
    )


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/config",
        call=auth_config,
        answer=AuthConfig,
        open=True,
    ),
    Endpoint(
        method="GET",
        path="/auth/launch",
        call=auth_launch,
        query=LaunchQuery,
        answer=None,
        produces="redirect to `/` with the cookie",
        open=True,
        page=True,
        errors=(Unauthorized,),
    ),
    Endpoint(
        method="POST",
        path="/auth/exchange",
        call=auth_exchange,
        body=Exchange,
        answer=Entered,
        open=True,
        errors=(Unauthorized,),
    ),
    Endpoint(
        method="POST",
        path="/auth/launch-code",
        call=launch_code,
        answer=LaunchLink,
    ),
    Endpoint(
        method="POST",
        path="/api/ws-ticket",
        call=ws_ticket,
        answer=Ticket,
    ),
)
