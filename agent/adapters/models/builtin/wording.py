"""Roundabout wordings in the plain words that the readers of questions know.

Only the form is changed: what is asked for first comes first, a comparison with everybody else is a
superlative, a spread over something is a count by it. Names and figures stay as they stand.
"""

import re
from functools import lru_cache

from agent.adapters.models.builtin.lexicon import CONCEPTS, bag
from agent.adapters.models.builtin.words import concept

_YEAR = r"((?:1[6-9]|20)\d\d)\b"
_BUILT = r"\b(?:with (?:an? |the )?)?(?:year of construction|construction year|year built) "
_UNDER = r"(?:is |of |that is )?(?:below|under|less than|smaller than|before|earlier than)"
_BEYOND = r"(?:is |of |that is )?(?:above|over|more than|greater than|after|later than)"
_OTHERS = r"(?:any|all|every)(?:one|body)?(?: the)?(?: others?| else)"
_ASKS = r"(?:how many|how much|which|what|who|wie ?viele?|welche\w?|was|wer)\b"
_PLACE = r"((?-i:[A-ZÄÖÜ])[\w-]+(?:\s+(?-i:[A-ZÄÖÜ])[\w-]+)?)"
_LEAD = (
    r"(?:and|und|but|aber|what about|how about|as for|wie ist es mit|was ist mit|only|just|nur"
    r"|those|the ones|die|diejenigen)\s+"
)
_LED = re.compile(
    rf"^\W*(?:(?:{_LEAD})+(in|from|aus|for|für)?|(in|from|aus|for|für))\s*\b{_PLACE}"
    rf"\s*(?:,|:|\s[-–])\s*({_ASKS}.*)$",
    re.IGNORECASE,
)
_BARE = re.compile(rf"^\W*()(){_PLACE}(?:\s*:|\s+[-–])\s*({_ASKS}.*)$", re.IGNORECASE)
_NO_PLACES = bag(
    "question frage task aufgabe note hinweis next ok okay well so please bitte hello hallo hi hey"
)
_CONDITIONAL = re.compile(
    r"\b(?:would|will|might) (?:that|it|this|there) be\b|\b(?:is|are) (?:that|it|they)\b"
    r"|\b(?:wären|sind|ist) (?:das|es)\b", re.IGNORECASE)  # fmt: skip
_OVER = r"(?:over|across|among|amongst|between|into|by|per|auf|über|nach|je)"
_REPLACED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), told)
    for pattern, told in (
        (rf"\b(?:spread|distributed|divided|scattered|split(?: up)?|broken down) {_OVER}\b", "by"),
        (rf"\b(?:distribution|spread|breakdown) of (.{{1,80}}?) {_OVER}\b", r"\1 by"),
        (rf"\b(?:verteilt|aufgeteilt|aufgeschlüsselt) {_OVER}\b", "nach"),
        (rf"\b(?:verteilung|aufteilung) (?:der|von|aller) (.{{1,80}}?) {_OVER}\b", r"\1 nach"),
        (rf"\b(?:verteilen|teilen) sich (.{{1,80}}?) {_OVER}\b", r"\1 nach"),
        (rf"\bmore ([\w-]+) than {_OTHERS}\b", r"the most \1"),
        (rf"\b(?:fewer|less) ([\w-]+) than {_OTHERS}\b", r"the fewest \1"),
        (r"\bmehr ([\w-]+) als (?:alle|jede[rs]?)(?: anderen?)\b", r"die meisten \1"),
        (r"\bweniger ([\w-]+) als (?:alle|jede[rs]?)(?: anderen?)\b", r"die wenigsten \1"),
        (rf"\b(?:older|earlier) than {_YEAR}", r"before \1"),
        (rf"\b(?:younger|newer|later) than {_YEAR}", r"after \1"),
        (rf"\bälter als (?:von )?{_YEAR}", r"vor \1"),
        (rf"\b(?:jünger|neuer) als (?:von )?{_YEAR}", r"nach \1"),
        (rf"{_BUILT}{_UNDER} {_YEAR}", r"built before \1"),
        (rf"{_BUILT}{_BEYOND} {_YEAR}", r"built after \1"),
        (rf"\b(?:mit )?baujahr (?:von )?(?:unter|kleiner als|vor) {_YEAR}", r"gebaut vor \1"),
        (rf"\b(?:mit )?baujahr (?:von )?(?:über|größer als|nach) {_YEAR}", r"gebaut nach \1"),
    )
)  # fmt: skip


@lru_cache(512)
def plain(text: str) -> str:
    """Return ``text`` in plain words; most texts stay as they are."""
    for pattern, told in _REPLACED:
        text = pattern.sub(told, text)
    return text


@lru_cache(512)
def turned(text: str) -> str:
    """Put a place behind what is asked of it: ``Dresden: how many flats``."""
    body = text.rstrip(" ?.!")
    found = _LED.match(body) or _BARE.match(body)
    if found is None:
        return text
    one, other, place, asked = found.groups()
    if concept(place) in CONCEPTS or place.lower() in _NO_PLACES:
        return text
    asked = " ".join(_CONDITIONAL.sub("are there", asked).split())
    return f"{asked} {one or other or 'in'} {place}{text[len(body) :]}"
