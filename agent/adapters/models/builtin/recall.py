"""What the user told about themselves, and what is remembered of it."""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.words import concept, split
from agent.core.json import Json, fields, items

_NAME = re.compile(
    r"\b(?:my name is|my name's|i am called|call me|ich hei(?:ß|ss)e|mein name ist"
        r"|nenn(?:e)? mich|i'm called|known as|address me as"
    r"|name's)\s+([^\W\d_][\w'-]*(?:\s+(?-i:[A-ZÄÖÜ])[\w'-]+)?)", re.IGNORECASE)  # fmt: skip
_I_AM = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hallo)\b\W*)?(?:i am|i'm|it's|ich bin)\s+(?:der |die )?"
    r"((?-i:[A-ZÄÖÜ])[\w'-]+)(?=\W*$|\s*[,;.!]|\s+(?:and|und|here|hier)\b)",
    re.IGNORECASE,
)
_NOT_NAMES = frozenset(
    [
        "tired",
        "happy",
        "sad",
        "here",
        "back",
        "fine",
        "good",
        "ready",
        "done",
        "sorry",
        "not",
        "sure",
        "müde",
        "froh",
        "da",
        "fertig",
        "wieder",
        "gut",
        "looking",
        "going",
        "trying",
        "happy",
        "bored",
        "hungry",
        "busy",
        "new",
        "confused",
        "lost",
    ]
)
_REMEMBER = re.compile(
    r"\b(?:remember|note|keep in mind|don't forget|merke? dir|notiere?|denk daran"
        r"|vergiss nicht)\b(?:\s+that|\s+dass|\s*,\s*dass)?[,:]?\s+(.{3,200}?)[.!]*$",
    re.IGNORECASE)  # fmt: skip
_ABOUT = re.compile(
    r"\b(?:my|our|mein\w*|unser\w*)\s+((?:[\w-]+\s+){1,4}?)(is|are|ist|sind|heißt"
        r"|lautet)\s+(.{1,120}?)[.!]*$", re.IGNORECASE)  # fmt: skip
_DOES = re.compile(
    r"^\W*(?:by the way,?\s+|and\s+|und\s+)?(?:i|ich)\s+(?:really\s+|also\s+)?(like"
        r"|love|hate|prefer|live|work|use|own|moved|study|mag|liebe|hasse|bevorzuge"
            r"|wohne|lebe|arbeite|nutze|studiere|speak|spreche|am allergic|have"
                r"|belong|am employed|gehöre|habe)\b"
                r"\s*(.{2,120}?)[.!]*$", re.IGNORECASE)  # fmt: skip
_PLACE = re.compile(
    r"^\W*(?:by the way,?\s+)?(?:i am|i'm|ich bin)\s+((?:in|with|at|part of|from|bei|im|in der"
    r"|beim|teil)\s+(?:the\s+|der\s+|des\s+)?(?:[\w-]+\s+){0,3}?(?:department|team|division|group"
    r"|company|office|abteilung|teams?|firma|[\w-]*abteilung))\b", re.IGNORECASE)  # fmt: skip
_KEEP = re.compile(
    r"^\W*(?:please\s+|bitte\s+)?(?:make|take|write down|mach\w*|schreib\w*)\s+"
    r"(?:yourself\s+|dir\s+)?(?:a\s+|eine\s+)?(?:note|notiz|auf)\b", re.IGNORECASE)  # fmt: skip
_TOPICS = tuple(
    bag(words)
    for words in (
        """work job employed employer profession occupation department team division company office
        colleagues role position arbeite arbeit beruf abteilung firma angestellt stelle works
        arbeitet""",
        "live home city town address moved from wohne wohnort lebe zuhause lives wohnt",
        "name called heiße call",
        "like love favourite favorite prefer enjoy mag liebe liebling likes loves lieblings",
    )
)
"""Words that may stand for one another in what is asked and what was told."""
_POINTS = re.compile(r"(?:that|this|it|das|dies|es)\W*$", re.IGNORECASE)
_WHO_AM_I = re.compile(
    r"\b(what'?s my name|what (?:is|was) my name|who (?:am i|i am)"
    r"|(?:tell|say|spell)(?: me)? my name|my name\s*\?|wie war mein name|do you (?:know"
        r"|remember) my name|wie hei(?:ß|ss)e ich|wer bin ich|wie ist mein name"
            r"|kennst du meinen namen"
                r"|weißt du.* ich hei(?:ß|ss)e|what am i called"
    r"|(?:what|how) (?:do|does|did|should|would|will) (?:\w+ ){1,3}?(?:call|address) me"
    r"|wie nennt man mich|wie nennst du mich)", re.IGNORECASE)  # fmt: skip
_WHAT_KNOWN = re.compile(
    r"\b(know about me|remember about me|told you|did i (?:say|tell)"
        r"|weißt du (?:über|von) mi(?:ch|r)"
            r"|über mich|have i told|was habe ich)\b", re.IGNORECASE)  # fmt: skip
