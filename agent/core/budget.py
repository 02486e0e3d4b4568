"""How much of a conversation fits into a model request."""

from agent.core.json import Json, canonical

CHARACTERS_PER_TOKEN = 4
"""An estimate that errs on the safe side for English and German prose."""
KEEP_TAIL = 4
TOOL = "tool"


def estimate(message: Json) -> int:
    """Tokens that ``message`` may take, estimated from its encoded length."""
    return len(canonical(message)) // CHARACTERS_PER_TOKEN + 1


def fit(messages: tuple[Json, ...], budget: int) -> tuple[tuple[Json, ...], int]:
    """Leave out the oldest middle messages until ``messages`` fit ``budget`` tokens.

    The system prompt (a first message of role ``system``) and the last four always stay. Tool
    results stay and go with the message that asked for them: providers refuse one without it.

    Returns:
        The messages that stay, in order, and how many were left out.
    """
    head = 1 if messages and messages[0].get("role") == "system" else 0
    sizes = [estimate(message) for message in messages]
    total, start, stop = sum(sizes), head, max(head, len(messages) - KEEP_TAIL)
    while stop > head and _answers(messages, stop):
        stop -= 1
    while start < stop and (total > budget or (start > head and _answers(messages, start))):
        total -= sizes[start]
        start += 1
    return messages[:head] + messages[start:], start - head


def _answers(messages: tuple[Json, ...], place: int) -> bool:
    return place < len(messages) and messages[place].get("role") == TOOL
