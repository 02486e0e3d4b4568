"""What a call cost: as the provider says it, else from a table, else unknown."""

from collections.abc import Iterable, Mapping

import msgspec

from agent.core.json import Json, fields
from agent.core.messages import Usage


class Price(msgspec.Struct, frozen=True):
    """US dollars per million tokens."""

    prompt: float
    completion: float


Prices = Mapping[str, Price]
"""By model id."""


def read_prices(entries: Iterable[str]) -> dict[str, Price]:
    """Read entries as the setting has them: ``large-2=2.5/10``."""
    read: dict[str, Price] = {}
    for entry in entries:
        model, _, price = entry.partition("=")
        prompt, _, completion = price.partition("/")
        read[model] = Price(float(prompt), float(completion))
    return read


def usage_of(reported: Json) -> Usage | None:
    """Read the ``usage`` object of an answer."""
    table = fields(reported)
    counts = [table.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if not any(isinstance(count, int) for count in counts):
        return None
    prompt, completion = (max(0, count) if isinstance(count, int) else 0 for count in counts)
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def cost_of(reported: Json, prices: Prices, *models: str) -> float | None:
    """Return US dollars, ``None`` when neither the provider nor the table knows."""
    told = fields(reported).get("cost")
    if isinstance(told, int | float) and not isinstance(told, bool) and told >= 0:
        return float(told)
    usage = usage_of(reported)
    price = next((prices[model] for model in models if model in prices), None)
    if usage is None or price is None:
        return None
    spent = usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion
    return spent / 1_000_000
