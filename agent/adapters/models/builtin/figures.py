"""Figures and years in a question: what is compared with which column."""

import re
from collections.abc import Iterator

from agent.adapters.models.builtin.ground import Ground, quoted
from agent.adapters.models.builtin.lexicon import bag
from agent.adapters.models.builtin.query import Condition, Counted
from agent.adapters.models.builtin.tables import Column, Table
from agent.adapters.models.builtin.tokens import Token, columns_named

_BEFORE = bag("before vor until bis earlier")
_AFTER = bag("after nach later")
_SINCE = bag("since seit ab")
_BETWEEN = bag("between zwischen")
_MORE = re.compile(
    r"\b(more than|over|above|greater than|larger than|bigger than|higher than|exceeding|exceeds?"
    r"|mehr als|über|größer als|höher als"
        r"|oberhalb|older than)\s+(?:von\s+)?$", re.IGNORECASE)  # fmt: skip
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
_TIMES = _BEFORE | _AFTER | _SINCE | _BETWEEN


class Figures(Ground):
    """Reads comparisons and years; bounds on counts are left in ``counted``."""

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


def plain(value: float | None) -> str:
    """Write a number without needless digits."""
    return f"{value:g}" if value is not None else "0"


def _from(column: Column, year: int) -> str:
    return f"{{}} >= '{year}-01-01'" if column.dated else f"{{}} >= {year}"


def _to(column: Column, year: int) -> str:
    return f"{{}} < '{year + 1}-01-01'" if column.dated else f"{{}} <= {year}"
