"""What must hold: places, values, years, figures, names and codes in a question.

Every reader takes the tokens it understood out of the question by marking them used, so what is
left at the end is what nobody understood.
"""

import re
from collections.abc import Iterable, Iterator

from agent.adapters.models.builtin.lexicon import EXONYMS, OPPOSITES, STOP, bag
from agent.adapters.models.builtin.query import Condition, Counted
from agent.adapters.models.builtin.tables import Column, Schema, Table
from agent.adapters.models.builtin.tokens import (
    Token,
    columns_named,
    tokens_of,
    translated,
)

IN = bag("in aus from at near within im")
BY = bag("by von from")
OF = bag("of von for für des der vom named called namens with mit")
NOT = bag("not nicht non kein keine keinen no außer except")
WITHOUT = bag("without ohne no keine keinen")
_BEFORE = bag("before vor until bis earlier")
_AFTER = bag("after nach later")
_SINCE = bag("since seit ab")
_BETWEEN = bag("between zwischen")
_MORE = re.compile(
    r"\b(more than|over|above|greater than|larger than|bigger than|higher than|exceeding|exceeds?"
    r"|mehr als|über|größer als|höher als|oberhalb|older than)\s+(?:von\s+)?$", re.IGNORECASE)  # fmt: skip
_LESS = re.compile(
    r"\b(less than|under|below|smaller than|lower than|fewer than|weniger als|unter|kleiner als"
    r"|niedriger als|unterhalb|younger than)\s+(?:von\s+)?$", re.IGNORECASE)  # fmt: skip
_LEAST = re.compile(r"\b(at least|mindestens|minimum)\s+$", re.IGNORECASE)
_MOST = re.compile(r"\b(at most|höchstens|maximal|up to|bis zu)\s+$", re.IGNORECASE)
_EXACTLY = re.compile(r"\b(exactly|genau)\s+$", re.IGNORECASE)
_UNITS = {
    "m²": "area", "qm": "area", "m2": "area", "square": "area", "quadratmeter": "area",
    "sqm": "area", "€": "cost", "euro": "cost", "euros": "cost", "eur": "cost",
}  # fmt: skip
YEARS = range(1000, 2101)
_POSTCODE = 5
_LONGEST_VALUE = 3


