"""Time, chance and names: the one module that may ask the machine for them."""

import random
import secrets
import time


class SystemClock:
    """The machine's own clock and randomness."""

    def now_ms(self) -> int:
        """Wall time, Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.perf_counter()

    def random(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - chance for nodes, not for secrets

    def token(self, size: int) -> str:
        """``size`` random bytes as hex."""
        return secrets.token_hex(size)
