"""What can go wrong at a model's server, as named codes that say what came and what to do.

Invariant: a ``Fault`` never leaves this package; the client turns it into ``ModelFailed`` when no
further try is due. Its text may quote the server, so the client takes the key out of it.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import msgspec

from agent.core.json import Json, fields

if TYPE_CHECKING:
    from agent import net

KEY, MODEL, URL = "AGENT_LLM_API_KEY", "AGENT_LLM_MODEL", "AGENT_LLM_BASE_URL"
TIME = "AGENT_LLM_TIMEOUT_S"


class Kind(msgspec.Struct, frozen=True):
    """One way to fail."""

    code: str
    again: bool
    """Whether the same request can succeed a moment later."""
    advice: str


AUTH = Kind("model_auth", False, f"check {KEY}")
CREDIT = Kind("model_no_credit", False, f"the account of {KEY} has no credit left; top it up")
NOT_FOUND = Kind(
    "model_not_found", False, f"check {MODEL} and that {URL} ends in the API's path, such as /v1"
)
TIMEOUT = Kind("model_timeout", True, f"try later, or raise {TIME}")
RATE = Kind("model_rate_limited", True, f"wait, or set another {MODEL}")
OVERDUE = Kind("model_timeout", False, f"ask for less at once, or raise {TIME}")
DOWN = Kind("model_unavailable", True, f"try later, or set another {MODEL}")
UNREACHABLE = Kind("model_unreachable", True, f"check that the server runs and that {URL} is right")
TLS = Kind(
    "model_unreachable", False, f"check whether {URL} wants http or https, and SSL_CERT_FILE"
)
ENVIRONMENT = Kind("model_unreachable", False, "check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE")
CUT = Kind("model_stream_cut", True, "try again")
TOO_LONG = Kind(
    "model_stream_cut", False, f"set a limit of tokens at the server, or another {MODEL}"
)
GARBAGE = Kind("model_bad_response", False, f"check that {URL} is a chat-completions API")
EMPTY = Kind("model_bad_response", True, f"try again, or set another {MODEL}")
CONTEXT = Kind(
    "model_context_length", False, f"lower the node's token budget, or set a larger {MODEL}"
)
FILTERED = Kind("model_content_filter", False, "rephrase the message")
DECLINED = Kind("model_refused", False, f"rephrase the message, or set another {MODEL}")
SPENT = Kind(
    "model_output_limit", False, "raise the server's limit of tokens for an answer, or ask for less"
)
REFUSED = Kind("model_bad_request", False, f"check whether {MODEL} takes such requests")

_STATUS = {401: AUTH, 402: CREDIT, 403: AUTH, 404: NOT_FOUND, 408: TIMEOUT, 429: RATE, 504: TIMEOUT}
# First match wins; what a server calls it is looked for in all it sent.
_NAMED = (
    (("insufficient_quota", "insufficient credits"), CREDIT),
    (
        (
            "context_length_exceeded",
            "exceed_context_size",
            "context length",
            "context window",
            "prompt is too long",
            "too many tokens",
        ),
        CONTEXT,
    ),
    (("content_filter", "content_policy_violation"), FILTERED),
    (("model_not_found",), NOT_FOUND),
    (("invalid_api_key", "authentication_error"), AUTH),
    (("rate_limit",), RATE),
)


class Fault(Exception):  # noqa: N818 - it is what came, not yet an error
    """One try failed."""

    def __init__(
        self,
        kind: Kind,
        came: str,
        *,
        quote: str = "",
        wait: float | None = None,
        status: int = 200,
        said: str = "",
    ) -> None:
        super().__init__(came)
        self.kind = kind
        self.came = came
        """What the server did, as the end of a sentence that begins with its name."""
        self.quote = quote
        """What it wrote, in full: the key is taken out before it is shortened."""
        self.wait = wait
        """Seconds that the server asked to wait."""
        self.status = status
        self.said = said
        """All that the server sent, in lower case, to find names in."""


def refused(status: int, body: bytes, wait: float | None) -> Fault:
    """Read an answer that is not 200."""
    text = body.decode("utf-8", "replace")
    said = text.lower()
    kind = _of_status(status, said)
    came = f"answered {status}"
    if 300 <= status < 400:
        kind, came = GARBAGE, f"answered {status}, a redirect, which is never followed"
    elif wait is not None:
        came += f", asking to wait {wait:.0f} s"
    return Fault(kind, came, quote=_quote(text), wait=wait, status=status, said=said)


def _of_status(status: int, said: str) -> Kind:
    named = _named(said)
    match status:
        case 400 | 413 | 422:
            return named or (CONTEXT if status == 413 else REFUSED)
        case 429 if named is CREDIT:
            return CREDIT
        case _ if status >= 500:
            return _STATUS.get(status, DOWN)
        case _:
            return _STATUS.get(status, REFUSED)


def _named(said: str) -> Kind | None:
    return next((kind for names, kind in _NAMED if any(name in said for name in names)), None)


def reported(error: Json) -> Fault:
    """Read an error object that came in place of a piece of the answer."""
    text = msgspec.json.encode(error).decode()
    code = str(fields(error).get("code"))
    status = int(code) if len(code) == 3 and code.isdecimal() else 0
    kind = _of_status(status, text.lower()) if 400 <= status < 600 else _named(text.lower())
    return Fault(kind or DOWN, "sent an error inside its answer:", quote=_quote(text))


def _quote(text: str) -> str:
    """Find the message inside an error body; all of it when it has no form we know."""
    try:
        return _message(msgspec.json.decode(text))
    except (ValueError, RecursionError):
        return text.strip()


def _message(body: Json) -> str:
    """Find the sentence for people in the shapes that servers use."""
    if isinstance(body, list) and body:
        return _message(body[0])
    if isinstance(body, str):
        return body
    for name in ("error", "message", "detail"):
        if inner := fields(body).get(name):
            return _message(inner)
    return "" if body in ({}, []) else msgspec.json.encode(body).decode()


def of_transport(error: "net.HTTPError") -> Fault:
    """Read an error of the network."""
    from agent import net

    causes = tuple(_causes(error))
    if isinstance(error, net.ConnectTimeout):
        return Fault(UNREACHABLE, "did not accept a connection in time")
    if isinstance(error, net.TimeoutException):
        return Fault(TIMEOUT, "did not take the request in time")
    if isinstance(error, net.ConnectError | net.ProxyError):
        return _of_connect(causes)
    cut = any(word in str(error) for word in ("disconnected", "closed"))
    if isinstance(error, net.RemoteProtocolError) and not cut:
        return Fault(GARBAGE, "sent something that is not HTTP:", quote=str(error))
    return Fault(CUT, "closed the connection before its answer was complete")


def _of_connect(causes: tuple[BaseException, ...]) -> Fault:
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or cause.__class__.__name__
            return Fault(TLS, f"could not be spoken to over TLS ({reason})")
        if isinstance(cause, socket.gaierror):
            return Fault(UNREACHABLE, "is not a name that DNS knows")
        if isinstance(cause, ConnectionRefusedError):
            return Fault(UNREACHABLE, "refused the connection")
    return Fault(UNREACHABLE, "could not be connected to:", quote=str(causes[0]))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        for inner in _grouped(error):
            yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _grouped(error: BaseException) -> tuple[BaseException, ...]:
    """Return the errors inside a group: one per address of a host that was tried."""
    group = cast("BaseExceptionGroup[BaseException]", error)
    return group.exceptions if isinstance(error, BaseExceptionGroup) else ()
