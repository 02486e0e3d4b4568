"""What settings must not say together, and the error that tells all of it at once."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from agent.settings.table import Settings

SHORTEST_TOKEN = 16
"""Characters that a token needs where other machines can try."""


class BadSettings(Exception):  # noqa: N818
    """The program cannot start with these settings; every line names one and what to set."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def problems_of(settings: Settings) -> list[str]:
    """Return why a start would be unsafe or useless, one sentence each."""
    return [*_exposed(settings), *_without_auth(settings), *_model(settings), *_folders(settings)]


def _exposed(settings: Settings) -> list[str]:
    """Any bind that other machines reach needs a token somebody chose."""
    if is_loopback(settings.host) or not settings.auth:
        return []
    if len(settings.token) >= SHORTEST_TOKEN:
        return []
    came = f"one of {len(settings.token)} characters" if settings.token else "none"
    sentence = (
        f"host: other machines can reach {settings.host!r}, so a token of at least "
        f"{SHORTEST_TOKEN} characters is needed, got {came}: set AGENT_TOKEN, "
        "or bind to 127.0.0.1"
    )
    return [sentence]


def _without_auth(settings: Settings) -> list[str]:
    if settings.auth:
        return []
    named = [
        ("host", settings.host, settings.host),
        ("public_url", settings.public_url, urlsplit(settings.public_url).hostname),
        *(
            ("allowed_hosts", host, urlsplit(f"//{host}").hostname)
            for host in settings.allowed_hosts
        ),
    ]
    return [
        f"auth: it is off, and {name} {value!r} lets other machines in: leave out --no-auth "
        f"(AGENT_AUTH), or keep {name} to this machine, such as 127.0.0.1"
        for name, value, host in named
        if host and not is_loopback(host)
    ]


def _model(settings: Settings) -> list[str]:
    if settings.llm_base_url:
        return []
    given = [name for name in ("llm_api_key", "llm_model") if getattr(settings, name)]
    return [
        f"{name}: it is set, but not which server it is for: set AGENT_LLM_BASE_URL, such as "
        f"https://api.openai.com/v1, or unset AGENT_{name.upper()} to use the built-in model"
        for name in given
    ]


def _folders(settings: Settings) -> list[str]:
    found: list[str] = []
    if settings.workspace is not None and not is_folder(settings.workspace):
        found.append(
            f"workspace: expected a folder, got {str(settings.workspace)!r}: make it, "
            "or leave the setting out"
        )
    if not is_folder(settings.data_dir, missing=True):
        found.append(
            f"data_dir: expected a folder, or a name that is free, got {str(settings.data_dir)!r}"
        )
    return found


def is_folder(path: Path, *, missing: bool = False) -> bool:
    """Say whether ``path`` is a folder, or may become one; a path that nobody can have is not."""
    try:
        return path.is_dir() or (missing and not path.exists())
    except OSError:
        return False


def is_loopback(host: str) -> bool:
    """Say whether a bind to ``host`` is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
