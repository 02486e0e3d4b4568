"""From a question in English or German to a query over the schema in the prompt."""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.conditions import Finder
from agent.adapters.models.builtin.ground import spans, value_of
from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.listing import WHICH, Lists
from agent.adapters.models.builtin.mentions import AVG, COUNT, LIST, SUM
from agent.adapters.models.builtin.query import Operation, Query
from agent.adapters.models.builtin.superlatives import (
    unsaid,
    wanted_rows,
)
from agent.adapters.models.builtin.tables import Column, Schema, Table
from agent.adapters.models.builtin.tokens import (
    Token,
    strength,
    table_named,
    tokens_of,
)
from agent.adapters.models.builtin.wording import plain, turned

_BEYOND = re.compile(
    r"\b(percent\w*|prozent\w*|anteil|share of|median|trend|forecast|prognose|why|warum)\b|%",
    re.IGNORECASE,
)
"""What one of these queries cannot tell; better no answer than another one."""
_EXISTS = re.compile(
    r"^\W*(are there|is there|gibt es|do we have|haben wir|hast du)\b", re.IGNORECASE
)
_OWN = re.compile(r"\b(my|mine|i|me|is|was|mein\w*|ich|mir|ist|war)\b", re.IGNORECASE)
_AMONG = bag("of among amongst from von unter")
_WHOLE = bag("all our the these allen unseren den der")
_OF_THEM = bag("of von der an")
_SUMMED = frozenset({"cost", "area", "price"})
_HARMLESS = bag(
    """our system database datenbank unserer unserem unsere registered exist exists located living
    live lives situated total together altogether currently aktuell derzeit data daten
    eigentlich insgesamt belong belonging gehören gehört entries einträge records rows row
    actual actually overall average mean number numbers anzahl count sum summe list liste
    show zeige find finde display nenn nenne gib ask value values used using different
    distinct verschiedene verschiedenen unique various top first last ordered sort sorted
    sortiert nach durchschnitt schnitt mittlere mittleren yet already having got contain
    contains könntest could know known möchte wissen mal kurz answer amount much costing
    lying wohnen leben liegen befinden befindet sich vorhanden belongs owned owns own
    besitzt besitzen produced come comes kommen stammen what's how's steht inside innerhalb
    meters metres metre quadratmeter euro euros group grouped gruppiert breakdown full
    complete ganze gesamte gesamten people time dated heated new hold holds unter insgesamt
    größer grösser larger bigger smaller older younger kleiner älter jünger named namens
    described kept stored gespeichert erfasst werte wert read readings' mir years habe noch
    overview übersicht several mehrere exactly genau mindestens höchstens than als anzeigen
    display us"""
)


@lru_cache(256)
def understood(text: str, schema: Schema) -> Query | None:
    """Return what ``text`` asks of the database, or ``None`` when it asks nothing of it."""
    if not schema.tables or _BEYOND.search(text):
        return None
    text = turned(plain(text))
    tokens = tokens_of(text)
    named = {n: table for n, token in enumerate(tokens) if (table := table_named(token, schema))}
    values: list[Token] = []
    for place, size in spans(tokens):
        span = tokens[place : place + size]
        if size > 1 and value_of(" ".join(token.stem for token in span), schema.tables):
            values += span
    reader = _Reader(text, tokens, schema, named)
    for token in values:
        token.used = False
    return reader.read()


