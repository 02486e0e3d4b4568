"""Schema text: tables, columns, keys and comments, read from a prompt as a person would.

Two spellings are understood: a head line ``TABLE name -- comment`` with a line per column below
it, and ``CREATE TABLE name (…)``. Comments follow ``--``. What follows ``REFERENCES`` is a key.
"""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.words import concept, fold, split, stem

_HEAD = re.compile(
    r"^[ \t#*-]*(?:create[ \t]+)?table:?[ \t]+[`\"\[]?(\w+)[`\"\]]?"
    r"[ \t]*\(?[ \t]*(?:(?:--|:|#|—)[ \t]*(.*))?$",
    re.IGNORECASE,
)
_COLUMN = re.compile(r"^[ \t]*(?:[-*][ \t]+)?[`\"\[]?(\w+)[`\"\]]?[ \t]+([A-Za-z]+)[^\n]*$")
_REFERENCES = re.compile(r"references[ \t]+[`\"]?(\w+)[`\"]?[ \t]*\([`\"]?(\w+)", re.IGNORECASE)
_COUNT = re.compile(r"^\d+ rows;?[ \t]*")
_CUT = re.compile(r"\b(?:whose|who|that|which|inside|in|of|per|mounted|what|on|for|with)\b|[;:]")
_WHEN = re.compile(r"(?:or )?(\w+) when (\w+)")
_SPLIT_VALUES = re.compile(r",\s*|\s+(?:or|and|oder|und)\s+|\s*…\s*")
_VALUE = re.compile(r"^([^()]+?)\s*(?:\(([^)]*)\))?$")
_KINDS = bag(
    """int integer bigint smallint real float double decimal numeric text varchar char date
    datetime timestamp boolean bool json blob time year number string"""
)
NUMERIC = bag("int integer bigint smallint real float double decimal numeric number")


