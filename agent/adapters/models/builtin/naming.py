"""What things on the page are called: names, lists of labels and ids in what somebody writes."""

import re

from agent.adapters.models.builtin.lexicon import STOP, bag
from agent.adapters.models.builtin.words import fold, split

MACHINE = re.compile(
    r"\b(state machine|machine|automat\w*|zustandsautomat|wizard|assistent\w*"
        r"|navigation|nav|menu|menü"
    r"|tabs?|traffic ?lights?|ampel\w*|workflow"
        r"|stepper|steps|pages|seiten)\b", re.IGNORECASE)  # fmt: skip
QUOTES = re.compile(r"[\"“„']([^\"”“']{1,60})[\"”“']")
_LEAD = re.compile(
    r"(?:\b(?:with|mit|named|called|labell?ed|namens|for|für|saying|between|zwischen)\b|\bbuttons(?=\s)|\bknöpfe(?=\s))"
    r"\s*(?:the\s+|den\s+|die\s+)?(?:(?:states?|zuständen?|pages?|seiten|steps?|schritten?|tabs|options"
    r"|labels?|buttons?|knöpfen?|modes)\b\s*:?\s*)?", re.IGNORECASE)  # fmt: skip
_ARTICLE = re.compile(r"^(?:the|a|an|der|die|das|ein|eine|einen)\s+", re.IGNORECASE)
_NOUN_AFTER = re.compile(
    r"\s+(?:buttons?|states?|pages?|knöpfen?|zuständen?|seiten)$", re.IGNORECASE
)
_SAYS = re.compile(
    r"\b(?:says|saying|labell?ed|beschriftet mit|mit der aufschrift)\s+([\w-]+(?: [\w-]+)?)[.!]?$",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"\b(?:called|named|labell?ed|namens|for(?: counting)?|of|für|saying|says)\s+"
    r"(?:(?:the|my|our|die|den|das|meine|unsere)\s+)?([\w-]+)(?:[ ]([\w-]+))?",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*(?:,|;|/|->|→|\band\b|\bund\b|\bor\b|\boder\b)\s*", re.IGNORECASE)
NOUNS = bag(
    """counter zähler toggle switch schalter button knopf machine automat automaton state page step
    buttons knöpfe states counters tally on off reset zurücksetzen simple small little einfachen
    einfacher new neuen neue interactive up down click clicks umschalter navigation menu menü wizard
    plus minus increment decrement clear remove delete destroy lösche entferne again back zurück
    zustand seite zustände seiten tab mode light traffic ampel nav all existing current called
    named tracks track count counts counting zählt labelled says saying first called only starts
    starting start begins beginning knöpfen zuständen pages steps tabs erstelle mache baue ui
    restart add another extend page's sagt beschriftet called""")  # fmt: skip


_WAY = re.compile(
    r"\b(?:from|von) (?:the |der )?([\w-]+) (?:(?:one|you|it|man|es) [\w ]{1,40}? )?"
    r"(?:to|zu|nach|zur|zum) (.+)$", re.IGNORECASE)  # fmt: skip
_TOWARDS = re.compile(r"^(?:back\s+)?(?:to|zu|zur|zum|nach)\s+(?:the\s+|der\s+)?", re.IGNORECASE)
_BACK = re.compile(r"^(?:back|back again|return|zurück|again|wieder)$", re.IGNORECASE)


def listing(text: str) -> list[str]:
    """Return the names in ``with a, b and c`` or ``from a to b and c``, or nothing."""
    text = " ".join(text.split())
    _, colon, after = text.partition(": ")
    if colon and not _WAY.search(after):
        return _names(after)
    rests = [text[lead.end() :] for lead in _LEAD.finditer(text)]
    found = [_names(rest) for rest in rests]
    closest = [
        names
        for rest, names in zip(rests, found, strict=True)
        if len(names) > 1 and not _LEAD.search(_COMMA.split(rest, maxsplit=1)[0])
    ]
    return (closest or _ways(text) or found or [[]])[0]


def _ways(text: str) -> list[list[str]]:
    """Where somebody gets: ``from a to b and to c, and back``."""
    way = _WAY.search(text)
    if way is None:
        return []
    goals = [_TOWARDS.sub("", name) for name in _names(way[2])]
    return [list(dict.fromkeys([way[1], *(name for name in goals if not _BACK.match(name))]))]


def _names(listed: str) -> list[str]:
    parts = [part.strip(" .!?\"'") for part in _COMMA.split(listed)]
    bare = [_ARTICLE.sub("", part) for part in parts]
    tidy = [_NOUN_AFTER.sub("", part) for part in bare]
    return [part for part in tidy if part and len(split(part)) <= 4]


def name_in(text: str) -> str:
    """Return what a counter, switch or button is called or is for."""
    quoted = QUOTES.search(text)
    if quoted:
        return quoted[1]
    says = _SAYS.search(text)
    if says:
        return says[1]
    called = _CALLED.search(text)
    if called and called[1].lower() not in STOP | NOUNS:
        second = called[2] or ""
        return called[1] if second.lower() in STOP | NOUNS - {"mode"} else f"{called[1]} {second}"
    before = re.search(
        r"([\w-]+)[- ](?:counter|zähler|toggle|switch|schalter|button|knopf)\b", text, re.IGNORECASE
    )
    if before and before[1].lower() not in STOP | NOUNS:
        return before[1]
    return ""


def slug(text: str) -> str:
    """Return ``text`` as a key: lower case, words joined by ``_``."""
    return re.sub(r"[^\w]+", "_", text.strip().lower()).strip("_") or "value"


def machine_name(text: str) -> str:
    """Return the id of the machine that ``text`` wants."""
    called = re.search(r"\b(?:called|named|namens|id)\s+[\"']?([\w-]+)", text, re.IGNORECASE)
    if called:
        return slug(called[1])
    word = MACHINE.search(text)
    kind = fold(word[0]).replace(" ", "_") if word else "machine"
    known = {
        "trafficlight": "traffic_light",
        "traffic_lights": "traffic_light",
        "navigation": "nav",
    }
    if kind in ("machine", "state_machine") or kind.startswith(("automat", "zustands")):
        before = re.search(r"(\w+)\s+(?:state )?(?:machine|automat)", text, re.IGNORECASE)
        name = (
            before[1].lower() if before and before[1].lower() not in STOP | {"state"} else "machine"
        )
        return slug(name)
    return known.get(kind, kind)
