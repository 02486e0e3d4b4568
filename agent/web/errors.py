"""The only place where an error becomes a response: ``{"detail", "error"}`` with its own status."""

from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.core.errors import AgentError, Overloaded, Unauthorized


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Body of every answer that is not a success."""

    detail: str
    """What was expected, what came, what to do next."""
    error: str
    """A stable name for programs."""


class NoSuchRoute(AgentError):  # noqa: N818
    """Nothing is served at this path."""

    status = 404
    slug = "no_such_route"


def problem(status: int, slug: str, detail: str) -> Response:
    """Build an error response."""
    body = msgspec.json.encode(Problem(detail=detail, error=slug))
    return Response(body, status, media_type="application/json")


def refusal(error: AgentError) -> Response:
    """Build the response for an error that carries its own status and slug."""
    response = problem(error.status, error.slug, str(error))
    if isinstance(error, Unauthorized):
        response.headers["www-authenticate"] = "Bearer"
    if isinstance(error, Overloaded):
        response.headers["retry-after"] = "1"
    return response


async def answer_agent_error(_request: Request, error: Exception) -> Response:
    """Answer an error that was raised on purpose."""
    assert isinstance(error, AgentError)  # noqa: S101 - registered for this class only
    return refusal(error)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer the framework's own 404 and 405 in our shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    headers = dict(error.headers or {})
    status = HTTPStatus(error.status_code)
    detail = f"{status.phrase}: {request.method} {request.url.path}"
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail += f"; this path takes {headers.get('Allow', 'other methods')}"
    slug = "no_such_route" if status is HTTPStatus.NOT_FOUND else status.name.lower()
    response = problem(status, slug, detail)
    response.headers.update(headers)
    return response


async def answer_bug(_request: Request, _error: Exception) -> Response:
    """Answer a defect of ours; the traceback goes to the log, never over the wire."""
    return problem(500, "internal", "something in the server failed; its log has the traceback")
