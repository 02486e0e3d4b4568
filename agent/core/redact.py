"""Known secrets never get in: they are masked where text enters, before storage and fan-out.

What a user sends and what the world answers is masked before a node, a trace or a reader sees it,
so a recording and its replay hold the same masked text. A stream is masked across its pieces: what
may be the beginning of a secret is held back until it is known.
"""

import re
from collections.abc import Iterable
from typing import cast

from agent.core.json import Json

MASK = "[secret]"
SHORTEST = 8
"""Shorter values are not masked: they would turn up in honest words."""


class Redactor:
    """Masks some values.

    Args:
        secrets: the values; too short ones are left out.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        self.secrets = tuple(sorted(known, key=len, reverse=True))
        """The longest first: it wins where one begins with another."""
        self._whole = re.compile("|".join(map(re.escape, self.secrets)))
        firsts = {re.escape(secret[0]) for secret in self.secrets}
        self._first = re.compile("[" + "".join(sorted(firsts)) + "]") if firsts else None

    def text(self, text: str) -> str:
        """Mask all secrets in ``text``."""
        return self._whole.sub(MASK, text) if self.secrets else text

    def json(self, value: Json) -> Json:
        """Mask all secrets in the texts of a JSON value, keys included."""
        if not self.secrets:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.json(item) for item in cast("list[Json]", value)]
        if isinstance(value, dict):
            fields = cast("dict[str, Json]", value)
            return {self.text(key): self.json(item) for key, item in fields.items()}
        return value

    def split(self, text: str) -> tuple[str, str]:
        """Mask ``text``, which may go on; return what is certain, and what must wait."""
        done: list[str] = []
        place = 0
        while self._first is not None:
            found = self._first.search(text, place)
            if found is None:
                break
            done.append(text[place : found.start()])
            place = found.start()
            rest = text[place:]
            if any(len(rest) < len(secret) and secret.startswith(rest) for secret in self.secrets):
                return "".join(done), rest
            secret = self._whole.match(text, place)
            done.append(MASK if secret else text[place])
            place = secret.end() if secret else place + 1
        done.append(text[place:])
        return "".join(done), ""


class Stream:
    """Masks a text that comes in pieces.

    Args:
        redactor: what to mask.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what may be told now."""
        told, self._held = self._redactor.split(self._held + piece)
        return told

    def end(self) -> str:
        """Return what was held back and is no secret after all."""
        held, self._held = self._held, ""
        return self._redactor.text(held)
