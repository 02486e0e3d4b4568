"""The lines a tool writes while it works: masked, bounded, told one by one."""

from collections.abc import Callable

from agent.core.redact import Redactor

LINES, LINE_CHARS = 200, 500


class Log:
    """One call's output. Written on the event loop's thread only.

    Args:
        redactor: masks the secrets of this installation.
        tell: takes every line that is kept.
    """

    def __init__(self, redactor: Redactor, tell: Callable[[str], None]) -> None:
        self._redactor = redactor
        self._tell = tell
        self.lines: list[str] = []
        self.left_out = 0
        self._over = False

    def close(self) -> None:
        """Take nothing more: the call is over, whatever the tool still does."""
        self._over = True

    def write(self, text: str) -> None:
        """Take a line, or several; what is too much is only counted."""
        for line in () if self._over else text.splitlines():
            if len(self.lines) >= LINES:
                self.left_out += 1
                continue
            kept = self._redactor.text(line)[:LINE_CHARS]
            self.lines.append(kept)
            self._tell(kept)
