"""What must hold: places, values, names and codes in a question, with its figures and years.

Every reader takes the tokens it understood out of the question by marking them used, so what is
left at the end is what nobody understood.
"""

import re
from collections.abc import Iterator

from agent.adapters.models.builtin.figures import Figures
from agent.adapters.models.builtin.ground import quoted, spans, value_of
from agent.adapters.models.builtin.lexicon import EXONYMS, OPPOSITES, STOP, bag
from agent.adapters.models.builtin.query import Condition, Counted
from agent.adapters.models.builtin.tables import Column, Table
from agent.adapters.models.builtin.tokens import columns_named, tokens_of

IN = bag("in aus from at near within im")
OUTSIDE = bag("outside außerhalb")
BY = bag("by von from")
OF = bag("of von for für des der vom named called namens with mit")
OWNERS = bag("of von for für des der vom")
WITHOUT = bag("without ohne no keine keinen")


class Finder(Figures):
    """Reads all conditions of one question."""

    def all(self) -> list[Condition]:
        """Return all conditions; bounds on counts are left in ``counted``."""
        readers = (
            self._codes, self._figures, self._years, self._values, self._without,
            self._after_column, self._places, self._makers, self._names,
        )  # fmt: skip
        return [condition for reader in readers for condition in reader()]

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

    def _values(self) -> Iterator[Condition]:
        """Values that comments name, in either language; several of one column are alternatives."""
        found: dict[tuple[str, bool], tuple[Column, list[str]]] = {}
        for place, size in spans(self.tokens):
            hit = self._value_at(place, size)
            if hit:
                column, value, negated = hit
                for token in self.tokens[place : place + size]:
                    token.used = True
                entry = found.setdefault((column.full, negated), (column, []))
                entry[1].append(value)
        for (_, negated), (column, values) in found.items():
            yield Condition(column=column, test=_one_of(values, negated=negated))

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
            outside = token.low in OUTSIDE
            begin = place + 2 if outside and self._low(place + 1) in OF else place + 1
            if (outside or token.low in IN) and self._free(begin):
                column = self._place_column(place)
                if column is not None and not self._is_maker(place):
                    token.used = True
                    negated = outside or self._negated(place)
                    found += [(column, name, negated) for name in self._listed(begin)]
        if found:
            column, _, negated = found[0]
            yield Condition(column=column, test=_starts([f[1] for f in found], negated=negated))

    def _place_column(self, place: int) -> Column | None:
        """The city of what stands before ``in``, else of the question's table or the nearest."""
        kinds = ("city", "country", "department", "category")
        before = self.named.get(place - 1)
        own = before.has(*kinds) if before else None
        return own or self.near(*kinds)

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
            owner = self.named.get(place - 1) or self._owner(above=before in OWNERS)
            column = owner.has("name") or owner.label
            yield Condition(column=column, test=self._like(place, column, inside=True))

    def _owner(self, *, above: bool) -> Table:
        """The table a bare name most likely belongs to.

        Args:
            above: the name follows ``of``: rows belong to what bears it.
        """
        tables = self._by_distance() if above else list(self.named.values())
        for table in tables:
            way = self.schema.way(self.target.name, table.name)
            if way and way[0][1] and (not above or table.has("name")):
                return table
        return self.target

    def _like(self, place: int, column: Column, *, inside: bool = False) -> str:
        name, _ = self._name_at(place)
        del column
        mark = "%" if inside else ""
        return f"{{}} LIKE {quoted(f'{mark}{name}%')}"


def _one_of(values: list[str], *, negated: bool) -> str:
    if len(values) == 1:
        return f"{{}} {'<>' if negated else '='} {quoted(values[0])}"
    return f"{{}} {'NOT ' if negated else ''}IN ({', '.join(map(quoted, values))})"


def _starts(names: list[str], *, negated: bool) -> str:
    if negated:
        return " AND ".join(f"{{}} NOT LIKE {quoted(name + '%')}" for name in names)
    tests = " OR ".join(f"{{}} LIKE {quoted(name + '%')}" for name in names)
    return f"({tests})" if len(names) > 1 else tests