class Finder:
    """Reads the conditions of one question.

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

    def all(self) -> list[Condition]:
        """Return all conditions; bounds on counts are left in ``counted``."""
        readers = (
            self._codes, self._figures, self._years, self._values, self._without, self._after_column,
            self._places, self._makers, self._names,
        )  # fmt: skip
        return [condition for reader in readers for condition in reader()]

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

    def _codes(self) -> Iterator[Condition]:
        for token in self.tokens:
            prefix = token.text.split("-")[0]
            if token.kind == "code" and (column := self._like_example(prefix)):
                token.used = True
                yield Condition(column=column, test=f"{{}} = {quoted(token.text.upper())}")

    def _like_example(self, prefix: str) -> Column | None:
        sample = re.compile(rf"such as {re.escape(prefix)}-\d", re.IGNORECASE)
        for table in self._by_distance():
            for column in table.columns:
                if sample.search(column.comment):
                    return column
        return None

    def _figures(self) -> Iterator[Condition]:
        """``over 80 square metres``, ``more than 10 units``."""
        for place, token in enumerate(self.tokens):
            compared = self._compared(place) if token.number is not None else ""
            if not compared or token.used:
                continue
            table = self._table_soon(place + 1)
            column = self._measured(place)
            if column is None and table is not None and table is not self.target:
                token.used = True
                self.counted.append(Counted(table=table, test=f"{compared} {plain(token.number)}"))
            elif column is not None:
                token.used = True
                yield Condition(column=column, test=f"{{}} {compared} {plain(token.number)}")

    def _table_soon(self, place: int) -> Table | None:
        return next((self.named[n] for n in (place, place + 1) if n in self.named), None)

    def _compared(self, place: int) -> str:
        before = self._text_before(place)
        for pattern, operator in (
            (_MORE, ">"), (_LESS, "<"), (_LEAST, ">="), (_MOST, "<="), (_EXACTLY, "="),
        ):  # fmt: skip
            found = pattern.search(before)
            if found:
                self._use_last(place, len(found[0].split()))
                return operator
        return ""

    def _use_last(self, place: int, count: int) -> None:
        for token in self.tokens[max(0, place - count) : place]:
            token.used = True

    def _text_before(self, place: int) -> str:
        words = [token.low for token in self.tokens[max(0, place - 4) : place]]
        return " ".join(words) + " "

    def _measured(self, place: int) -> Column | None:
        """Find the column that a figure is compared with."""
        for later in (place + 1, place + 2):
            wanted = _UNITS.get(self._low(later))
            column = self.near(wanted, "price", "value") if wanted else None
            if column is not None and column.numeric:
                self.tokens[later].used = True
                return column
        for other in sorted(range(len(self.tokens)), key=lambda n: abs(n - place)):
            for column in columns_named(self.tokens[other], self.schema):
                if column.numeric and "year" not in column.words and other not in self.named:
                    self.tokens[other].used = True
                    return column
        return None

    def _years(self) -> Iterator[Condition]:
        for place, token in enumerate(self.tokens):
            value = token.number
            if token.kind != "number" or token.used or value is None or value not in YEARS:
                if self._is_postcode(token):
                    column = self.near("postcode")
                    if column:
                        token.used = True
                        yield Condition(column=column, test=f"{{}} = {quoted(token.text)}")
                continue
            column = self._dated(place)
            if column is not None:
                token.used = True
                yield from self._of_year(place, int(value), column)

    @staticmethod
    def _is_postcode(token: Token) -> bool:
        return not token.used and token.text.isdigit() and len(token.text) == _POSTCODE

    def _dated(self, place: int) -> Column | None:
        """Find the column that a year is about: what the verbs say, else year, else date."""
        for wanted in ("construction", "installation", "calibration", "since"):
            hits = [t for t in self.tokens if t.concept == wanted]
            if wanted == "since" and self._low(place - 1) not in ("since", "seit"):
                continue
            column = self.near(wanted) if hits else None
            if column is not None:
                for token in hits:
                    token.used = True
                return column
        return next((when for table in self._by_distance() if (when := table.when)), None)

    def _of_year(self, place: int, year: int, column: Column) -> Iterator[Condition]:
        word = next((w for n in (1, 2, 3) if (w := self._low(place - n)) in _TIMES), "")
        upper = self._other_bound(place)
        if word in _BETWEEN and upper is not None:
            yield Condition(column=column, test=_from(column, year))
            yield Condition(column=column, test=_to(column, upper))
        elif word in _BEFORE:
            yield Condition(column=column, test=_to(column, year - (word not in ("until", "bis"))))
        elif word in _AFTER:
            yield Condition(column=column, test=_from(column, year + 1))
        elif word in _SINCE:
            yield Condition(column=column, test=_from(column, year))
        else:
            test = f"{{}} LIKE '{year}-%'" if column.dated else f"{{}} = {year}"
            yield Condition(column=column, test=test)

    def _other_bound(self, place: int) -> int | None:
        for later in range(place + 1, min(place + 4, len(self.tokens))):
            value = self.tokens[later].number
            if value is not None and value in YEARS:
                self.tokens[later].used = True
                return int(value)
        return None

    def _values(self) -> Iterator[Condition]:
        """Values that comments name, in either language; several of one column are alternatives."""
        found: dict[tuple[str, bool], tuple[Column, list[str]]] = {}
        for place, size in self._spans():
            hit = self._value_at(place, size)
            if hit:
                column, value, negated = hit
                for token in self.tokens[place : place + size]:
                    token.used = True
                entry = found.setdefault((column.full, negated), (column, []))
                entry[1].append(value)
        for (_, negated), (column, values) in found.items():
            yield Condition(column=column, test=_one_of(values, negated=negated))

    def _spans(self) -> Iterator[tuple[int, int]]:
        yield from spans(self.tokens)

    def _value_at(self, place: int, size: int) -> tuple[Column, str, bool] | None:
        span = self.tokens[place : place + size]
        opposite = OPPOSITES.get(span[0].low) if size == 1 else None
        if size == 1 and opposite is None and (place in self.named or span[0].low in STOP):
            return None
        phrase = " ".join(t.stem for t in (tokens_of(opposite) if opposite else span))
        hit = value_of(phrase, self._by_distance())
        return (*hit, bool(opposite) or self._negated(place)) if hit else None

    def _without(self) -> Iterator[Condition]:
        for place, table in self.named.items():
            if self._low(place - 1) in WITHOUT and table is not self.target:
                self.tokens[place - 1].used = True
                self.counted.append(Counted(table=table, test="= 0"))
        yield from ()

    def _after_column(self) -> Iterator[Condition]:
        """``manufacturer Techem``, ``customer number 17``: a column, then what it holds."""
        for place, token in enumerate(self.tokens):
            named = columns_named(token, self.schema) if place not in self.named else []
            value = place + 1
            if self._low(value) in ("is", "ist", "=", "of", "von"):
                value += 1
            if not named or not self._free(value):
                continue
            if not (self.tokens[value].capital or self.tokens[value].kind == "quote"):
                continue
            column = self._closest(named)
            text = [c for c in named if not c.numeric]
            if column is not None and text and value == place + 1:
                token.used = True
                yield Condition(column=column, test=self._like(value, column))

    def _closest(self, columns: list[Column]) -> Column | None:
        order = [table.name for table in self._by_distance()]
        known = [column for column in columns if column.table in order]
        return min(known, key=lambda c: order.index(c.table)) if known else None

    def _places(self) -> Iterator[Condition]:
        found: list[tuple[Column, str, bool]] = []
        for place, token in enumerate(self.tokens):
            if token.low in IN and self._free(place + 1):
                column = self.near("city", "country", "department", "category")
                if column is not None and not self._is_maker(place):
                    negated = self._negated(place)
                    found += [(column, name, negated) for name in self._listed(place + 1)]
        if found:
            column, _, negated = found[0]
            yield Condition(column=column, test=_starts([f[1] for f in found], negated=negated))

    def _is_maker(self, place: int) -> bool:
        """``from`` names a maker when the table itself has one and no city."""
        own = self.target.has("manufacturer", "supplier", "author")
        return bool(own) and self.tokens[place].low in BY and not self.target.has("city")

    def _listed(self, place: int) -> Iterator[str]:
        """Yield ``Leipzig``, or ``Leipzig`` and ``Dresden``, from there on."""
        while self._free(place):
            name, place = self._name_at(place)
            yield EXONYMS.get(name.lower(), name)
            if self._low(place) in ("and", "or", "und", "oder") and self._free(place + 1):
                place += 1

    def _name_at(self, place: int) -> tuple[str, int]:
        words = [self._take(place)]
        place += 1
        while self._free(place) and self.tokens[place].capital and words[-1][:1].isupper():
            words.append(self._take(place))
            place += 1
        return " ".join(word if word[:1].isupper() else word.title() for word in words), place

    def _take(self, place: int) -> str:
        self.tokens[place].used = True
        return self.tokens[place].text.removesuffix("'s").strip(" .")

    def _makers(self) -> Iterator[Condition]:
        for place, token in enumerate(self.tokens):
            if token.low in BY and self._free(place + 1):
                column = self.near("manufacturer", "supplier", "author")
                if column is not None:
                    yield Condition(column=column, test=self._like(place + 1, column))

    def _names(self) -> Iterator[Condition]:
        """Names that are left: quoted, after ``of`` or a table's noun, or capitalised inside."""
        for place, token in enumerate(self.tokens):
            before = self._low(place - 1)
            introduced = before in OF or place - 1 in self.named
            if not self._free(place) or not (token.kind == "quote" or token.capital):
                continue
            if not (introduced or token.kind == "quote" or (place > 0 and token.capital)):
                continue
            owner = self.named.get(place - 1) or self._owner()
            column = owner.has("name") or owner.label
            yield Condition(column=column, test=self._like(place, column, inside=True))

    def _owner(self) -> Table:
        """The table a bare name most likely belongs to: a parent that was named, else the target."""
        others = [table for table in self.named.values() if table is not self.target]
        up = [t for t in others if (w := self.schema.way(self.target.name, t.name)) and w[0][1]]
        return (up or [self.target])[0]

    def _like(self, place: int, column: Column, *, inside: bool = False) -> str:
        name, _ = self._name_at(place)
        del column
        mark = "%" if inside else ""
        return f"{{}} LIKE {quoted(f'{mark}{name}%')}"


