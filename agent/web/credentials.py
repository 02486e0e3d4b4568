"""Finding the credential of a request or a socket, and what to say when there is none.

The order: a query token where that is allowed, the ``Authorization`` header, a socket's ticket, the
cookie. The first one that was given decides; a wrong one is never made good by another.
"""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from agent.core.errors import Unauthorized
from agent.core.principal import Principal
from agent.web.config import WebConfig
from agent.web.ports import Auth

QUERY_TOKENS = frozenset({"token", "access_token"})
Finding = Principal | Literal["missing", "invalid"]


class Credentials:
    """Looks for credentials where they may be."""

    def __init__(self, auth: Auth, config: WebConfig) -> None:
        self._auth = auth
        self._config = config

    async def find(self, headers: Headers, query: bytes, *, socket: bool = False) -> Finding:
        """Return who is asking, or that nothing was given, or that it was wrong."""
        if self._auth.mode == "none":
            return await self._auth.verify("") or "invalid"
        values = dict(_pairs(query))
        if self._config.allow_query_token and "token" in values:
            access = values.get("access_token", "")
            return await self._auth.verify(values["token"], access) or "invalid"
        if bearer := headers.getlist("authorization"):
            return await self._header(bearer)
        if socket and "ticket" in values:
            return self._auth.redeem_ticket(values["ticket"]) or "invalid"
        return self._cookies(headers)

    async def _header(self, values: list[str]) -> Finding:
        scheme, _, token = values[0].partition(" ")
        if len(values) != 1 or scheme.lower() != "bearer" or not token.strip():
            return "invalid"
        return await self._auth.verify(token.strip()) or "invalid"

    def _cookies(self, headers: Headers) -> Finding:
        """Accept any valid cookie of our name: pages on other ports can add ones, not forge one."""
        name = self._config.cookie_name
        values = [value for key, value in _cookie_pairs(headers) if key == name]
        if not values:
            return "missing"
        for value in values:
            found = self._auth.verify_cookie(name, value)
            if found is not None:
                return found
        return "invalid"

    def check_query(self, query: bytes) -> None:
        """Refuse a token in the query: it would end up in logs and histories.

        Raises:
            Unauthorized: with the other ways.
        """
        if self._auth.mode == "none" or self._config.allow_query_token:
            return
        given = {name for name, _ in _pairs(query)} & QUERY_TOKENS
        if given:
            raise Unauthorized(
                f"a credential in the query (`{min(given)}`) ends up in logs and is not taken; "
                "send `Authorization: Bearer …`, or for a socket `?ticket=` from POST "
                "/api/ws-ticket, or switch on `allow_query_token`"
            )

    def require(self, found: Finding) -> Principal:
        """Return the principal.

        Raises:
            Unauthorized: with the way in, on loopback.
        """
        if isinstance(found, Principal):
            return found
        what = "no credential was sent" if found == "missing" else "the credential is not valid"
        raise Unauthorized(what + self._way_in())

    def _way_in(self) -> str:
        config = self._config
        if not config.loopback:
            return ""
        token = f'"$(cat {config.token_file})"' if config.token_file else "<token>"
        return (
            "; open the page with the link that `python3 run.py open` prints, or use "
            f'curl -H "Authorization: Bearer "{token} {config.url}/api/frames'
        )


def _pairs(query: bytes) -> list[tuple[str, str]]:
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")


def _cookie_pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            yield name, value.strip('"')
