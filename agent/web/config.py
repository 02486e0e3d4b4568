"""What the doors need to know about the outside, settled before the first request."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_WILDCARD = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, never bound
_DEFAULT_PORTS = {"http": 80, "https": 443}


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the doors."""

    host: str = "127.0.0.1"
    """The address that was bound."""
    port: int
    """The port that was bound; never 0."""
    static_dir: Path
    """Holds ``templates/``, ``dist/`` and the fallback page's two files."""
    version: str
    token_file: str = ""
    """Where a person finds the local token; named in a 401 on loopback."""
    allowed_hosts: tuple[str, ...] = ()
    """More ``Host`` values to answer to, each exactly as a client sends it."""
    allowed_origins: tuple[str, ...] = ()
    """More origins whose pages may open sockets, such as ``https://example.org``."""
    public_url: str = ""
    """Where a reverse proxy shows this server."""
    allow_query_token: bool = False
    """Accept ``?token=`` for programs written for the older form."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in LOOPBACK

    @property
    def url(self) -> str:
        """Where a person opens the page."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in _WILDCARD else self.host
        return f"http://{_bracket(host)}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether the page is reached over TLS."""
        return self.url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """The cookie's name; it holds the port, because cookies are shared across ports."""
        return f"framescope_{self.port}"


def hosts(config: WebConfig) -> frozenset[str]:
    """Return every ``Host`` header value the server answers to, in lower case."""
    return frozenset(_direct_hosts(config) | _public_hosts(config.public_url))


def origins(config: WebConfig) -> frozenset[str]:
    """Return every ``Origin`` header value that may talk to the server."""
    direct = {f"http://{host}" for host in _direct_hosts(config)}
    scheme = urlsplit(config.public_url).scheme.lower()
    public = {f"{scheme}://{host}" for host in _public_hosts(config.public_url)}
    named = {origin.rstrip("/").lower() for origin in config.allowed_origins}
    return frozenset(direct | public | named)


def _direct_hosts(config: WebConfig) -> set[str]:
    names = LOOPBACK if config.host in _WILDCARD else LOOPBACK | {config.host}
    own = {f"{_bracket(name)}:{config.port}" for name in names}
    if config.port == _DEFAULT_PORTS["http"]:
        own |= {_bracket(name) for name in names}
    return {host.lower() for host in (*own, *config.allowed_hosts)}


def _public_hosts(url: str) -> set[str]:
    parts = urlsplit(url)
    if not parts.hostname:
        return set()
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
    name = _bracket(parts.hostname)
    bare = {name} if port == _DEFAULT_PORTS.get(parts.scheme) else set[str]()
    return bare | {f"{name}:{port}"}


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