def spans(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield place and size of every run of free tokens that may be a value, longest first."""
    for size in range(_LONGEST_VALUE, 0, -1):
        for place in range(len(tokens) - size + 1):
            if not any(token.used for token in tokens[place : place + size]):
                yield place, size


def value_of(phrase: str, tables: Iterable[Table]) -> tuple[Column, str] | None:
    """Return the column that holds what ``phrase`` (stemmed) says, and the value."""
    known = translated(phrase)
    for table in tables:
        for column in table.columns:
            for said, value in column.values:
                if said and said in (known, phrase):
                    return column, value
    return None


_TIMES = _BEFORE | _AFTER | _SINCE | _BETWEEN


def quoted(text: str) -> str:
    """Write a text literal."""
    return "'" + text.replace("'", "''") + "'"


def plain(value: float | None) -> str:
    """Write a number without needless digits."""
    return f"{value:g}" if value is not None else "0"


def _from(column: Column, year: int) -> str:
    return f"{{}} >= '{year}-01-01'" if column.dated else f"{{}} >= {year}"


def _to(column: Column, year: int) -> str:
    return f"{{}} < '{year + 1}-01-01'" if column.dated else f"{{}} <= {year}"


def _one_of(values: list[str], *, negated: bool) -> str:
    if len(values) == 1:
        return f"{{}} {'<>' if negated else '='} {quoted(values[0])}"
    return f"{{}} {'NOT ' if negated else ''}IN ({', '.join(map(quoted, values))})"


def _starts(names: list[str], *, negated: bool) -> str:
    if negated:
        return " AND ".join(f"{{}} NOT LIKE {quoted(name + '%')}" for name in names)
    tests = " OR ".join(f"{{}} LIKE {quoted(name + '%')}" for name in names)
    return f"({tests})" if len(names) > 1 else tests
