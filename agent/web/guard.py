"""The one door-keeper over every route and socket.

Order of the checks: Host, token in the query, Origin, credential, media type, size, JSON. Nothing
behind the guard runs before all of them passed, and a path that no route declares is treated like
any other closed one. For a socket the first three answer before the handshake; then it is accepted,
and without a good credential it is closed with 4001 before anything else is sent.
"""

import asyncio
import logging
from urllib.parse import quote

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.core.errors import AgentError, BadInput
from agent.core.json import Json, fields
from agent.core.principal import Principal
from agent.engine.ports import Clock
from agent.web import config as configs
from agent.web.config import WebConfig
from agent.web.credentials import Credentials, Finding
from agent.web.endpoint import AnyEndpoint
from agent.web.errors import NoSuchRoute, refusal
from agent.web.headers import dressed
from agent.web.limits import (
    JSON_MEDIA,
    MIB,
    ClientGone,
    check_json,
    check_media,
    check_size,
    read_body,
    replay,
)
from agent.web.origin import check_host, check_origin
from agent.web.ports import Auth
from agent.web.table import Table

FIRST_MESSAGE_SECONDS = 3.0
INVALID, MISSING = "Invalid token", "Missing token"

_log = logging.getLogger("agent.access")


class Refused(Exception):  # noqa: N818
    """A credential that came later on an open socket is wrong."""


class Guard:
    """ASGI middleware; see the module.

    Args:
        app: what is guarded.
        table: the routes and sockets that exist.
        config: hosts, origins, and the cookie's name.
        auth: checks credentials.
        clock: for the access log.
    """

    def __init__(
        self, app: ASGIApp, *, table: Table, config: WebConfig, auth: Auth, clock: Clock
    ) -> None:
        self._app = app
        self._table = table
        self._hosts = configs.hosts(config)
        self._origins = configs.origins(config)
        self._auth = auth
        self._credentials = Credentials(auth, config)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request or one socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        note = Note(scope, send, self._clock)
        try:
            if scope["type"] == "http":
                await self._http(scope, receive, note)
            else:
                await self._socket(scope, receive, note)
        except ClientGone:
            return
        finally:
            note.write()

    async def _http(self, scope: Scope, receive: Receive, note: "Note") -> None:
        endpoint = self._table.find(scope["method"], scope["path"])
        note.quiet = endpoint is not None and endpoint.quiet
        try:
            headers = Headers(scope=scope)
            self._outside(headers, scope, page=endpoint is not None and endpoint.page)
            if endpoint is None or not endpoint.open:
                found = await self._credentials.find(headers, scope["query_string"])
                scope["principal"] = self._credentials.require(found)
            body = await _body(scope["method"], headers, receive, endpoint)
        except AgentError as error:
            response = refusal(error)
            response.headers["connection"] = "close"
            await response(scope, receive, note.send)
        else:
            await self._app(scope, receive if body is None else replay(body, receive), note.send)

    def _outside(self, headers: Headers, scope: Scope, *, page: bool) -> None:
        check_host(headers, self._hosts)
        self._credentials.check_query(scope["query_string"])
        check_origin(headers, self._origins, page=page)

    async def _socket(self, scope: Scope, receive: Receive, note: "Note") -> None:
        headers = Headers(scope=scope)
        try:
            self._outside(headers, scope, page=False)
            if scope["path"] not in self._table.sockets:
                raise NoSuchRoute(f"expected one of {', '.join(self._table.sockets)}")
        except AgentError as error:
            await receive()
            await refusal(error)(scope, receive, note.send)
            return
        found = await self._credentials.find(headers, scope["query_string"], socket=True)
        await receive()
        await note.send({"type": "websocket.accept"})
        if found == "missing":
            found = await self._first_message(receive)
        if not isinstance(found, Principal):
            await _close(note.send, MISSING if found == "missing" else INVALID)
            return
        scope["principal"] = found
        try:
            await self._app(scope, self._watched(receive), _after_accept(note.send))
        except Refused:
            await _close(note.send, INVALID)

    async def _first_message(self, receive: Receive) -> Finding:
        """Wait for ``{"type": "auth"}``; anything else first is no credential."""
        try:
            async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
                message = await receive()
        except TimeoutError:
            return "missing"
        if message["type"] == "websocket.disconnect":
            raise ClientGone
        given = _auth_message(message)
        return "missing" if given is None else await self._judge(given)

    async def _judge(self, given: Json) -> Finding:
        token, access = given.get("token"), given.get("access_token", "")
        if not isinstance(token, str) or not isinstance(access, str):
            return "invalid"
        return await self._auth.verify(token, access) or "invalid"

    def _watched(self, receive: Receive) -> Receive:
        """Say "connect" once more, and take later auth messages out of what the socket reads."""
        greeted = False

        async def watched() -> Message:
            nonlocal greeted
            if not greeted:
                greeted = True
                return {"type": "websocket.connect"}
            while True:
                message = await receive()
                given = _auth_message(message)
                if given is None:
                    return message
                if self._auth.mode != "none" and await self._judge(given) == "invalid":
                    raise Refused

        return watched


