"""What a trace is pinned to: the content of everything that could make a run go another way."""

from collections.abc import Mapping

import msgspec

from agent.core.json import digest


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Content hashes by part.

    Parts are ``graph``, ``prompt:<name>``, ``node:<impl>``, ``shared:<module>``, ``tools``,
    ``tool:<name>``, ``model`` and, once a run has begun, ``schemas``. The text
    behind each hash is kept as a blob of that name.
    """

    graph: str
    """Name of the graph."""
    parts: Mapping[str, str]

    @property
    def revision(self) -> str:
        """Hash of the whole."""
        return digest([self.graph, dict(self.parts)])[:12]


def changed(old: Manifest, new: Manifest) -> list[str]:
    """Name the parts that differ, sorted."""
    names = old.parts.keys() | new.parts.keys()
    return sorted(name for name in names if old.parts.get(name) != new.parts.get(name))
