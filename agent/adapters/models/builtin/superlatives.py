"""Superlatives: which way a word such as oldest sorts, by what, and how many are wanted."""

import msgspec

from agent.adapters.models.builtin.lexicon import bag
from agent.adapters.models.builtin.tokens import Token
from agent.adapters.models.builtin.words import fold

_TIME = ("construction", "year", "since", "installation", "date", "age")
_SIZE = ("area", "population", "weight", "stock", "value")
_MONEY = ("cost", "price", "salary")

_WORDS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "oldest earliest alteste frueheste fruheste": (False, _TIME),
    "newest latest youngest neueste neuste jungste spateste aktuellste modernste": (True, _TIME),
    "largest biggest grosste": (True, _SIZE),
    "smallest tiniest kleinste": (False, _SIZE),
    "costliest priciest teuerste kostspieligste": (True, _MONEY),
    "cheapest gunstigste billigste": (False, _MONEY),
    "highest maximum max hochste maximale maximal greatest": (True, ()),
    "lowest minimum min niedrigste geringste minimale minimal least": (False, ()),
    "longest langste": (False, ("since", "date", "year")),
    "most meiste fewest wenigste haufigste commonest seltenste": (True, ()),
}
_KNOWN = {word: meaning for words, meaning in _WORDS.items() for word in words.split()}
_COUNTING = bag("most meiste fewest wenigste haufigste commonest seltenste")
_FEW = bag("fewest wenigste seltenste least")
_MOST_WHAT = {
    "expensive": (True, _MONEY), "costly": (True, _MONEY), "recent": (True, _TIME),
    "modern": (True, _TIME), "valuable": (True, ("value", "price")),
}  # fmt: skip
_COMMON = bag("common frequent popular")
_TOP = bag("top best first ersten")
FEW = 5
_MOST_ROWS = 1000


class Superlative(msgspec.Struct, frozen=True, kw_only=True):
    """One superlative of a question."""

    place: int
    descending: bool
    concepts: tuple[str, ...]
    """What it sorts by; empty when the question must say it."""
    counting: bool
    """It counts rows (most, fewest)."""
    limit: int
    """How many are asked for by number; 0 when no number is given."""
    plural: bool | None = None
    """What a German ending says: one or several; ``None`` when the noun must tell."""


def superlative_in(tokens: list[Token]) -> Superlative | None:
    """Return the first superlative among ``tokens``, marking what belongs to it."""
    for place, token in enumerate(tokens):
        word = _base(token.low)
        if word not in _KNOWN:
            continue
        descending, concepts = _KNOWN[word]
        counting = word in _COUNTING
        following = tokens[place + 1].low if place + 1 < len(tokens) else ""
        if word in ("most", "least") and following in _MOST_WHAT:
            descending, concepts = _MOST_WHAT[following]
            descending = descending == (word == "most")
            counting = False
            tokens[place + 1].used = True
        elif word in _FEW:
            counting, descending = True, False
        if following in _COMMON:
            tokens[place + 1].used = counting = True
        if word in ("most", "least") and _bounds(tokens, place):
            continue
        token.used = True
        return Superlative(
            place=place,
            descending=descending,
            concepts=concepts,
            counting=counting,
            limit=number_near(tokens, place),
            plural=None if counting else _plural(token.low, tokens[place - 1].low if place else ""),
        )
    return None


def _base(word: str) -> str:
    base = fold(word)
    if base in _KNOWN:
        return base
    for ending in ("n", "s", "r", "m"):
        if base.endswith("e" + ending) and base[:-1] in _KNOWN:
            return base[:-1]
    return base


def _plural(word: str, before: str) -> bool | None:
    if word.endswith("ste"):
        return False
    if word.endswith("sten"):
        return before not in ("dem", "den", "der", "des", "am")
    return None


def _bounds(tokens: list[Token], place: int) -> bool:
    """``at least`` and ``at most`` compare; they do not rank."""
    return place > 0 and tokens[place - 1].low == "at"


def number_near(tokens: list[Token], place: int) -> int:
    """Return the number beside ``place``, as in ``5 oldest`` or ``top 5``."""
    for other in (place - 1, place + 1, place - 2):
        value = tokens[other].number if 0 <= other < len(tokens) else None
        if value is not None and 0 < value <= _MOST_ROWS and not tokens[other].used:
            tokens[other].used = True
            return int(value)
    return 0


def wanted_rows(tokens: list[Token], nouns: list[int]) -> int:
    """Return how many rows a list is to have: ``10 customers``, ``first 10``; 0 for unsaid."""
    for place, token in enumerate(tokens):
        if token.low in _TOP and (found := number_near(tokens, place)):
            token.used = True
            return found
    for place in nouns:
        value = tokens[place - 1].number if place else None
        if value is not None and not tokens[place - 1].used:
            tokens[place - 1].used = True
            return int(value)
    return 0


def unsaid(token: Token) -> int:
    """Return how many rows a superlative means without a number: one, or a few for a plural."""
    low = token.low
    plural = (low.endswith("s") and not low.endswith("us")) or low in (
        "kunden",
        "gebäude",
        "geräte",
    )
    return FEW if plural else 1
