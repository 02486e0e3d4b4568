"""What readers of a question's conditions stand on: distance between tables, free words, values."""

from collections.abc import Iterator, Sequence

from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.query import Counted
from agent.adapters.models.builtin.tables import Column, Schema, Table
from agent.adapters.models.builtin.tokens import Token, columns_named, translated
from agent.adapters.models.builtin.words import concept

NOT = bag("not nicht non kein keine keinen no außer except")
_MADE_SO = bag("heated fired powered geheizt beheizt betrieben based")
_LONGEST_VALUE = 3


class Ground:
    """What every reader of conditions stands on.

    Args:
        text: the question.
        tokens: its tokens; those that are understood get marked.
        schema: what can be asked about.
        target: the table the question is about.
        named: the table that each token names, where it names one.
    """

    def __init__(
        self,
        text: str,
        tokens: list[Token],
        schema: Schema,
        target: Table,
        named: dict[int, Table],
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.schema = schema
        self.target = target
        self.named = named
        self.counted: list[Counted] = []

    def near(self, *concepts: str) -> Column | None:
        """Return the column about one of ``concepts`` in the target or the nearest table to it."""
        for table in self._by_distance():
            found = table.has(*concepts)
            if found:
                return found
        return None

    def _by_distance(self) -> list[Table]:
        mentioned = set(map(id, self.named.values()))
        ways = [
            (len(way), any(not up for _, up in way), id(table) not in mentioned, n, table)
            for n, table in enumerate(self.schema.tables)
            if (way := self.schema.way(self.target.name, table.name)) is not None
        ]
        ways.sort(key=lambda entry: (entry[0] > 0, entry[1], entry[0], entry[2], entry[3]))
        return [entry[-1] for entry in ways]

    def _free(self, place: int) -> bool:
        """Whether a token may be a name that only the data knows."""
        if not 0 <= place < len(self.tokens):
            return False
        token = self.tokens[place]
        if token.used or place in self.named or token.kind in ("number", "code"):
            return False
        if token.kind == "quote":
            return True
        return token.low not in STOP and not columns_named(token, self.schema)

    def _low(self, place: int) -> str:
        return self.tokens[place].low if 0 <= place < len(self.tokens) else ""

    def _negated(self, place: int) -> bool:
        for earlier in (place - 1, place - 2):
            if self._low(earlier) in NOT:
                self.tokens[earlier].used = True
                return True
        return False


def spans(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield place and size of every run of free tokens that may be a value, longest first."""
    for size in range(_LONGEST_VALUE, 0, -1):
        for place in range(len(tokens) - size + 1):
            if not any(token.used for token in tokens[place : place + size]):
                yield place, size


def value_of(phrase: str, tables: Sequence[Table]) -> tuple[Column, str] | None:
    """Return the column that holds what ``phrase`` (stemmed) says, and the value."""
    known = translated(phrase)
    for table in tables:
        for column in table.columns:
            for said, value in column.values:
                if said and said in (known, phrase):
                    return column, value
    if " " in phrase:
        return None
    for table in tables:
        for column in table.columns:
            for said, value in column.values:
                rest = phrase.removeprefix(said).lstrip("-")
                if (
                    len(said) > 1
                    and rest != phrase
                    and (concept(rest) in column.words or rest in _MADE_SO)
                ):
                    return column, value
    return None


def quoted(text: str) -> str:
    """Write a text literal."""
    return "'" + text.replace("'", "''") + "'"
