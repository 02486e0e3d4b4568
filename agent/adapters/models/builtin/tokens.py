"""A question cut into tokens, each knowing which tables and columns it may name."""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.lexicon import TRANSLATED
from agent.adapters.models.builtin.tables import Column, Schema, Table
from agent.adapters.models.builtin.words import concept, fold, stem

_TOKEN = re.compile(
    r"[\"“„']([^\"”“']{2,60})[\"”“'](?!\w)|([A-Za-z]{1,4}-\d[\w-]*)|(\d+(?:[.,]\d+)?)|([^\W\d_](?:[\w'’.-]*\w)?[²³]?)|([€%])"
)
_NUMBERS = {
    word: n
    for words in ("one two three four five six seven eight nine ten",
                  "ein zwei drei vier fünf sechs sieben acht neun zehn")
    for n, word in enumerate(words.split(), 1)
}  # fmt: skip
_NAMED, _HEADED, _WORDED = 4, 3, 2


class Token(msgspec.Struct):
    """One word, number, code or quotation."""

    text: str
    low: str
    stem: str
    concept: str
    kind: str
    """``word``, ``number``, ``code`` or ``quote``."""
    used: bool = False
    """Some part of the query stands for it."""

    @property
    def capital(self) -> bool:
        """Whether it is written like a name."""
        return self.text[:1].isupper()

    @property
    def number(self) -> float | None:
        """Its value, for digits and for small number words."""
        if self.kind == "number":
            return float(self.text.replace(",", "."))
        found = _NUMBERS.get(self.low)
        return None if found is None or self.low in ("one", "ein") else float(found)


def tokens_of(text: str) -> list[Token]:
    """Cut ``text`` into tokens."""
    return [Token(*parts) for parts in _cut(text)]


@lru_cache(256)
def _cut(text: str) -> tuple[tuple[str, str, str, str, str], ...]:
    found: list[tuple[str, str, str, str, str]] = []
    for match in _TOKEN.finditer(text):
        quote, code, number, _, _ = match.groups()
        kind = "quote" if quote else "code" if code else "number" if number else "word"
        word = quote or match[0]
        found.append((word, word.lower(), stem(word), concept(word), kind))
    return tuple(found)


def table_named(token: Token, schema: Schema) -> Table | None:
    """Return the table that ``token`` names best."""
    best, score = None, 0
    for table in schema.tables:
        worth = _worth(token, table)
        if worth > score:
            best, score = table, worth
    return best


def _worth(token: Token, table: Table) -> int:
    if token.kind not in ("word", "quote"):
        return 0
    if token.low == table.name.lower():
        return _NAMED
    if token.concept in table.heads:
        return _HEADED
    return _WORDED if token.concept in table.words else 0


def columns_named(token: Token, schema: Schema) -> list[Column]:
    """Return the columns that ``token`` may name, the surest first."""
    if token.kind in ("number", "code"):
        return []
    return list(_columns(token.text, schema))


@lru_cache(4096)
def _columns(word: str, schema: Schema) -> tuple[Column, ...]:
    token = Token(word, word.lower(), stem(word), concept(word), "word")
    graded = [
        (grade, column)
        for table in schema.tables
        for column in table.columns
        if (grade := strength(token, column))
    ]
    graded.sort(key=lambda entry: -entry[0])
    return tuple(column for _, column in graded)


def strength(token: Token, column: Column) -> int:
    """Return how surely ``token`` names ``column``: 3 by its name, 2 by a part, 1 by comment."""
    if column.key or column.target is not None or token.kind in ("number", "code"):
        return 0
    name = column.name
    if fold(token.text) == fold(name) or stem(name) == token.stem or concept(name) == token.concept:
        return 3
    if any(concept(part) == token.concept for part in name.split("_")):
        return 2
    return 1 if token.concept in column.words or _part_of(token.stem, column) else 0


def _part_of(base: str, column: Column) -> bool:
    """German compounds: the last part says what a thing is."""
    return len(base) > _SHORT and any(
        word != base and word.endswith(base) for word in map(stem, column.name.split("_"))
    )


_SHORT = 3


@lru_cache(1)
def _translated() -> dict[str, str]:
    return {
        " ".join(stem(word) for word in phrase.split()): " ".join(stem(w) for w in value.split())
        for phrase, value in TRANSLATED.items()
    }


def translated(phrase: str) -> str:
    """Return a stemmed phrase in the words that databases here use."""
    return _translated().get(phrase, phrase)
