"""Response headers that hold for everything this server sends."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)

ALWAYS: Headers = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def dressed(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Add what is always sent, and ``no-store`` where nothing was said about keeping."""
    own = list(headers)
    said = any(name.lower() == b"cache-control" for name, _ in own)
    return own + ALWAYS + ([] if said else [(b"cache-control", b"no-store")])
