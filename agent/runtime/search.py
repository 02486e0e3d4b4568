"""The search grammar of the list of runs: ``status:error path:director any words``."""

import msgspec

from agent.core.errors import Unprocessable
from agent.runtime.ports import RunFilter

KEYS = ("channel", "graph", "kind", "node", "path", "status")


def searched(q: str, page: RunFilter) -> RunFilter:
    """Add to ``page`` what ``q`` asks for; words without a key are looked for in the message.

    Raises:
        Unprocessable: a key that is not known.
    """
    found: dict[str, str] = {}
    words: list[str] = []
    for word in q.split():
        key, colon, value = word.partition(":")
        if not colon or not key.isalpha() or not value:
            words.append(word)
        elif key in KEYS:
            found[key] = value
        else:
            raise Unprocessable(f"q: unknown key {key!r:.40}; known: {', '.join(KEYS)}")
    return msgspec.structs.replace(page, text=" ".join(words), **found)
