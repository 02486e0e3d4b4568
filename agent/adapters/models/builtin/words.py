"""Words: how text is cut, folded and stemmed, and in which language it is written.

Invariant: two words mean the same to all other modules when their stems are equal or their
concepts are; every comparison goes through ``stem`` or ``concept`` here.
"""

import re
from functools import lru_cache

from agent.adapters.models.builtin.lexicon import CONCEPTS, ENGLISH, GERMAN

_WORD = re.compile(r"[^\W_]+(?:[-.'’/][^\W_]+)*[²³]?|[€%+]", re.UNICODE)
_FOLD = str.maketrans(
    {"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "é": "e", "è": "e", "ø": "o", "’": "'"}
)
_ENDINGS = ("ern", "en", "er", "es", "em", "e", "n", "s")
_MIN_STEM = 3


def split(text: str) -> list[str]:
    """Return the words of ``text`` as written."""
    return _WORD.findall(text)


@lru_cache(8192)
def fold(word: str) -> str:
    """Return ``word`` lower-case, without accents, in one spelling of umlauts."""
    low = word.lower().translate(_FOLD)
    return low.replace("ae", "a").replace("oe", "o").replace("ue", "u")


@lru_cache(8192)
def stem(word: str) -> str:
    """Return what is left of ``word`` without endings, the same for English and German."""
    low = fold(word).removesuffix("'s")
    if low.endswith("ies") and len(low) > 4:
        low = low[:-3] + "y"
    while True:
        for ending in _ENDINGS:
            if low.endswith(ending) and len(low) - len(ending) >= _MIN_STEM:
                low = low[: -len(ending)]
                break
        else:
            return low


_CONCEPT_OF = {stem(word): name for name, words in CONCEPTS.items() for word in words.split()}


_COMPOUND = 8
_ENDS = {"gro": "area", "flach": "area", "kost": "cost", "jahr": "year"}
"""What long German compounds are, by the stem they end with."""


@lru_cache(8192)
def concept(word: str) -> str:
    """Return the concept that ``word`` stands for in either language, or its stem."""
    base = stem(word)
    known = _CONCEPT_OF.get(base)
    if known is None and len(base) > _COMPOUND:
        known = next((name for end, name in _ENDS.items() if base.endswith(end)), None)
    return known or base


@lru_cache(1024)
def language(text: str, default: str = "en") -> str:
    """Return ``de`` or ``en``; ``default`` when nothing in ``text`` tells."""
    words = [word.lower() for word in split(text)]
    german = sum(word in GERMAN for word in words)
    english = sum(word in ENGLISH for word in words)
    if german == english:
        return "de" if re.search("[äöüß]", text.lower()) and not english else default
    return "de" if german > english else "en"
