"""Lists: which columns stand beside what is listed, how many rows, in which order."""

import re

import msgspec

from agent.adapters.models.builtin.lexicon import bag
from agent.adapters.models.builtin.mentions import Mentions
from agent.adapters.models.builtin.query import Query
from agent.adapters.models.builtin.superlatives import FEW, Superlative, unsaid, wanted_rows
from agent.adapters.models.builtin.tables import Column, Table
from agent.adapters.models.builtin.tokens import strength

WHICH = re.compile(r"\b(which|what|welche\w?|was für)\b", re.IGNORECASE)
_ONE = bag("welches welcher welchem welchen das ein eine")
_WHERE = re.compile(r"^\W*(where|wo)\b", re.IGNORECASE)
_ALL = re.compile(r"\b(all|alle|every|sämtliche)\b", re.IGNORECASE)
_DIFFERENT = re.compile(r"\b(different|distinct|unique|verschiedene\w?)\b", re.IGNORECASE)
_DOWN = re.compile(r"\b(desc\w*|absteigend|newest first|highest first)\b", re.IGNORECASE)
SOME, MANY = 50, 100


class Lists(Mentions):
    """Completes a query that lists rows or values."""

    def _usual(self) -> int:
        first = min(self.subjects, default=-1)
        top = self.superlative
        if top is not None and top.plural is not None:
            return FEW if top.plural else 1
        if first > 0 and self.tokens[first - 1].low in _ONE:
            return 1
        return unsaid(self.tokens[first]) if first >= 0 else 1

    def _listing(self, query: Query, figure: Column | None) -> Query:
        replace = msgspec.structs.replace
        top = self.superlative
        if top is not None:
            return self._topmost(query, figure, top.limit or self._usual(), top)
        filtered = {condition.column for condition in query.conditions}
        mentioned = [
            (place, column)
            for place, column in self._mentioned()
            if column not in filtered and self._belongs(query, place, column)
        ]
        rows = wanted_rows(self.tokens, list(self.subjects))
        single = self._single(query)
        for place, _ in mentioned:
            self.tokens[place].used = True
        if len(mentioned) == 1 and not single and self._heads(mentioned[0][0]):
            return replace(query, operation="distinct", column=mentioned[0][1])
        place = query.target.has("city")
        if _WHERE.match(self.text) and place and not single:
            return replace(query, operation="distinct", column=place)
        shown = tuple(dict.fromkeys(column for _, column in mentioned))
        if single and not shown:
            shown = self._own(query.target)
        return replace(
            query,
            shown=shown,
            parent=() if shown or query.target.telling else self._parent(query.target),
            order=self.order,
            descending=bool(_DOWN.search(self.text)),
            limit=rows or (MANY if _ALL.search(self.text) else SOME),
        )

    @staticmethod
    def _own(target: Table) -> tuple[Column, ...]:
        return tuple(c for c in target.columns if not c.key and c.target is None)

    def _parent(self, target: Table) -> tuple[Column, ...]:
        """Return the label of what a row belongs to, and what the row holds besides its own."""
        above = next((c.target[0] for c in target.columns if c.target), "")
        table = self.schema.find(above)
        return ((table.label,) if table else ()) + self._own(target)

    def _belongs(self, query: Query, place: int, column: Column) -> bool:
        """Whether a column can stand beside the rows of the target, one value a row."""
        if column.table == query.target.name:
            return True
        way = self.schema.way(query.target.name, column.table) or ()
        sure = strength(self.tokens[place], column) > 1 or column.table in {
            table.name for table in self.named.values()
        }
        return sure and bool(way) and all(up for _, up in way)

    def _heads(self, place: int) -> bool:
        """Whether a column is what is asked for: which cities, device types, all cities with."""
        first = min(self.subjects, default=99)
        asks = WHICH.search(self.text) or _DIFFERENT.search(self.text) or _ALL.search(self.text)
        return bool(asks) and (place < first or place - 1 in self.subjects)

    @staticmethod
    def _single(query: Query) -> bool:
        """Whether the conditions pick out single rows, by a name or a number."""
        target = query.target
        own = {target.label if target.telling else None, target.has("number")}
        return any(condition.column in own for condition in query.conditions) or any(
            "name" in condition.column.words for condition in query.conditions
        )

    def _topmost(self, query: Query, figure: Column | None, rows: int, top: Superlative) -> Query:
        replace = msgspec.structs.replace
        column = figure or next((column for _, column in self._mentioned()), None)
        self._use(column)
        if query.group_table is not None:
            return replace(
                query, operation="sum", column=column, descending=top.descending, limit=rows
            )
        return replace(query, order=column, descending=top.descending, limit=rows)