class Column(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One column."""

    table: str
    name: str
    kind: str
    comment: str
    key: bool
    """Primary key."""
    target: tuple[str, str] | None
    """Table and column it refers to."""
    words: frozenset[str]
    """Concepts in its name and in the first clause of its comment."""
    near: frozenset[str]
    """Concepts anywhere in its name or comment."""
    values: tuple[tuple[str, str], ...]
    """(folded phrase, value) for every value that the comment names."""

    @property
    def numeric(self) -> bool:
        """Whether it holds figures to reckon with."""
        return self.kind in NUMERIC and not self.key and self.target is None

    @property
    def dated(self) -> bool:
        """Whether it holds dates."""
        return self.kind not in NUMERIC and bool(
            {"date", "since", "timestamp", "calibration"} & self.near
        )

    @property
    def full(self) -> str:
        """Name with its table."""
        return f"{self.table}.{self.name}"


class Table(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One table."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    heads: frozenset[str]
    """Concepts of its name and of what its comment calls it."""
    words: frozenset[str]
    """Concepts of what its comment says it holds."""

    def has(self, *concepts: str) -> Column | None:
        """Return the first column about one of ``concepts``, own names before comments."""
        for concepts_of in (_named, _worded):
            for wanted in concepts:
                for column in self.columns:
                    if wanted in concepts_of(column) and column.target is None and not column.key:
                        return column
        return None

    @property
    def id(self) -> str:
        """Its primary key, or its first column."""
        return next((c.name for c in self.columns if c.key), self.columns[0].name)

    @property
    def label(self) -> Column:
        """The column that tells a person which row it is."""
        own = [c for c in self.columns if not c.key and c.target is None]
        return self.has("name", "number", "date") or (own or list(self.columns))[0]

    @property
    def telling(self) -> bool:
        """Whether the label alone tells rows apart."""
        label = self.label
        return "name" in label.words or ("number" in label.words and "within" not in label.comment)

    @property
    def when(self) -> Column | None:
        """The column that says in which year a row belongs."""
        return self.has("year") or next((c for c in self.columns if c.dated), None)


def _named(column: Column) -> frozenset[str]:
    return frozenset({concept(part) for part in column.name.split("_")})


def _worded(column: Column) -> frozenset[str]:
    return column.words


class Schema(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All tables of a prompt."""

    tables: tuple[Table, ...] = ()

    def find(self, name: str) -> Table | None:
        """Return the table of that name."""
        return next((table for table in self.tables if table.name == name), None)

    def way(self, start: str, goal: str) -> tuple[tuple[Column, bool], ...] | None:
        """Return the keys that lead from one table to another; ``True`` for child to parent."""
        return _way(self, start, goal)

    @property
    def keys(self) -> list[Column]:
        """All columns that refer to another table."""
        return [c for table in self.tables for c in table.columns if c.target]


@lru_cache(512)
def _way(schema: Schema, start: str, goal: str) -> tuple[tuple[Column, bool], ...] | None:
    seen: dict[str, tuple[tuple[Column, bool], ...]] = {start: ()}
    todo = [start]
    while todo:
        here = todo.pop(0)
        if here == goal:
            return seen[here]
        for column in schema.keys:
            above = column.target[0] if column.target else ""
            for source, target, up in ((column.table, above, True), (above, column.table, False)):
                if source == here and target not in seen:
                    seen[target] = (*seen[here], (column, up))
                    todo.append(target)
    return None


@lru_cache(256)
def tables_in(paragraph: str) -> tuple[Table, ...]:
    """Return the tables that one block of a prompt describes."""
    if "table" not in paragraph.lower():
        return ()
    found: list[tuple[str, str, list[Column]]] = []
    for line in paragraph.splitlines():
        head = _HEAD.match(line)
        if head:
            found.append((head[1], _COUNT.sub("", head[2] or "").strip(), []))
        elif found:
            column = _column(found[-1][0], line)
            if column:
                found[-1][2].append(column)
    return tuple(_table(name, comment, cols) for name, comment, cols in found if cols)


@lru_cache(64)
def schema_of(paragraphs: tuple[str, ...]) -> Schema:
    """Return all tables described in ``paragraphs``."""
    return Schema(tables=tuple(t for paragraph in paragraphs for t in tables_in(paragraph)))


def _table(name: str, comment: str, columns: list[Column]) -> Table:
    head, _, rest = comment.partition(":")
    if not rest:
        head, rest = "", comment
    clause = _CUT.split(rest, maxsplit=1)[0]
    return Table(
        name=name,
        comment=comment,
        columns=tuple(columns),
        heads=_concepts(f"{name.replace('_', ' ')} {head}"),
        words=_concepts(" ".join(_last_words(clause))),
    )


def _last_words(clause: str) -> list[str]:
    """Return the word that each noun phrase ends with: what the thing is."""
    phrases = re.split(r"[,()]|\b(?:and|or|und|oder)\b", clause)
    return [words[-1] for phrase in phrases if (words := split(phrase))]


def _column(table: str, line: str) -> Column | None:
    found = _COLUMN.match(line)
    if not found or found[2].lower() not in _KINDS:
        return None
    definition, _, comment = line.partition("--")
    refers = _REFERENCES.search(definition)
    clause = re.split(r"[:;,(]", comment, maxsplit=1)[0]
    name = found[1]
    return Column(
        table=table,
        name=name,
        kind=found[2].lower(),
        comment=comment.strip(),
        key="primary key" in definition.lower(),
        target=(refers[1], refers[2]) if refers else None,
        words=_concepts(f"{name.replace('_', ' ')} {clause}") | _suffix(name),
        near=_concepts(f"{name.replace('_', ' ')} {comment}"),
        values=_values(comment),
    )


def _suffix(name: str) -> frozenset[str]:
    """German compounds say last what a thing is: ``heizungsart`` is a kind."""
    low = fold(name)
    return frozenset({kind for ending, kind in _SUFFIXES.items() if low.endswith(ending)})


_SUFFIXES = {
    "art": "type", "typ": "type", "jahr": "year", "datum": "date", "nummer": "number",
    "kosten": "cost", "preis": "price", "flache": "area", "name": "name", "wert": "value",
}  # fmt: skip


def _concepts(text: str) -> frozenset[str]:
    kept = [word for word in split(text) if word.lower() not in SMALL]
    parts = [part for word in kept for part in (word, *word.split("-"))]
    return frozenset({concept(part) for part in parts})


SMALL = STOP - bag(
    """customers customer buildings building units devices readings kunden kunde gebäude objekte
    wohnungen geräte stadt städte jahr jahre haus häuser abrechnungen ablesungen einheiten
    number name since seit built baujahr gesamtkosten"""
)


def _values(comment: str) -> tuple[tuple[str, str], ...]:
    """Read ``kind: A, B (gloss) or C`` and ``X when gloss``."""
    found: dict[str, str] = {}
    for value, gloss in _WHEN.findall(comment):
        found[stems(value)] = value
        found[stems(gloss)] = value
    _, colon, listing = comment.partition(":")
    protected = re.sub(r"\(([^)]*)\)", lambda m: m[0].replace(",", ";"), listing)
    for part in _SPLIT_VALUES.split(protected) if colon else ():
        read = _VALUE.match(part.strip())
        if read and read[1]:
            value = read[1].removeprefix("or ").strip()
            found[stems(value)] = value
            for gloss in (read[2] or "").split(";"):
                if gloss.strip() and not gloss.strip().startswith("never"):
                    found[stems(gloss)] = value
    return tuple(found.items())


def stems(phrase: str) -> str:
    """Return a phrase with every word stemmed, to compare it with what was asked."""
    return " ".join(stem(word) for word in split(fold(phrase)))
