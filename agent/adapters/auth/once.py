"""Codes that open the door once, and only for a while: launch codes and socket tickets."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OneTime(Generic[T]):
    """A set of outstanding codes, each worth one value.

    Args:
        seconds: how long a code is valid.
        now: seconds on a clock that never goes back.
        new: makes a code nobody can guess.
        keep: outstanding codes at most; the oldest is dropped for a new one.
    """

    def __init__(
        self, seconds: float, now: Callable[[], float], new: Callable[[], str], *, keep: int = 1_000
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._new = new
        self._keep = keep
        self._open: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def issue(self, value: T) -> str:
        """Make a code for ``value``."""
        while len(self._open) >= self._keep:
            self._open.popitem(last=False)
        code = self._new()
        self._open[code] = (self._now() + self._seconds, value)
        return code

    def redeem(self, code: str) -> T | None:
        """Take the code and return its value; ``None`` when unknown, used or too old.

        A dictionary look-up is no timing oracle here: a code is 32 random bytes and dies with its
        first use, and hashing of strings is keyed per process.
        """
        found = self._open.pop(code, None)
        if found is None or self._now() >= found[0]:
            return None
        return found[1]
