"""Handing a job to one of several experts: to whom, in which words, and what is said meanwhile.

Experts are told of by JSON objects in the prompt. What an object says is compared with what the
user wants, concept by concept, so a renamed expert or a reworded description is found all the same.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from agent.adapters.models.builtin.asked import CLICK, Asked
from agent.adapters.models.builtin.overview import heads_in
from agent.adapters.models.builtin.purpose import DESCRIBE, FOLLOW, TABLES, Purpose, written
from agent.adapters.models.builtin.tables import SMALL
from agent.adapters.models.builtin.widgets import Shown, deeds, shown_in
from agent.adapters.models.builtin.wording import plain, turned
from agent.adapters.models.builtin.words import concept, language, split
from agent.core.json import Json, fields, items

_NOBODY = re.compile(r"^(none|nobody|no one|self|keiner?|niemand|selbst)$", re.IGNORECASE)
_HAS_PAGE = re.compile(
    r"\b(buttons?|controls?|machines?|knöpfe|schalter|automaten)\b", re.IGNORECASE
)
_HAS_TABLES = re.compile(r"\b(database|tables?|datenbank|tabellen?)\b", re.IGNORECASE)
_ALONE = frozenset({"social", "told", "memory", "help", "feedback"})
"""Kinds of messages that need nobody else."""
_PREPOSITION = r"(?:in|im|from|aus|with|mit|of|von|since|seit|before|after|vor|nach|for|für|at|bei)"
_PHRASE = re.compile(
    rf"\b{_PREPOSITION}\s+[^?.!,]+?(?=\s+\b{_PREPOSITION}\b|[?.!,]|$)", re.IGNORECASE
)
_ASKS = re.compile(r"(?:how many|wie ?viele|which|welche)\b", re.IGNORECASE)
_WOULD = re.compile(r"\b(?:would|will) (?:it|that|there) be\b", re.IGNORECASE)
_FOR = re.compile(r"\bf(?:or|ür) (?=[A-ZÄÖÜ])")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_THEM = re.compile(
    r"\b(?:of (?:them|those|these)|davon|von (?:denen|diesen|ihnen))\b", re.IGNORECASE
)
_NUMBER_ONLY = re.compile(
    r"\bwhat(?:'s| is| would be| was) the (?:number|count|figure|total)\b(?: there)?|"
    r"(?:\b(?:but|aber) )?\b(?:just|only|nur|bloß)\s+(?:give me |tell me )?(?:the|die|a|eine)\s+"
    r"(?:number|count|figure|total|anzahl|zahl)\b(?: please| bitte)?", re.IGNORECASE)  # fmt: skip
_MEANWHILE = {
    ("page", "en"): "I'll put that on the page.",
    ("page", "de"): "Ich bringe das auf die Seite.",
    ("data", "en"): "Let me look that up.",
    ("data", "de"): "Ich sehe nach.",
}


def cards(asked: Asked, choices: Sequence[Json]) -> dict[str, Json]:
    """Return the objects in the prompt that tell of the choices, by choice; answers are none."""
    answer = fields(fields(asked.shape).get("properties")).keys()
    found: dict[str, Json] = {}
    for value in asked.objects:
        for text in () if fields(value).keys() <= answer else fields(value).values():
            if text in choices and not _NOBODY.match(str(text)):
                found.setdefault(str(text), value)
    return found


def chosen(
    asked: Asked, purpose: Purpose, choices: Sequence[Json], job: Callable[[], str]
) -> str | None:
    """Return who gets the job; ``None`` when the choices are not people the prompt tells of."""
    known = cards(asked, choices)
    if not known:
        return None
    nobody = next((str(c) for c in choices if _NOBODY.match(str(c))), next(iter(known)))
    if purpose.kind in _ALONE and not written(asked.said):
        return nobody
    if _about_page(asked, purpose):
        return _best({name: _signs(_HAS_PAGE, card) for name, card in known.items()}, nobody)
    wanted = job()
    grades = {name: _grade(wanted, card) for name, card in known.items()}
    return _best(grades, nobody)


def _about_page(asked: Asked, purpose: Purpose) -> bool:
    return purpose.kind == "page" or bool(CLICK.match(asked.raw))


def _best(grades: dict[str, int], nobody: str) -> str:
    best = max(grades, key=lambda name: grades[name])
    return best if grades[best] > 0 else nobody


def _grade(job: str, card: Json) -> int:
    """Say how much of ``job`` is what the card's expert knows."""
    told = [text for value in fields(card).values() for text in _texts(value)]
    listed = [text for value in fields(card).values() for text in items(value) if text]
    wanted = _concepts(job)
    total = len(wanted & _concepts(" ".join(told)))
    total += 2 * len(wanted & _concepts(" ".join(map(str, listed))))
    if written(job) or TABLES.search(job) or DESCRIBE.search(job):
        total += 2 * _signs(_HAS_TABLES, card) + (1 if listed else 0)
    return total


def _signs(pattern: re.Pattern[str], card: Json) -> int:
    return len(pattern.findall(" ".join(t for v in fields(card).values() for t in _texts(v))))


def _texts(value: Json) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    for part in items(value):
        yield from _texts(part)


def _concepts(text: str) -> set[str]:
    parts = (part for word in split(text.replace("_", " ")) for part in (word, *word.split("-")))
    return {concept(part) for part in parts if part.lower() not in SMALL}


# The job


