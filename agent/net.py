"""The one place that imports httpx: clients for whatever this program asks over HTTP.

Invariants:
* A client speaks to one origin, named by configuration. Redirects are off, and a key is put on a
  request only when the request goes to that origin.
* Metadata services of clouds are refused in every spelling of their address.
* httpx is imported with the first client (80 ms that the start must not pay); until then the names
  below exist for the type checker alone. To change the library, change its name in the two lines
  that import it.
* Proxy and CA settings of the environment (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``) hold
  for https to other machines only. Plain http never goes through a proxy, because the proxy would
  read the key, and neither does a loopback address, because there is nothing to reach past it.
"""

import ipaddress
import logging
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

import msgspec

from agent.core import lazy
from agent.core.errors import BadInput

if TYPE_CHECKING:
    import httpx as library  # noqa: TC004 - bound by load()
    from httpx import (
        AsyncBaseTransport,
        AsyncByteStream,
        AsyncClient,
        ConnectError,
        ConnectTimeout,
        HTTPError,
        ProxyError,
        RemoteProtocolError,
        Request,
        Response,
        TimeoutException,
        TransportError,
    )

__all__ = [
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "ConnectError",
    "ConnectTimeout",
    "HTTPError",
    "ProxyError",
    "RemoteProtocolError",
    "Request",
    "Response",
    "Target",
    "TimeoutException",
    "Transport",
    "TransportError",
    "client",
    "head",
    "load",
    "stream",
    "target",
]

if not TYPE_CHECKING:

    def __getattr__(name: str):  # noqa: ANN202 - the checker never sees it
        """Import httpx for the first of its names that somebody asks for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        load()
        return globals()[name]


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
_PORTS = {"http": 80, "https": 443}
_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_METADATA_NETS = tuple(
    ipaddress.ip_network(net)
    for net in (
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fe80::/10",
        "fd00:ec2::/32",
        "fd20:ce::/32",
    )
)
_NAT64 = 0x0064_FF9B_0000_0000_0000_0000
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Origin = tuple[str, str, int]
Chunks = AsyncGenerator[bytes, None]


class Transport(Protocol):
    """What carries a request: the network, or code of ours that answers in its place.

    A shape rather than a base class, so that a module can define one without importing httpx.
    """

    async def handle_async_request(self, request: "Request") -> "Response":
        """Answer ``request``; the body streams."""
        ...

    async def aclose(self) -> None:
        """Let go of what is held open."""
        ...


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A checked base URL."""

    url: str
    """Without a slash at its end."""
    host: str
    """``host`` or ``host:port``: all that messages and logs may say about the URL."""
    origin: Origin
    local: bool
    """Whether it is this machine."""

    def join(self, path: str) -> str:
        """Return the URL of ``path`` below the base; a query of the base stays."""
        base, mark, query = self.url.partition("?")
        return f"{base}/{path}{mark}{query}"


def target(base_url: str, *, setting: str) -> Target:
    """Check ``base_url``, which the configuration value ``setting`` holds.

    Raises:
        BadInput: not an http or https URL of a host that may be asked; says what to write.
    """
    wanted = f"{setting}: expected a URL such as 'https://api.example.com/v1'"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"{wanted}, got one that cannot be read: {error}") from None
    host = (parts.hostname or "").lower()
    if _UNSAFE.search(base_url) or parts.fragment or not _HOST.fullmatch(host):
        raise BadInput(f"{wanted}, in plain ASCII, got host {host!r}; check for stray characters")
    if parts.scheme not in _PORTS:
        raise BadInput(f"{wanted}, got scheme {parts.scheme!r}; use http or https")
    if "@" in parts.netloc:
        raise BadInput(f"{wanted}, got one with a user name or key in it; set the key on its own")
    address = _address(host)
    if _is_metadata(host, address):
        raise BadInput(f"{setting}: {host!r} is a cloud's metadata service, which is never asked")
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        url=f"{parts.scheme}://{parts.netloc}{path}",
        host=parts.netloc.lower(),
        origin=(parts.scheme, host, port or _PORTS[parts.scheme]),
        local=_is_local(host, address),
    )


def _address(host: str) -> _Address | None:
    """Read ``host`` as the system's resolver would: ``0xa9fea9fe`` is an address, too."""
    bare = host.rstrip(".")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except OSError:
        return None


def _is_metadata(host: str, address: _Address | None) -> bool:
    if address is None:
        return host.rstrip(".") in _METADATA_NAMES
    return any(form in net for form in _forms(address) for net in _METADATA_NETS)


def _forms(address: _Address) -> list[_Address]:
    """Return ``address`` and the IPv4 address that may be wrapped in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and int(address) >> 32 in (0, _NAT64):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return [address] if inner is None else [address, inner]


def _is_local(host: str, address: _Address | None) -> bool:
    if address is not None:
        return any(form.is_loopback for form in _forms(address))
    return host.rstrip(".").endswith("localhost")


@cache
def load() -> None:
    """Import httpx now; worth doing in a thread while nobody waits.

    Its request log names full URLs with their queries, so it is kept to warnings.
    """
    lazy.load("httpx")
    import httpx as library

    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    names = globals()
    names["library"] = library
    for name in __all__:
        if name not in names:
            names[name] = getattr(library, name)


def client(
    to: Target,
    *,
    key: str | None = None,
    transport: Transport | None = None,
    connect_s: float = 10.0,
    read_s: float | None = None,
) -> "AsyncClient":
    """Make a client for the origin of ``to`` that signs with ``key`` there and nowhere else.

    Raises:
        ImportError, ValueError, OSError: the environment's proxy or CA settings cannot be used.
    """
    load()
    return library.AsyncClient(
        auth=_bearer(to.origin, key) if key else None,
        headers={"User-Agent": "framescope", "Accept-Encoding": "identity"},
        timeout=library.Timeout(None, connect=connect_s, read=read_s, write=30.0),
        limits=library.Limits(max_connections=None, max_keepalive_connections=16),
        follow_redirects=False,
        trust_env=to.origin[0] == "https" and not to.local,
        verify=_trusts_nobody() if to.origin[0] == "http" else True,
        transport=cast("AsyncBaseTransport | None", transport),
    )


@cache
def _trusts_nobody() -> ssl.SSLContext:
    """Stand in where there is no TLS: to read the list of authorities takes each client 20 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _bearer(origin: Origin, key: str) -> "Callable[[Request], Request]":
    value = f"Bearer {key}"

    def sign(request: "Request") -> "Request":
        url = request.url
        if (url.scheme, url.host, url.port or _PORTS.get(url.scheme)) == origin:
            request.headers["Authorization"] = value
        return request

    return sign


async def head(response: "Response", limit: int) -> bytes:
    """Read at most ``limit`` bytes of a body that nobody vouches for."""
    got = bytearray()
    async for chunk in response.aiter_raw():
        got += chunk
        if len(got) >= limit:
            break
    return bytes(got[:limit])


def stream(status: int, headers: Mapping[str, str], chunks: Chunks) -> "Response":
    """Make the response of a transport of ours; ``chunks`` is closed with it."""
    load()
    return library.Response(status, headers=dict(headers), stream=_body_type()(chunks))


@cache
def _body_type() -> "Callable[[Chunks], AsyncByteStream]":
    class Body(library.AsyncByteStream):
        def __init__(self, chunks: Chunks) -> None:
            self._chunks = chunks

        def __aiter__(self) -> Chunks:
            return self._chunks

        async def aclose(self) -> None:
            await self._chunks.aclose()

    return Body
