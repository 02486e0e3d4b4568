"""What is taken of the user's folder, and why not more."""

import msgspec

from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing


class FileFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file cannot be used; while there is one, what was taken before stays in use."""

    file: str
    """Relative to the folder."""
    line: int
    cause: str


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """Names of what the folder brought."""

    graphs: list[str]
    nodes: list[str]
    prompts: list[str]
    tools: list[str]
    suites: list[str]


class WorkspaceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace."""

    folder: str | None
    """`null` when the server was started without one."""
    errors: list[FileFault]
    notes: list[str]
    """What else a person should know, such as that a restart is needed."""
    loaded: Brought
    reloaded: int | None
    """When it was last taken, Unix milliseconds."""


async def workspace(call: Call[Nothing, Nothing]) -> Json:
    """What is taken of the workspace folder, and which file is broken where."""
    return call.runtime.workspace()


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/workspace",
        call=workspace,
        answer=WorkspaceStatus,
    ),
)
