"""The table: name, kind, default and meaning of every setting, in one place.

Whatever lists settings (files, environment, ``config``, ``docs/settings.md``) is made from
``SETTINGS``, so a setting exists everywhere or nowhere; databases have a table of their own.
Text that is not set is ``""``.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from agent.settings.databases import TABLE, masked
from agent.settings.kinds import (
    BIND,
    GRAPH,
    HOSTS,
    MODEL,
    NETWORKS,
    ORIGINS,
    PATH,
    PRICES,
    SECRET,
    SWITCH,
    URL,
    Kind,
    choice,
    number,
    seconds,
)

LEVELS = ("debug", "info", "warning", "error")


class About(msgspec.Struct, frozen=True):
    """What a person is told about a setting."""

    help: str
    kind: Kind
    flag: str = ""
    """The option of ``serve``; empty when there is none."""
    secret: bool = False
    """Never shown, neither by ``config`` nor in a message."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a start was told, read and checked; folders are absolute."""

    host: Annotated[str, About("Address to listen on.", BIND, "--host")] = "127.0.0.1"
    port: Annotated[
        int, About("Port to listen on; 0 lets the system choose.", number(0, 65535), "--port")
    ] = 8000
    data_dir: Annotated[
        Path, About("Folder of the database, the token and the demo data.", PATH, "--data-dir")
    ] = Path("data")
    graph: Annotated[str, About("Graph that a new data folder begins with.", GRAPH, "--graph")] = (
        "v4-eras"
    )
    workspace: Annotated[
        Path | None,
        About("Folder with graphs, nodes, prompts, tools and suites of one's own.", PATH,
              "--workspace"),
    ] = None  # fmt: skip
    token: Annotated[
        str,
        About("Token of programs; without one, a random token is kept in the data folder.", SECRET,
              "--token", secret=True),
    ] = ""  # fmt: skip
    auth: Annotated[
        bool, About("Ask for the token; may be off on loopback only.", SWITCH, "--no-auth")
    ] = True
    browser: Annotated[
        bool, About("Open the page in a browser at start.", SWITCH, "--no-browser")
    ] = True
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        About("Least severe message of the log.", choice(*LEVELS), "--log-level"),
    ] = "info"
    llm_base_url: Annotated[
        str, About("OpenAI-compatible model server; without one, the built-in model.", URL)
    ] = ""
    llm_api_key: Annotated[
        str, About("Key of that server, sent to no other.", SECRET, secret=True)
    ] = ""
    llm_model: Annotated[str, About("Model for every node whose graph names none.", MODEL)] = ""
    llm_prices: Annotated[
        tuple[str, ...], About("What models cost whose server does not tell.", PRICES)
    ] = ()
    llm_timeout_s: Annotated[
        int,
        About("How long a model call may take with its retries, in seconds; "
              "for a quarter of that its server may be silent.", number(4, 3600)),
    ] = 120  # fmt: skip
    llm_discover: Annotated[
        bool,
        About("Look for model servers on loopback while the built-in model answers.", SWITCH),
    ] = True
    builtin_token_ms: Annotated[
        int, About("Pause of the built-in model before each token.", number(0, 10_000))
    ] = 0
    allowed_hosts: Annotated[
        tuple[str, ...], About("More `Host` values to answer to, as clients send them.", HOSTS)
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], About("More origins whose pages may talk to the server.", ORIGINS)
    ] = ()
    public_url: Annotated[
        str, About("Where a reverse proxy shows the server; its host and origin are allowed.", URL)
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...], About("Proxies whose forwarding headers are believed.", NETWORKS)
    ] = ()
    allow_query_token: Annotated[
        bool, About("Accept `?token=` from programs of the older form.", SWITCH)
    ] = False
    shutdown_grace_s: Annotated[
        float, About("How long active runs may go on after SIGTERM.", seconds(60))
    ] = 5.0
    databases: dict[str, str] = {}
    """Name to URL, with the passwords; those that come with the program are not among them."""

    def __repr__(self) -> str:
        """Show which secrets are set, not what they are: this ends up in logs."""
        shown = [f"{row.name}={row.show(getattr(self, row.name))}" for row in SETTINGS]
        asked = (f"databases.{name}={masked(url)}" for name, url in self.databases.items())
        return f"Settings({', '.join([*shown, *asked])})"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    default: Any
    about: About

    @property
    def env(self) -> str:
        """The variable it is read from."""
        return f"AGENT_{self.name.upper()}"

    def show(self, value: object) -> str:
        """Return a value as a person would write it; a secret only by its length."""
        match value:
            case "" | None | ():
                return ""
            case str() if self.about.secret:
                return f"(secret, {len(value)} characters)"
            case bool():
                return str(value).lower()
            case tuple():
                return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
            case float():
                return f"{value:g}"
            case _:
                return str(value)


def _rows() -> tuple[Setting, ...]:
    hints = get_type_hints(Settings, include_extras=True)
    fields = msgspec.structs.fields(Settings)
    return tuple(
        Setting(name=field.name, default=field.default, about=hints[field.name].__metadata__[0])
        for field in fields
        if field.name != TABLE
    )


SETTINGS = _rows()
