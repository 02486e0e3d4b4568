"""Tells what a model thinks from what it says, however its stream was cut.

A thought stands between ``<think>`` and ``</think>``, or tags alike, outside code and JSON: tags in
a code span, in a fence, or in an answer that is JSON are what the answer is about. A thought that
begins the answer and never ends is a thought; one that begins later was none.

Some models begin in a thought, because their chat template has written the opening tag. That shows
by a closing tag alone; ``headless`` then tells, and the next answer is read with ``inside``.
"""

import re

_CLOSERS = {"<think>": "</think>", "<thinking>": "</thinking>", "[think]": "[/think]"}
_FENCE = "```"
_MARKS = (*_CLOSERS, *_CLOSERS.values(), _FENCE)
_MARK = re.compile("|".join(map(re.escape, _MARKS)), re.IGNORECASE)
_LEAD = 256
"""Blanks before an answer that are held; more of them are said."""
_LONGEST = max(map(len, _MARKS))
_OPENING = re.compile(rf"\s*({'|'.join(map(re.escape, _CLOSERS))})", re.IGNORECASE)
_HEADLESS = re.compile("|".join(map(re.escape, _CLOSERS.values())), re.IGNORECASE)


class Thoughts:
    """Takes the pieces of one answer.

    Args:
        inside: whether the model begins in a thought.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self.found: list[str] = []
        """The thoughts, in order."""
        self.headless = False
        """Whether a closing tag came that nothing in the answer had opened."""
        self._assumed = inside
        self._closer: re.Pattern[str] | None = _HEADLESS if inside else None
        self._opener = ""
        self._thought: list[str] = []
        self._tail = ""
        self._last = ""
        self._spoke = self._code = self._json = False

    def feed(self, text: str) -> str:
        """Take the next piece; return what of it, and of what was held, is said."""
        if self._json or (self._plain and not any(sign in text for sign in "<[`")):
            self._last = text[-1:] or self._last
            return text
        text, self._tail = self._tail + text, ""
        said: list[str] = []
        while text:
            spoken, text = self._think(text, self._closer) if self._closer else self._speak(text)
            said.append(spoken)
        return "".join(said)

    def end(self, *, cut: bool = False) -> str:
        """Close the answer; return what was held and is said after all.

        Args:
            cut: the answer did not come to its end, so neither may its thought have done.
        """
        rest = "".join(self._thought) + self._tail
        self._thought.clear()
        self._tail = ""
        thinks = self._closer is not None and not self._spoke
        if thinks and (cut or not self._assumed):
            self.found.append(rest)
            return ""
        return self._opener + rest

    @property
    def _plain(self) -> bool:
        """Whether text without a sign in it can only be said."""
        return self._spoke and not self._tail and self._closer is None

    def _think(self, text: str, closer: re.Pattern[str]) -> tuple[str, str]:
        if self._assumed and not any(map(str.strip, self._thought)):
            opening = _OPENING.match(text)
            if opening:  # this time it opens its thought itself
                self._marked("", opening[1])
                self._assumed = False
                return "", text[opening.end() :]
        end = closer.search(text)
        if end is None:
            cut = len(text) - _begun(text)
            self._thought.append(text[:cut])
            self._tail = text[cut:]
            return "", ""
        self.found.append("".join([*self._thought, text[: end.start()]]))
        self._thought.clear()
        self.headless = self.headless or self._assumed
        self._closer, self._opener, self._assumed = None, "", False
        return "", text[end.end() :]

    def _speak(self, text: str) -> tuple[str, str]:
        mark = _MARK.search(text)
        cut = mark.start() if mark else len(text) - _begun(text)
        before = text[:cut]
        if not self._spoke:
            before = before.lstrip() if self.found else before
            if before.lstrip()[:1] in ("{", "["):
                self._json = True
                return before + text[cut:], ""
            if mark is None and not before.strip() and len(text) < _LEAD:
                self._tail = text
                return "", ""
        self._last = before[-1:] or self._last
        self._spoke = self._spoke or bool(before.strip()) or cut >= _LEAD
        if mark is None:
            self._tail = text[cut:]
            return before, ""
        return self._marked(before, mark[0]), text[mark.end() :]

    def _marked(self, before: str, mark: str) -> str:
        """Take ``mark`` after ``before``; return what is said of both."""
        name = mark.lower()
        if name == _FENCE:
            self._code = not self._code
        elif not self._code and self._last != "`":
            if name in _CLOSERS:
                self._opener = mark
                self._closer = re.compile(re.escape(_CLOSERS[name]), re.IGNORECASE)
                return before if self._spoke else ""
            if not self._spoke:  # the end of an empty thought
                self.found.append("")
                return ""
            self.headless = True
        self._last, self._spoke = mark[-1], True
        return before + mark


def _begun(text: str) -> int:
    """Return how many characters at the end of ``text`` may begin a mark."""
    for size in range(min(len(text), _LONGEST - 1), 0, -1):
        tail = text[-size:].lower()
        if any(mark.startswith(tail) for mark in _MARKS):
            return size
    return 0
