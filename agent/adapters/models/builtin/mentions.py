"""Which tables and columns a question names: its subject, its groups, its columns."""

import re

from agent.adapters.models.builtin.ground import spans, value_of
from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.superlatives import Superlative, superlative_in
from agent.adapters.models.builtin.tables import Column, Schema, Table
from agent.adapters.models.builtin.tokens import Token, columns_named, strength

COUNT = re.compile(r"\b(how many|number of|count|wie ?viele|anzahl|zähle?)\b", re.IGNORECASE)
AVG = re.compile(
    r"\b(average|mean|avg|durchschnitt\w*|mittlere\w*|im schnitt|typical)\b", re.IGNORECASE
)
SUM = re.compile(
    r"\b(total|sum|overall|altogether|how much|gesamt\w*|summe|insgesamt|wie ?viel|zusammen)\b",
    re.IGNORECASE,
)
LIST = re.compile(
    r"\b(list|show|give|find|display|zeige?|liste|nenne?|gib|finde|which|what|who|where|wo|welche\w?"
    r"|wer|was|all|alle|tell|wie|how|look(?:ing)? for|interested in|suche)\b"
    r"|^\W*name\b", re.IGNORECASE)  # fmt: skip
_SELF = re.compile(r"\b(my|mein\w*|am i|bin ich)\b", re.IGNORECASE)
_PER = bag("per by je pro nach each every jede jedem jeder jedes")
_ALL = bag("each every jede jeden jedes")
_LISTING = bag("list show give name of me liste zeige zeig nenne nenn mir von")
_ARTICLES = bag("the a each every der die das dem jeder jede jedes jedem jeden")
_SORT = re.compile(
    r"\b(?:sort(?:ed|iert)?|order(?:ed)?|geordnet)\s+(?:by|nach)\s+(\w+)", re.IGNORECASE
)


class Mentions:
    """The tables and columns of one question; words that are understood get marked."""

    def __init__(
        self, text: str, tokens: list[Token], schema: Schema, named: dict[int, Table]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.schema = schema
        self.named = named
        for place in named:
            tokens[place].used = True
        self.superlative: Superlative | None = superlative_in(tokens)
        self.group: Column | None = None
        self.group_table: Table | None = None
        self.order: Column | None = None
        self.subjects = dict(named)

    def _sorting(self) -> None:
        found = _SORT.search(self.text)
        if not found:
            return
        for token in self.tokens:
            if token.text == found[1]:
                token.used = True
                self.order = next(iter(columns_named(token, self.schema)), None)

    def _grouping(self) -> None:
        """``per city``, ``for each customer``, ``nach Jahr``."""
        for place, token in enumerate(self.tokens):
            after = place + 1
            if token.low not in _PER or after >= len(self.tokens) or self.order:
                continue
            if token.low in _ALL and place and self.tokens[place - 1].low in _LISTING:
                continue  # "list every customer" is a list, not one for each
            if self.tokens[after].low in _ARTICLES and after + 1 < len(self.tokens):
                after += 1
            if self.tokens[after].concept in ("number", "anzahl") and self.superlative is None:
                self.superlative = Superlative(
                    place=after, descending=True, concepts=(), counting=True, limit=0
                )
                return
            if after in self.named:
                self.group_table = self.subjects.pop(after, None)
            elif after < len(self.tokens):
                self.group = self._column_at(after)
            if self.group_table or self.group:
                return

    def _column_at(self, place: int) -> Column | None:
        """Return the column that the words from ``place`` on name, two together before one."""
        first = self.tokens[place]
        found = columns_named(first, self.schema)
        if first.concept == "year":
            subject = next(iter(self.subjects.values()), None)
            found = [subject.when] if subject and subject.when else found
        if place + 1 < len(self.tokens):
            second = self.tokens[place + 1]
            both = [column for column in found if strength(second, column)]
            second.used = second.used or bool(both)
            found = both or found
        first.used = first.used or bool(found)
        return self._closest(found)

    def _closest(self, columns: list[Column]) -> Column | None:
        """Return the column nearest to what the question is about."""
        subject = next(iter(self.subjects.values()), None) or self._reckoned()
        if not columns or subject is None:
            return columns[0] if columns else None
        named = {table.name for table in self.named.values()}

        def distance(column: Column) -> tuple[bool, int, bool]:
            way = self.schema.way(subject.name, column.table)
            down = way is not None and any(not up for _, up in way)
            return (down, 99 if way is None else len(way), column.table not in named)

        return min(columns, key=distance)

    def _reckoned(self) -> Table | None:
        """Return the table of the first figure that is named, for want of a subject."""
        for token in self.tokens:
            for column in columns_named(token, self.schema):
                if column.numeric and token.low not in _PER:
                    return self.schema.find(column.table)
        return None

    def _mentioned(self) -> list[tuple[int, Column]]:
        """Return the columns that free words name, in order."""
        return [
            (place, column)
            for place, token in enumerate(self.tokens)
            if not token.used
            and (token.low not in STOP or token.concept != token.stem)
            and (column := self._closest(self._together(place))) is not None
        ]

    def _together(self, place: int) -> list[Column]:
        """Return the columns a word may name, only those its neighbour also means if there are."""
        token = self.tokens[place]
        found = columns_named(token, self.schema)
        if found and not self.subjects:
            best = strength(token, found[0])
            found = [column for column in found if strength(token, column) == best]
        for other in (place + 1, place - 1):
            if 0 <= other < len(self.tokens) and found:
                beside = self.tokens[other]
                both = [
                    c
                    for c in found
                    if beside.concept != self.tokens[place].concept and strength(beside, c)
                ]
                found = both or found
        return found

    def _owner(self) -> Table | None:
        """Return the table of the first column that is named, when no table is."""
        if _SELF.search(self.text):
            return None
        mentioned = self._mentioned()
        asked = COUNT.search(self.text) or LIST.search(self.text) or self.group
        if not (asked or self.superlative or SUM.search(self.text) or AVG.search(self.text)):
            return None
        if not mentioned:
            return self._holder()
        exact = [column for _, column in mentioned if column.numeric]
        return self.schema.find((exact or [mentioned[0][1]])[0].table)

    def _holder(self) -> Table | None:
        """Return the table that holds a value somebody asks about without naming the table."""
        for place, size in spans(self.tokens):
            phrase = " ".join(token.stem for token in self.tokens[place : place + size])
            if (hit := value_of(phrase, self.schema.tables)) and self.tokens[place].low not in STOP:
                return self.schema.find(hit[0].table)
        return None

    def _use(self, column: Column | None) -> None:
        for token in self.tokens:
            if column in columns_named(token, self.schema):
                token.used = True
