"""A suite as values: what a person says or clicks in each step, and what must be true afterwards.

Every check can fail: the parser refuses a line that would make one that cannot.
"""

from typing import Literal, TypeAlias

import msgspec

Sign = Literal["==", "!=", ">=", "<=", ">", "<"]


class Contains(msgspec.Struct, frozen=True, tag=True):
    """One of the words occurs."""

    words: tuple[str, ...]


class Lacks(msgspec.Struct, frozen=True, tag=True):
    """None of the words occurs, and there is something they could occur in."""

    words: tuple[str, ...]


class Length(msgspec.Struct, frozen=True, tag=True):
    """How long a text is, or how many there are."""

    sign: Sign
    size: int


class Matches(msgspec.Struct, frozen=True, tag=True):
    """A regular expression is found; upper and lower case are alike."""

    pattern: str


Predicate: TypeAlias = Contains | Lacks | Length | Matches


class Fact(msgspec.Struct, frozen=True):
    """Something a trace can hold: ``tool_call create_machine``, ``machine_created id="nav"``."""

    name: str
    """A node, or an event."""
    words: tuple[str, ...] = ()
    """Each is a value of that event."""
    values: tuple[tuple[str, str], ...] = ()
    """Fields of that event and what they hold."""


class ResponseCheck(msgspec.Struct, frozen=True, tag=True):
    """About the answer."""

    holds: Predicate


class ActionsCount(msgspec.Struct, frozen=True, tag=True):
    """About the number of buttons shown."""

    holds: Length


class ActionsCheck(msgspec.Struct, frozen=True, tag=True):
    """About action and label of the buttons shown: any of them, or none."""

    holds: Contains | Lacks


class StateCheck(msgspec.Struct, frozen=True, tag=True):
    """About a value of the memory or of the page."""

    key: str
    holds: Predicate


class Has(msgspec.Struct, frozen=True, tag=True):
    """The trace holds one of the facts."""

    facts: tuple[Fact, ...]


class HasNo(msgspec.Struct, frozen=True, tag=True):
    """The trace holds none of the facts."""

    facts: tuple[Fact, ...]


class Before(msgspec.Struct, frozen=True, tag=True):
    """One fact's first event comes before the other's first."""

    first: Fact
    then: Fact


class FramesCheck(msgspec.Struct, frozen=True, tag=True):
    """About the number of frames."""

    count: int


class PathCheck(msgspec.Struct, frozen=True, tag=True):
    """About the name of the way the run took."""

    names: tuple[str, ...]


class SqlCheck(msgspec.Struct, frozen=True, tag=True):
    """About the run's queries: one that fits, or how many."""

    holds: Predicate


class SqlBefore(msgspec.Struct, frozen=True, tag=True):
    """The run's first query with one text comes before its first with the other."""

    first: str
    then: str


class SpentCheck(msgspec.Struct, frozen=True, tag=True):
    """About what the run took."""

    what: Literal["tokens", "ms"]
    sign: Sign
    amount: int


Expectation: TypeAlias = (
    ResponseCheck | ActionsCount | ActionsCheck | StateCheck | Has | HasNo | Before | FramesCheck
    | PathCheck | SqlCheck | SqlBefore | SpentCheck
)  # fmt: skip


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line that says what must be true."""

    line: int
    text: str
    """As it is written, without the dash."""
    expects: Expectation


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A message, in one wording or several."""

    line: int
    wordings: tuple[str, ...]


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """A click on a button that is shown."""

    line: int
    patterns: tuple[str, ...]
    """Tried in this order."""
    exact: bool
    """The pattern is the whole action or label, not a part of it."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of the conversation."""

    line: int
    name: str
    """With its number."""
    clear: bool
    """The conversation begins anew before it."""
    does: Send | Click
    checks: tuple[Check, ...]


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    file: str
    title: str
    graph: str
    """Empty when any will do."""
    clear: bool
    cassette: str = ""
    """Name of the recording beside the file that its one step is played from."""
    steps: tuple[Step, ...]

    @property
    def wordings(self) -> int:
        """How often the conversation is held so that every wording is used."""
        return max(len(s.does.wordings) if isinstance(s.does, Send) else 1 for s in self.steps)

    def steps_of(self, wording: int) -> tuple[tuple[Step, bool], ...]:
        """Return each step, and whether it is checked, when wording number ``wording`` is used."""
        return tuple((step, wording in self._counted(step)) for step in self.steps)

    @property
    def checks(self) -> int:
        """How many checks one run of the whole file makes."""
        return sum(len(step.checks) * len(self._counted(step)) for step in self.steps)

    def _counted(self, step: Step) -> range:
        """A message counts once per wording, a click every time."""
        return range(len(step.does.wordings) if isinstance(step.does, Send) else self.wordings)