def job_of(asked: Asked) -> str:
    """Return what the user wants, in words that need no conversation."""
    job, shown = "", shown_in(asked.objects)
    for turn in asked.turns:
        if turn.role == "user":
            job = _merged(job, turn.text.strip(), shown, asked)
    return job


def _merged(before: str, text: str, shown: Shown, asked: Asked) -> str:
    if CLICK.match(text) or deeds(text, shown, "en") or written(text):
        return text
    text = plain(text)
    whole = turned(text)
    if not before or (whole != text and _named(whole, asked)):
        return whole
    if _THEM.search(text):
        return _narrowed(before, text, asked)
    if _NUMBER_ONLY.search(text):
        return _counted(before, _NUMBER_ONLY.sub(" ", text), asked)
    if not FOLLOW.match(text):
        return _of_whom(before, text.strip(" ?.!,"), text, asked) if _ASKS.match(text) else text
    tail = FOLLOW.sub("", text).strip(" ?.!,")
    if _ASKS.match(tail):
        return _of_whom(before, tail, text, asked)
    return _with_noun(before, tail, asked) or _with_phrase(before, tail)


def _of_whom(before: str, tail: str, text: str, asked: Asked) -> str:
    """``how many are there in Hamburg``: say of what, where only the turn before says it."""
    told = [word for word in split(_PHRASE.sub("", tail)) if word.lower() not in SMALL]
    if _named(tail, asked) or told or not _named(before, asked):
        return text
    tail = _FOR.sub("in ", _WOULD.sub("are there", tail))
    asks = _ASKS.match(tail)
    lead = asks[0] if asks else ""
    return f"{lead} {_named(before, asked)[0]} {tail[len(lead) :].strip()}?"


def _named(text: str, asked: Asked) -> list[str]:
    """Return the words of ``text`` that name a table the prompt tells of."""
    known = [head.words for head in heads_in(asked.prompt).values()]
    words = [word for word in split(text) if word.lower() not in SMALL]
    return [word for word in words if any(concept(word) in words for words in known)]


def _counted(before: str, text: str, asked: Asked) -> str:
    """``and in Dresden, just the number``: the rows of the turn before, counted."""
    tail = FOLLOW.sub("", text).strip(" ?.!,")
    merged = _with_phrase(before, tail) if tail else before
    nouns = _named(merged, asked)
    if not nouns:
        return merged
    after = merged[merged.index(nouns[0]) + len(nouns[0]) :]
    where = " ".join(phrase.strip(" .,") for phrase in _PHRASE.findall(after)[:1])
    asks = "wie viele" if language(text) == "de" else "how many"
    return f"{asks} {nouns[0]} {where}?".replace(" ?", "?")


def _with_phrase(before: str, tail: str) -> str:
    """Put ``in Dresden`` in the place of ``in Leipzig``, ``2021`` in that of ``2020``."""
    end = before[-1] if before[-1:] in "?.!" else ""
    tail = re.sub(r"^(?:for|für) (?=[A-ZÄÖÜ])", "", tail)
    base = before.removesuffix(end)
    phrases = [found[0] for found in _PHRASE.finditer(base)]
    first = tail.split(maxsplit=1)[0].lower() if tail else ""
    old = next((p for p in reversed(phrases) if p.split()[0].lower() == first), None)
    if old is not None:
        return base.replace(old, tail) + end
    year, new_year = _YEAR.search(base), _YEAR.search(tail)
    if year and new_year:
        return base.replace(year[0], new_year[0]) + end
    if phrases and not re.match(rf"{_PREPOSITION}\b", tail, re.IGNORECASE):
        kept = phrases[-1].split()[0]
        return base.replace(phrases[-1], f"{kept} {tail}") + end
    return f"{base} {tail}{end}"


def _with_noun(before: str, tail: str, asked: Asked) -> str:
    """Put ``devices`` in the place of ``customers`` when both are things there are tables of."""
    heads = heads_in(asked.prompt)
    known = {name: head.words for name, head in heads.items()}
    told = [word for word in split(tail) if word.lower() not in SMALL]
    if len(told) != 1:
        return ""
    new = next((n for n, words in known.items() if concept(told[0]) in words), None)
    for word in split(before) if new else ():
        if any(concept(word) in words for words in known.values()):
            return re.sub(rf"\b{re.escape(word)}\b", told[0], before, count=1)
    return ""


def _narrowed(before: str, text: str, asked: Asked) -> str:
    """``how many of them …``: say whom, with all that was said of them."""
    said = re.sub(
        r"^\W*(?:how many|which|list|show me|wie viele|welche|zeig mir|liste)\s+", "",
        before.strip(" ?.!"), flags=re.IGNORECASE,
    )  # fmt: skip
    noun, *rest = said.split(maxsplit=1)
    nouns = _named(said, asked)
    if nouns and noun != nouns[0]:
        noun, rest = nouns[0], [said.partition(nouns[0])[2]]
    where = _PHRASE.findall(rest[0]) if rest else []
    told = _THEM.sub(noun, text, count=1)
    tail = told.rstrip("?.! ")
    return f"{tail} {' '.join(where)}{told[len(tail) :]}".strip() if where else told


def meanwhile(asked: Asked, purpose: Purpose) -> str:
    """Return what the user is told while somebody works."""
    kind = "page" if _about_page(asked, purpose) else "data"
    return _MEANWHILE[(kind, purpose.mood.language)]
