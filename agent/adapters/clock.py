"""Time, chance and names: the one module that may ask the machine for them."""

import random
import secrets
import time


class SystemClock:
    """The machine's own clock and randomness."""

    def now_ms(self) -> int:
        """Wall time, Unix milliseconds."""
        return time.time_ns() // 1_000_000

    monotonic = staticmethod(time.perf_counter)
    """Seconds on a clock that never goes back."""

    now_ns = staticmethod(time.time_ns)
    """Wall time, Unix nanoseconds; the builtin itself, because every event is stamped with it."""

    def random(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - chance for nodes, not for secrets

    def token(self, size: int) -> str:
        """``size`` random bytes as hex."""
        return secrets.token_hex(size)
