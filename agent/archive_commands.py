"""``export`` and ``import``: a run as one file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from agent.commands import ask
from agent.core.json import Json
from agent.options import json_option, place, stop
from agent.reports import write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

MOST = 64 << 20
MEDIA = {b"PK": "application/zip", b"<!": "text/html"}


@click.command()
@click.argument("run_id")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--html", "form", flag_value="html", help="A page to read (what --out ends in).")
@click.option("--zip", "form", flag_value="zip", help="A zip to import elsewhere.")
@place
@json_option
def export(
    run_id: str, out: Path | None, form: str | None, settings: Settings, *, as_json: bool
) -> None:
    """Write a run as one file: a page to read, or a zip to go on with elsewhere."""
    kind = "zip" if form == "zip" or (form is None and out and out.suffix == ".zip") else "html"
    path = f"/api/traces/{quote(run_id, safe='')}/export?format={kind}"

    async def direct(runtime: "Runtime") -> Json:
        return await runtime.export(run_id, "zip" if kind == "zip" else "html")

    body = ask(settings, lambda client: client.fetch(path), direct)
    file = out or Path(f"framescope-{run_id}.{kind}")
    try:
        file.write_bytes(body)
    except OSError as error:
        raise stop(f"cannot write {file}: {error.strerror}; name another place: --out") from None
    if as_json:
        write_json({"run_id": run_id, "file": str(file), "format": kind, "bytes": len(body)})
    else:
        click.echo(f"{file}  {len(body)} bytes")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@place
@json_option
def take_in(file: Path, settings: Settings, *, as_json: bool) -> None:
    """Take in a run that `export` wrote, here or elsewhere."""
    raw = _read(file)
    media = MEDIA.get(raw[:2])
    if media is None:
        raise stop(f"{file} is neither a .zip nor an .html that `export` wrote")
    answer = ask(
        settings,
        lambda client: client.put_file("/api/import", raw, media),
        lambda runtime: runtime.take_in(raw),
    )
    if as_json:
        write_json(answer)
        return
    click.echo(f"{answer['run_id']}  imported from {answer['imported_from']}")
    if answer["missing"]:
        click.echo(f"cannot be replayed --pinned; not here: {', '.join(answer['missing'])}")


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST:
            raise stop(f"{file} has {file.stat().st_size} bytes, at most {MOST} are taken")
        return file.read_bytes()
    except OSError as error:
        raise stop(f"cannot read {file}: {error.strerror}") from None
