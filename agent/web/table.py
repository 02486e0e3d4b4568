"""Finding a declared route by method and path, the same way the framework's router does."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.routing import compile_path

from agent.web.endpoint import AnyEndpoint


class Table:
    """The declared routes and sockets."""

    def __init__(self, endpoints: Sequence[AnyEndpoint], sockets: Sequence[str]) -> None:
        self.endpoints = tuple(endpoints)
        self.sockets = tuple(sockets)
        plain = {(e.method, e.path): e for e in endpoints if "{" not in e.path}
        self._plain: Mapping[tuple[str, str], AnyEndpoint] = MappingProxyType(plain)
        self._patterns = tuple((e.method, _pattern(e.path), e) for e in endpoints if "{" in e.path)

    def find(self, method: str, path: str) -> AnyEndpoint | None:
        """Return the route that will serve the request; ``None`` when there is none."""
        verb = "GET" if method == "HEAD" else method
        found = self._plain.get((verb, path))
        if found is not None:
            return found
        for known, pattern, endpoint in self._patterns:
            if known == verb and pattern.match(path):
                return endpoint
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]