class _Reader(Lists):
    """Reads one question."""

    def read(self) -> Query | None:
        """Return the query, or ``None``."""
        self._sorting()
        self._grouping()
        target = next(iter(self.subjects.values()), None) or self._owner()
        if target is None:
            return None
        figure = self._figure(target)
        operation = self._operation(figure)
        if operation is None:
            return None
        summed = operation in ("sum", "avg", "max", "min") or self._sums(operation, target, figure)
        base = figure.table if figure and summed else target.name
        found = self.schema.find(base) or target
        if operation in ("sum", "avg", "max", "min"):
            self._use(figure)
        finder = Finder(self.text, self.tokens, self.schema, found, self.named)
        conditions = tuple(finder.all())
        query = Query(
            operation=operation,
            target=found,
            conditions=conditions,
            counted=tuple(finder.counted),
            group=self.group,
            group_table=target if found is not target and operation == "list" else self.group_table,
        )
        return self._finish(query, figure)

    def _sums(self, operation: Operation, target: Table, figure: Column | None) -> bool:
        """Whether things are ranked by the sum of what belongs to them."""
        other = figure is not None and figure.table != target.name
        return (
            operation == "list"
            and self.superlative is not None
            and other
            and bool(figure and _SUMMED & figure.words)
        )

    def _figure(self, target: Table) -> Column | None:
        """Return the numeric column that is reckoned with."""
        named = [
            column
            for place, token in enumerate(self.tokens)
            if not token.used
            for column in self._together(place)
            if column.numeric
        ]
        tables = {table.name for table in self.named.values()}
        for column in named:
            if column.table in tables:
                return column
        if named:
            return self._closest(named)
        wanted = self.superlative.concepts if self.superlative else ()
        sorted_by = target.has(*wanted) if wanted else None
        if sorted_by is not None:
            return sorted_by
        if wanted:
            return self._below(target, wanted)
        own = [c for c in target.columns if c.numeric and "year" not in c.words]
        return own[0] if len(own) == 1 else None

    def _below(self, target: Table, wanted: tuple[str, ...]) -> Column | None:
        """Return a column about ``wanted`` in a table whose rows belong to ``target``."""
        for concept in wanted:
            for table in self.schema.tables:
                found = table.has(concept)
                if found and found.numeric and self.schema.way(target.name, table.name):
                    return found
        return None

    def _operation(self, figure: Column | None) -> Operation | None:
        text, top = self.text, self.superlative
        counts = bool(COUNT.search(text))
        if AVG.search(text):
            if counts and self.group_table:
                return "ratio"
            return "avg" if figure and figure.numeric else None
        if top and top.counting:
            return "ranking"
        if top and (figure or self._mentioned()):
            return self._of_superlative(figure)
        if counts:
            return "count"
        if SUM.search(text) and figure and figure.numeric and not self._lists():
            return "sum"
        return self._plain()

    def _lists(self) -> bool:
        """Whether it is a list of things although a word such as total occurs."""
        return bool(
            re.match(r"^\W*(list|show me all|zeige? (mir )?alle|liste)\b", self.text, re.IGNORECASE)
        )

    def _of_superlative(self, figure: Column | None) -> Operation:
        top = self.superlative
        if top is None or not self.subjects or figure is None:
            return "list" if self.subjects else ("max" if top and top.descending else "min")
        follows = any(place in self.subjects for place in range(top.place, top.place + 3))
        asked = WHICH.search(self.text) and any(p < top.place for p in self.subjects)
        if top.concepts or (asked and figure) or (follows and not figure):
            return "list"
        return "max" if top.descending else "min"

    def _plain(self) -> Operation | None:
        if _EXISTS.search(self.text) or self.group or self.group_table:
            return "count"
        if not LIST.search(self.text) and not self.text.rstrip().endswith("?"):
            short = len(self.tokens) <= 4 and self.subjects and not _OWN.search(self.text)
            return "list" if short else None
        return "list" if self.subjects or LIST.search(self.text) else None

    # The whole

    def _finish(self, query: Query, figure: Column | None) -> Query:
        replace = msgspec.structs.replace
        match query.operation:
            case "sum" | "avg" | "max" | "min":
                done = replace(query, column=figure)
            case "count":
                done = self._counting(query)
            case "ranking":
                done = self._ranking(query)
            case "ratio":
                done = replace(
                    query, target=query.group_table or query.target, other=query.target,
                    group_table=None,
                )  # fmt: skip
            case _:
                done = self._listing(query, figure)
        return replace(done, ignored=self._ignored())

    def _counting(self, query: Query) -> Query:
        """Count rows, or the different values of a column that stands where a noun would."""
        first = min(self.subjects, default=99)
        for place, column in self._mentioned():
            if "number" in column.words and self._counts(place):
                continue  # "the number of flats" counts flats, it is no column
            sure = not self.subjects or strength(self.tokens[place], column) > 1
            if place + 1 < first and sure and not query.group:
                self.tokens[place].used = True
                return msgspec.structs.replace(query, column=column)
        return query

    def _counts(self, place: int) -> bool:
        """Whether ``number of`` stands at ``place``, with a noun that it counts."""
        follows = self.tokens[place + 1 : place + 2]
        return bool(self.subjects) and bool(follows) and follows[0].low in _OF_THEM

    def _ranking(self, query: Query) -> Query:
        top = self.superlative
        place = top.place if top else 0
        ranked = self._ranked(place)
        if ranked is not None:
            others = [table for table in self.subjects.values() if table is not ranked]
            return msgspec.structs.replace(
                query, target=ranked, other=(others or [ranked])[0], group_table=None,
                descending=top.descending if top else True, limit=(top.limit if top else 0) or 1,
            )  # fmt: skip
        after = [table for n, table in self.subjects.items() if n > place]
        before = [table for n, table in self.subjects.items() if n < place]
        at, by = next(iter(self._mentioned()), (-1, None))
        rows = top.limit if top else 0
        rows = rows or wanted_rows(self.tokens, list(self.subjects))
        if not rows and by is not None and not before:
            rows = unsaid(self.tokens[at])
        rows = rows or self._usual()
        descending = top.descending if top else True
        replace = msgspec.structs.replace
        if by is not None and (not before or not after):
            self._use(by)
            base = (after or before or [query.target])[0]
            return replace(
                query, target=base, group=by, descending=descending, limit=rows, group_table=None
            )
        target = (before or after)[0]
        others = [table for table in (*after, *before) if table is not target]
        return replace(
            query, target=target, other=(others or [target])[0], descending=descending, limit=rows
        )

    def _ranked(self, place: int) -> Table | None:
        """The table among whose rows one is looked for: ``of all our suppliers``."""
        for n, table in self.subjects.items():
            before = [token.low for token in self.tokens[max(place, n - 3) : n]]
            if n > place + 1 and _AMONG.intersection(before) and _WHOLE.intersection(before):
                return table
        return None

    def _ignored(self) -> tuple[str, ...]:
        """Words that seemed to narrow the question and that nothing stands for."""
        return tuple(
            token.text
            for place, token in enumerate(self.tokens)
            if not token.used
            and token.low not in STOP
            and token.low not in _HARMLESS
            and (self._narrows(place) or token.kind in ("quote", "code"))
        )

    def _narrows(self, place: int) -> bool:
        """Whether a word stands where adjectives do: before a noun, or after a form of be."""
        before = self.tokens[place - 1].low if place else ""
        return place + 1 in self.named or before in ("are", "is", "sind", "ist", "were", "was")
