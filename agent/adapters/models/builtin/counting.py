"""Whether somebody wants a counter: by its name, or as something that goes up and down."""

import re

from agent.adapters.models.builtin.naming import QUOTES

_COUNTING = re.compile(
    r"\b(?:count\w*|tally|score|number|figure|value|points?|\w*zähl\w*|zahl|wert|punkte|stand)\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"(?<!\w)\+|\b(?:up|increas\w*|raise\w*|higher|plus|increment\w*|adds?|one more|hoch\w*|rauf"
    r"|hinauf|erhöh\w*)\b", re.IGNORECASE)  # fmt: skip
_DOWN = re.compile(
    r"(?<!\w)[-−–](?!\w)|\b(?:down|decreas\w*|lower\w*|minus|decrement\w*|subtracts?|reduces?"
    r"|takes? \w+ (?:away|off)|one less|runter\w*|herunter\w*|hinunter|verringer\w*|senk\w*)\b",
    re.IGNORECASE)  # fmt: skip
_ASKS = re.compile(
    r"^\W*(?:show|list|tell|what|which|how|zeig\w*|liste|nenne?|was|welche\w?|wie)\b", re.IGNORECASE
)
"""So begins what asks for figures that are there, not for something that counts."""
COUNTER = re.compile(r"\b(counters?|zähler|tally)\b", re.IGNORECASE)


def counts(text: str) -> bool:
    """Whether ``text`` wants a counter."""
    if COUNTER.search(text):
        return True
    turns = all(pattern.search(text) for pattern in (_COUNTING, _UP, _DOWN))
    return turns and not _ASKS.match(text) and not QUOTES.search(text)
