"""Markdown to a suite. A line that is not understood is an error with file and line, never skipped.

All errors of a file are told at once.
"""

import re
from pathlib import Path

from agent.cases.errors import BadSuite, Unclear
from agent.cases.expect import ACTION, EXPECTATIONS, expectation, quoted
from agent.cases.suite import Check, Click, Send, Step, Suite

_STEP = re.compile(r"(\d+)\. +(\S.*)")
_BULLET = re.compile(r"- +([^:]+?)(?:: *(.*))?")
_FIRST = re.compile(r'first matching +("(?:.*)")')
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][\w.-]{0,127}\.json")
_SECTIONS = ("Setup", "Steps")


def load(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        BadSuite: naming file and line of everything that is not understood.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise BadSuite(f"{path}: cannot be read: {error.strerror}; name a suite file") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadSuite(f"{path}:{line}: expected UTF-8 text, got {error.reason}") from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Suite:
    """Read a suite.

    Raises:
        BadSuite: naming file and line of everything that is not understood.
    """
    reading = _Reading()
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            reading.take(number, line.rstrip())
        except Unclear as error:
            reading.fault(number, str(error))
    reading.end(len(lines))
    if reading.errors:
        told = sorted(set(reading.errors))
        raise BadSuite("\n".join(f"{file}:{line}: {what}" for line, what in told))
    return Suite(
        file=file,
        title=reading.title,
        graph=reading.graph,
        clear=reading.clear,
        cassette=reading.cassette,
        steps=tuple(draft.step() for draft in reading.drafts if draft.does is not None),
    )


class _Draft:
    """A step that is being read."""

    def __init__(self, line: int, name: str) -> None:
        self.line = line
        self.name = name
        self.clear = False
        self.does: Send | Click | None = None
        self.checks: list[Check] = []
        self.broken = False
        """A line of it was not understood, so what seems to be missing may be that line."""

    def step(self) -> Step:
        assert self.does is not None  # noqa: S101 - the caller has looked
        return Step(
            line=self.line,
            name=self.name,
            clear=self.clear,
            does=self.does,
            checks=tuple(self.checks),
        )


class _Reading:
    """A file that is being read, line by line."""

    def __init__(self) -> None:
        self.errors: list[tuple[int, str]] = []
        self.title = ""
        self.graph = ""
        self.clear = False
        self.cassette = ""
        self.seen: list[str] = []
        self.drafts: list[_Draft] = []

    def fault(self, number: int, what: str) -> None:
        """Keep what is wrong with a line."""
        self.errors.append((number, what))
        if self.drafts:
            self.drafts[-1].broken = True

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        if not line:
            return
        if line.startswith("#"):
            self._heading(number, line)
        elif not self.title:
            raise Unclear(f"expected `# Title` first, got {line!r:.80}")
        elif self.seen:
            self._bullet(number, line)
        elif line.lstrip().startswith(("- ", "* ", "+ ")):
            raise Unclear("expected `## Setup` or `## Steps` before the first bullet")

    def _heading(self, number: int, line: str) -> None:
        marks, _, text = line.partition(" ")
        match marks:
            case "#":
                self._title(text.strip())
            case "##":
                self._section(text.strip())
            case "###":
                self._step(number, text.strip())
            case _:
                raise Unclear(f"expected `# Title`, `## Steps` or `### 1. Name`, got {line!r:.80}")

    def _title(self, text: str) -> None:
        if self.title:
            raise Unclear(f"expected one `# Title`, got a second one; the first is {self.title!r}")
        if not text:
            raise Unclear("expected a title behind `#`, got none")
        self.title = text

    def _section(self, text: str) -> None:
        if not self.title:
            raise Unclear(f"expected `# Title` before `## {text}`")
        if text not in _SECTIONS:
            raise Unclear(f"expected `## Setup` or `## Steps`, got `## {text}`")
        if text in self.seen:
            raise Unclear(f"expected `## {text}` once, got it again")
        if "Steps" in self.seen:
            raise Unclear("expected `## Setup` before `## Steps`")
        self.seen.append(text)

    def _step(self, number: int, text: str) -> None:
        if self.seen[-1:] != ["Steps"]:
            raise Unclear("expected `## Steps` before the first step")
        found = _STEP.fullmatch(text)
        self._close()
        self.drafts.append(_Draft(number, text))
        if found is None:
            raise Unclear(f"expected a step such as `### 1. Name`, got {text!r:.80}")
        if int(found[1]) != len(self.drafts):
            raise Unclear(f"expected step number {len(self.drafts)}, got {int(found[1])}")

    def _bullet(self, number: int, line: str) -> None:
        found = _BULLET.fullmatch(line)
        if found is None:
            raise Unclear(f"expected a bullet such as `- send: text`, got {line!r:.80}")
        key, value = found[1], found[2]
        if not self.drafts:
            self._setup(key, value)
        else:
            self._line(self.drafts[-1], number, key, value)

    def _setup(self, key: str, value: str | None) -> None:
        if self.seen[-1] != "Setup":
            raise Unclear("expected `### 1. Name` before the first bullet of the steps")
        if key == "clear history" and value is None:
            self.clear = _once(self.clear, key)
        elif key == "graph":
            _once(bool(self.graph), key)
            self.graph = value or ""
            if not _NAME.fullmatch(self.graph):
                raise Unclear(f"expected a graph such as `- graph: v4-eras`, got {value!r:.80}")
        elif key == "cassette":
            _once(bool(self.cassette), key)
            self.cassette = value or ""
            if not _FILE.fullmatch(self.cassette):
                raise Unclear(
                    "expected a file beside this one, such as `- cassette: mine.cassette.json`, "
                    f"got {value!r:.80}"
                )
        else:
            known = "`- clear history`, `- graph: name` or `- cassette: file`"
            raise Unclear(f"expected {known}, got {key!r:.80}")

    def _line(self, draft: _Draft, number: int, key: str, value: str | None) -> None:
        if key == "clear history" and value is None:
            if draft.does is not None:
                raise Unclear("expected `- clear history` before what the step sends")
            draft.clear = _once(draft.clear, key)
        elif key in {"send", "or send", "action"}:
            self._does(draft, number, key, (value or "").strip())
        elif key in EXPECTATIONS:
            if draft.does is None and not draft.broken:
                raise Unclear(f"expected `- send: text` or `- action: name` before `- {key}`")
            made = expectation(key, (value or "").strip())
            draft.checks.append(Check(line=number, text=f"{key}: {value}", expects=made))
        else:
            known = ", ".join(("send", "or send", "action", *EXPECTATIONS))
            raise Unclear(f"expected one of {known}, got {key!r:.80}")

    def _does(self, draft: _Draft, number: int, key: str, value: str) -> None:
        if not value:
            raise Unclear(f"expected a text behind `- {key}:`, got none")
        if key == "or send":
            self._wording(draft, value)
            return
        if draft.does is not None:
            raise Unclear(f"expected one `send` or `action` in a step, got a second: `{key}`")
        draft.does = (
            Send(line=number, wordings=(value,)) if key == "send" else _click(number, value)
        )

    def _wording(self, draft: _Draft, value: str) -> None:
        before = draft.does
        if not isinstance(before, Send) or draft.checks:
            raise Unclear("expected `- or send:` right below a `- send:`")
        if value.casefold() in [wording.casefold() for wording in before.wordings]:
            raise Unclear("expected another wording, got the same again")
        draft.does = Send(line=before.line, wordings=(*before.wordings, value))

    def _close(self) -> None:
        """Look at the step that ends here."""
        last = self.drafts[-1] if self.drafts else None
        if last is None or last.broken:
            return
        if last.does is None:
            self.errors.append((last.line, "expected `- send:` or `- action:` in the step"))
        elif not last.checks:
            self.errors.append((last.line, "expected at least one `- expect_…` line in the step"))

    def end(self, line: int) -> None:
        """Look at the whole."""
        self._close()
        if not self.drafts:
            at = max(line, 1)
            self.errors.append((at, "expected `## Steps` with a step such as `### 1. Name`"))
        if self.cassette and not self.errors:
            self._played()

    def _played(self) -> None:
        """Look at a case with a cassette: it holds one run, so there is one step, said one way."""
        if len(self.drafts) > 1:
            second = self.drafts[1]
            self.errors.append((second.line, "expected one step, the cassette's, got a second"))
        does = self.drafts[0].does
        if isinstance(does, Send) and len(does.wordings) > 1:
            self.errors.append((does.line, "expected one wording, the cassette's, got several"))
        if isinstance(does, Click) and not does.exact:
            self.errors.append((does.line, "expected `- action: name`, the cassette's click"))


def _once(before: bool, key: str) -> bool:
    if before:
        raise Unclear(f"expected `- {key}` once, got it again")
    return True


def _click(number: int, value: str) -> Click:
    found = _FIRST.fullmatch(value)
    if found is not None:
        return Click(line=number, patterns=quoted(found[1]), exact=False)
    if value.startswith("first") or '"' in value or not ACTION.fullmatch(value):
        raise Unclear(
            f'expected `- action: name` or `- action: first matching "a" or "b"`, got {value!r:.80}'
        )
    return Click(line=number, patterns=(value,), exact=True)