_MINE = re.compile(r"\b(my|mine|i|me|mein\w*|ich|mir|our|unser\w*)\b", re.IGNORECASE)
_REMIND = re.compile(
    r"\b(?:remind me|tell me again|do you (?:still )?(?:remember|recall|know)|erinner\w* mich"
    r"|weißt du(?: noch)?)\b", re.IGNORECASE)  # fmt: skip
_GERMAN = re.compile(r"\bich\b", re.IGNORECASE)
_VERB = re.compile(r"\s+(?:is|are|ist|sind|heißt|lautet)\s+")
_UNNAMED = frozenset({"", "anonymous", "user", "none", "unknown", "nobody", "local"})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a message tells about its author."""

    name: str = ""
    facts: tuple[str, ...] = ()


@lru_cache(256)
def told_in(text: str) -> Told:
    """Return what ``text`` tells about the user; questions tell nothing."""
    if text.rstrip().endswith("?"):
        return Told()
    named = _NAME.search(text) or _I_AM.search(text)
    name = named[1] if named and named[1].lower() not in _NOT_NAMES | STOP else ""
    facts = [f"Name is {_titled(name)}"] if name else []
    about, does, keep = _ABOUT.search(text), _DOES.search(text), _REMEMBER.search(text)
    if about and "name" not in about[1].lower().split():
        facts.append(_sentence(f"{about[1].strip()} {about[2].lower()} {about[3].strip()}"))
    elif (place := _PLACE.search(text)) and not name:
        facts.append(_sentence(f"{'ist' if _GERMAN.search(text) else 'is'} {place[1].strip()}"))
    elif does and not name:
        facts.append(_sentence(f"{_third(does[1])} {does[2].strip()}"))
    elif keep and not name and not _POINTS.match(keep[1]):
        facts.append(_sentence(keep[1]))
    return Told(name=_titled(name), facts=tuple(facts))


def _titled(name: str) -> str:
    return " ".join(part[:1].upper() + part[1:] for part in name.split())


def _sentence(text: str) -> str:
    clean = " ".join(text.split())
    return clean[:1].upper() + clean[1:]


def _third(verb: str) -> str:
    low = verb.lower()
    known = {"am allergic": "is allergic", "have": "has", "study": "studies", "moved": "moved",
             "habe": "hat", "mag": "mag", "liebe": "liebt", "wohne": "wohnt", "lebe": "lebt",
             "arbeite": "arbeitet", "nutze": "nutzt", "hasse": "hasst", "bevorzuge": "bevorzugt",
             "studiere": "studiert", "spreche": "spricht", "gehöre": "gehört",
             "am employed": "is employed"}  # fmt: skip
    return known.get(low, f"{low}s")


def disproved(new: tuple[str, ...], known: list[str]) -> list[str]:
    """Return the known facts that ``new`` ones replace: the same subject, something else said."""
    gone: list[str] = []
    for fact in new:
        subject = _subject(fact)
        gone += [old for old in known if subject and _subject(old) == subject and old != fact]
    return gone


def _subject(fact: str) -> str:
    parts = _VERB.split(fact, maxsplit=1)
    if len(parts) > 1:
        return parts[0].lower()
    moved = re.match(r"(?:lives?|moved|wohnt|lebt)\b", fact, re.IGNORECASE)
    return "lives" if moved else ""


def name_known(objects: tuple[Json, ...]) -> str:
    """Return the user's name as a prompt's memory has it, or nothing."""
    for value in objects:
        for key in ("user_name", "name", "who"):
            name = fields(value).get(key)
            if isinstance(name, str) and name.lower() not in _UNNAMED and "facts" in fields(value):
                return name
    return ""


def facts_known(objects: tuple[Json, ...]) -> list[str]:
    """Return the facts that a prompt's memory holds."""
    for value in objects:
        facts = fields(value).get("facts")
        if isinstance(facts, list):
            return [fact for fact in items(facts) if isinstance(fact, str)]
    return []


def asks_name(text: str) -> bool:
    """Whether somebody asks for their own name."""
    return bool(_WHO_AM_I.search(text))


def asks_memory(text: str) -> bool:
    """Whether somebody asks what is known about them."""
    return bool(_WHAT_KNOWN.search(text))


def to_keep(text: str) -> bool:
    """Whether somebody wants a note taken."""
    return bool(_KEEP.match(text))


def about_self(text: str) -> bool:
    """Whether a question is about its author."""
    asks = text.rstrip().endswith("?") or _REMIND.search(text)
    return bool(_MINE.search(text)) and bool(asks)


def matching(text: str, facts: list[str]) -> list[str]:
    """Return the facts that share a word of substance with ``text``, best first.

    Where none does, those that are about the same thing: where somebody works and a department.
    """
    wanted, topics = _substance(text), _topics(text)
    graded = [
        (2 * len(wanted & _substance(fact)) + bool(topics & _topics(fact)), -n, fact)
        for n, fact in enumerate(facts)
    ]
    return [fact for grade, _, fact in sorted(graded, reverse=True) if grade]


def _substance(text: str) -> set[str]:
    return {concept(word) for word in split(text) if word.lower() not in STOP}


def _topics(text: str) -> set[int]:
    words = {word.lower() for word in split(text)}
    return {n for n, topic in enumerate(_TOPICS) if topic & words}
