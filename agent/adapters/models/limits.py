"""How long a model call may take, how much it may say, and when it is tried again."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Self

import msgspec

from agent.engine.ports import Clock


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one call; seconds unless the name says otherwise."""

    tries: int = 3
    total_s: float = 120.0
    """All tries and the pauses between them."""
    connect_s: float = 10.0
    first_byte_s: float = 30.0
    """From the request to the first byte of the answer's body, connecting included."""
    idle_s: float = 30.0
    """Between two pieces of a body; comments that keep the line open count as pieces."""
    tail_s: float = 2.0
    """For the usage that may follow the end of the answer."""
    done_s: float = 0.05
    """For the end of the body after ``[DONE]``, so that the connection can be used again."""
    pause_s: float = 0.5
    """Upper bound of the first pause; it doubles with each try."""
    longest_pause_s: float = 8.0
    text_chars: int = 4 * 1024 * 1024
    """Text and tool arguments together; a stream that never ends is cut here."""

    @classmethod
    def within(cls, total_s: float) -> Self:
        """Return the limits of a call that may take ``total_s``, a quarter of it in silence."""
        return cls(total_s=total_s, first_byte_s=total_s / 4, idle_s=total_s / 4)

    def pause(self, tries: int, asked: float | None, chance: float) -> float:
        """Return the pause after ``tries``: full jitter, and never less than the server asked."""
        bound = min(self.longest_pause_s, self.pause_s * 2 ** (tries - 1))
        return (asked or 0.0) + chance * bound


def retry_after(value: str | None, clock: Clock) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date, as seconds from now."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - clock.now_ms() / 1000)
