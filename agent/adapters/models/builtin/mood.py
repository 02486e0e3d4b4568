"""What kind of message this is: intent, tone, how hard, what about."""

import re
from functools import lru_cache

import msgspec

from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.words import language, split

GREETINGS = bag(
    """hello hi hey hallo moin servus howdy greetings hiya yo grüezi willkommen ahoi huhu"""
)
DAYTIMES = bag("morning afternoon evening day tag abend morgen nacht night")
THANKS = bag("thanks thank thx danke dank dankeschön merci cheers")
FAREWELLS = bag("""bye goodbye tschüss tschüs ciao farewell cya wiedersehen wiederschauen""")
_FILLERS = bag(
    """there good guten gute again all everyone everybody you so much very a lot well then ok okay
    my friend dear nice to meet see later soon how are doing going it is do today up what's
    whats is und and mal schön schöne schönen vielen lieben dir euch ihnen wie geht es
    geht's gehts auf bis bald dann später für die hilfe for the your help great super cool
    that that's is now today nothing else done helped lot everything das war war's wars heute
    alright everything right okay wonderful perfect
    yes yeah ja alles klar gern gerne ich dich sehr servus best besten thanks"""
)
_SMALLTALK = re.compile(
    r"^\W*(how are you|how('s| is) it going|what'?s up|wie geht('s| es)|alles klar"
    r"|nice to (meet|see))",
    re.IGNORECASE,
)
_ASKING = bag(
    """how what which who whose when where why is are was were does do did can could wie was welche
    welcher welches welchen wer wessen wann wo warum gibt ist sind hat haben kannst kennst
    weißt wieviel wieviele"""
)
_PRAISE = bag(
    """wrong bad broken useless great good nice awesome perfect falsch schlecht kaputt super toll
    klasse prima gut incorrect terrible wonderful excellent"""
)
_URGENT = re.compile(
    r"\b(urgent|asap|immediately|right now|quickly|dringend|sofort|eilig)\b", re.IGNORECASE
)
_CROSS = re.compile(
    r"!!|\b(argh|damn|annoying|again wrong|still not|verdammt|mist|nervt|grr+)\b", re.IGNORECASE
)
_PLAY = re.compile(r"[;:]-?[)DP]|\b(haha|hehe|lol|rofl)\b|[😀-🙏🎉]", re.IGNORECASE)
_JOINT = re.compile(r"\b(and|then|und|dann|also|sowie)\b|[;,]", re.IGNORECASE)
_SPOKEN = (["say"], ["sag"], ["sage"])
_SAYING = bag("say sag sage")
_LONG = 18
_NAME_ONLY = 3


class Mood(msgspec.Struct, frozen=True, kw_only=True):
    """How a message is to be taken."""

    language: str
    intent: str
    tone: str
    complexity: str
    topic: str
    social: str
    """``greeting``, ``thanks``, ``farewell``, ``smalltalk``, or empty."""


@lru_cache(512)
def mood_of(text: str, default_language: str = "en") -> Mood:
    """Read the mood of ``text``."""
    words = [word.lower() for word in split(text)]
    # "say hello" wants to hear a hello: it is one.
    social = _social(text, words[1:] if words[:1] in _SPOKEN else words)
    return Mood(
        language=language(text, default_language),
        intent="social" if social else _intent(text, words),
        tone=_tone(text),
        complexity="trivial" if social else _complexity(text, words),
        topic=topic_of(text, social),
        social=social,
    )


def topic_of(text: str, social: str = "") -> str:
    """Return up to three words that say what ``text`` is about."""
    if social:
        return social
    kept = [word for word in split(text) if word.lower() not in _OFF_TOPIC and len(word) > 1]
    return " ".join(kept[:3]) or text.strip()[:30]


_OFF_TOPIC = STOP - bag(
    """counter button customers customer buildings building units devices readings kunden kunde
    gebäude objekte wohnungen geräte zähler schalter ampel name zurücksetzen"""
)


def _social(text: str, words: list[str]) -> str:
    if not words:
        return ""
    if words[0] in _SAYING and _social("", words[1:]) == "greeting":
        return "greeting"
    if _SMALLTALK.match(text) and all(_pleasant(word) for word in words):
        return "smalltalk"
    known = [word for word in words if _pleasant(word)]
    strangers = len(words) - len(known)
    kind = _kind(words)
    short = len(words) <= _NAME_ONLY and words[0] in GREETINGS
    if kind and (not strangers or (short and strangers == 1 and "?" not in text)):
        return kind
    return ""


def _kind(words: list[str]) -> str:
    for kind, core in (("thanks", THANKS), ("farewell", FAREWELLS), ("greeting", GREETINGS)):
        if core.intersection(words):
            return kind
    hailed = words[0] in ("good", "guten", "gute", "schönen") and DAYTIMES.intersection(words)
    if hailed:
        return "farewell" if {"nacht", "night"}.intersection(words) else "greeting"
    parting = " ".join(words).startswith(("see you", "bis bald", "bis dann", "auf wiedersehen"))
    return "farewell" if parting else ""


def _pleasant(word: str) -> bool:
    return (
        word in GREETINGS
        or word in DAYTIMES
        or word in THANKS
        or word in FAREWELLS
        or word in _FILLERS
    )


def _intent(text: str, words: list[str]) -> str:
    if text.lstrip().lower().startswith(("(clicked", "clicked")):
        return "action"
    if text.rstrip().endswith("?") or (words and words[0] in _ASKING):
        asks_for_deed = words and words[0] in {"can", "could", "kannst", "könntest"}
        return "request" if asks_for_deed else "question"
    short = 0 < len(words) <= _LONG // 2
    return "feedback" if short and _PRAISE.intersection(words) and len(words) < _LONG else "request"


def _tone(text: str) -> str:
    if _URGENT.search(text):
        return "urgent"
    if _CROSS.search(text):
        return "frustrated"
    return "playful" if _PLAY.search(text) else "casual"


def _complexity(text: str, words: list[str]) -> str:
    clauses = len(_JOINT.findall(text)) + 1
    return "complex" if len(words) > _LONG and clauses > 1 else "simple"
