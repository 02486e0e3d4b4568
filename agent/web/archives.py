"""The door through which runs leave as files and come in again."""

from typing import Literal

import msgspec

from agent.core.errors import BadInput, Conflict, DiskFull, TooLarge, UnknownRun
from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing, sent
from agent.web.limits import MIB

LIMIT = 64 * MIB
MEDIA = {"html": "text/html; charset=utf-8", "zip": "application/zip"}


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """As what."""

    format: Literal["html", "zip"] = "html"
    """A page to read, or a zip to import."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The run is on disk."""

    run_id: str
    imported_from: str
    """Its id in the installation that recorded it."""
    frames: int
    effects: int
    missing: list[str]
    """Code it ran that is not installed here as it was; a pinned replay needs all of it."""


async def export(call: Call[Nothing, ExportQuery]) -> Json:
    """A run as one file: a page that opens without network, or a zip for another installation."""
    form = call.query.format
    run_id = call.path["run_id"]
    body = await call.runtime.export(run_id, form)
    name = f'attachment; filename="framescope-{run_id}.{form}"'  # an id that was found is plain
    return sent(body, MEDIA[form], headers={"content-disposition": name})


async def take_in(call: Call[Nothing, Nothing]) -> Json:
    """Take in what an export wrote, as a new run in no channel."""
    if not call.raw:
        raise BadInput("expected the .zip or the .html of an export as the body, got nothing")
    return await call.runtime.take_in(call.raw)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/traces/{run_id}/export",
        call=export,
        query=ExportQuery,
        answer=None,
        produces="the file",
        errors=(UnknownRun, Conflict, TooLarge),
    ),
    Endpoint(
        method="POST",
        path="/api/import",
        call=take_in,
        answer=Imported,
        media=("application/zip", "text/html"),
        limit=LIMIT,
        errors=(DiskFull,),
    ),
)