class Note:
    """What the access log will say about a request: method, path without query, status, ms."""

    def __init__(self, scope: Scope, send: Send, clock: Clock) -> None:
        self._scope = scope
        self._send = send
        self._clock = clock
        self._began = clock.monotonic()
        self._status = 0
        self.quiet = False

    async def send(self, message: Message) -> None:
        """Pass ``message`` on; dress a response's headers and note its status."""
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self._status = message["status"]
                headers = dressed(message.get("headers", []))
                message = {**message, "headers": headers}
            case "websocket.accept":
                self._status = 101
            case "websocket.close":
                self._status = message.get("code", 1000)
            case _:
                pass
        await self._send(message)

    def write(self) -> None:
        """Write the line, unless the route is a quiet one."""
        if self.quiet or not _log.isEnabledFor(logging.INFO):
            return
        method = self._scope.get("method", "WS")
        path = quote(self._scope["path"][:200])
        taken = (self._clock.monotonic() - self._began) * 1000
        _log.info("%s %s %d %.1f ms", method, path, self._status, taken)


async def _body(
    method: str, headers: Headers, receive: Receive, endpoint: AnyEndpoint | None
) -> bytes | None:
    """Read and check a request's body; ``None`` when there is none to read."""
    declared = headers.get("content-length")
    framed = declared is not None or "transfer-encoding" in headers
    if method in ("GET", "HEAD") and not framed:
        return None
    limit = MIB if endpoint is None else endpoint.limit
    media = JSON_MEDIA if endpoint is None else endpoint.media
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise BadInput(f"Content-Length: expected a number, got {declared[:40]!r}")
    if declared is not None and int(declared[:19]) > 0:
        check_media(headers.getlist("content-type"), headers.getlist("content-encoding"), media)
        check_size(int(declared[:19]), limit)
    body = await read_body(receive, limit)
    if body:
        check_media(headers.getlist("content-type"), headers.getlist("content-encoding"), media)
        if media == JSON_MEDIA:
            check_json(body)
    return body


def _auth_message(message: Message) -> Json | None:
    """Return the object of ``{"type": "auth", …}``, else ``None``; never decodes anything large."""
    text: str | None = message.get("text")
    if text is None or len(text) > 16_384 or '"auth"' not in text:
        return None
    try:
        check_json(text.encode())
        given = fields(msgspec.json.decode(text))
    except (BadInput, msgspec.DecodeError):
        return None
    return given if given.get("type") == "auth" else None


async def _close(send: Send, reason: str) -> None:
    await send({"type": "websocket.close", "code": 4001, "reason": reason})


def _after_accept(send: Send) -> Send:
    """Swallow the socket's own accept: the guard already did it."""

    async def quieter(message: Message) -> None:
        if message["type"] != "websocket.accept":
            await send(message)

    return quieter
