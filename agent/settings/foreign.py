"""Names that other programs gave the model's settings: a machine that has them just works.

Invariant: a foreign key goes only to the server it was made for. It is passed over, with a note,
when the settings name another one.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

OPENAI = "https://api.openai.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
BASE_URL = "OPENAI_BASE_URL"
MODELS: Mapping[str, str] = {OPENAI: "gpt-4.1-mini", OPENROUTER: "openrouter/auto"}
"""The model that is asked where a key alone chose the server."""


class ForeignKey(msgspec.Struct, frozen=True):
    """A key's variable and where the key belongs."""

    env: str
    home: str


class Found(msgspec.Struct, frozen=True):
    """A value for a setting that nothing of our own set."""

    name: str
    value: str
    env: str


def keys(environ: Mapping[str, str]) -> Iterator[ForeignKey]:
    """Yield the keys that are set, the preferred one first."""
    homes = {
        "OPENAI_API_KEY": environ.get(BASE_URL) or OPENAI,
        "OPENROUTER_API_KEY": OPENROUTER,
    }
    yield from (ForeignKey(env, home) for env, home in homes.items() if environ.get(env))


def find(own: Mapping[str, object], environ: Mapping[str, str]) -> tuple[list[Found], list[str]]:
    """Return what the foreign names add to ``own``, and notes on what they do not.

    Args:
        own: the settings that our own sources gave.
        environ: the environment.
    """
    found: list[Found] = []
    base = str(own.get("llm_base_url") or "")
    if not base and environ.get(BASE_URL):
        base = environ[BASE_URL]
        found.append(Found("llm_base_url", base, BASE_URL))
    if "llm_api_key" in own:
        return found, []
    notes: list[str] = []
    for key in keys(environ):
        if not base:
            found.append(Found("llm_base_url", base := key.home, key.env))
            if base in MODELS and "llm_model" not in own:
                found.append(Found("llm_model", MODELS[base], key.env))
        if _same_server(base, key.home) and not any(one.name == "llm_api_key" for one in found):
            found.append(Found("llm_api_key", environ[key.env], key.env))
        else:
            notes.append(f"{key.env} is not used: the model server is {base}")
    return found, notes


def _same_server(one: str, other: str) -> bool:
    return _server(one) == _server(other)


def _server(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme.lower(), parts.netloc.lower()
