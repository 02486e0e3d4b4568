"""``test-from``: a recorded run becomes a case that can be read, and a cassette beside it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import msgspec

from agent.commands import ask
from agent.core.json import Json
from agent.options import json_option, place, stop
from agent.reports import table, write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

SLUG_CHARS = 40


@click.command("test-from")
@click.argument("run_id")
@click.option("--out", type=click.Path(path_type=Path), help="The case's file, NAME.md.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@place
@json_option
def test_from(
    run_id: str, out: Path | None, settings: Settings, *, force: bool, as_json: bool
) -> None:
    """Make a test of a recorded run: a markdown case and its cassette."""
    name = _cassette(out) if out else "test.cassette.json"

    async def direct(runtime: "Runtime") -> Json:
        return await runtime.case_of(run_id, name)

    where = f"/api/traces/{quote(run_id, safe='')}/test"
    made = ask(settings, lambda client: client.post(where, {"cassette": name}), direct)
    file = out or _place(settings, made)
    text = made["case"].replace(name, _cassette(file), 1)
    cassette = file.parent / _cassette(file)
    _write({file: text.encode(), cassette: msgspec.json.encode(made["cassette"])}, force=force)
    answer = {"file": str(file), "cassette": str(cassette), "checks": made["checks"]}
    if as_json:
        write_json(answer)
        return
    click.echo(f"{file} and {cassette.name}; try it: python3 run.py suite {file}")
    table(("line", "check", "seen when"), [_row(proof) for proof in made["checks"]])


def _cassette(file: Path) -> str:
    """Return the name of a case's cassette."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem).lstrip("_.-")[:100]
    return f"{stem or 'test'}.cassette.json"


def _place(settings: Settings, made: Json) -> Path:
    """Return where a case goes that nobody named a file for: its number and what was said."""
    run = made["cassette"]["run"]
    said = re.sub(r"[^a-z0-9]+", "-", run["text"].lower()).strip("-")[:SLUG_CHARS].strip("-")
    folder = (settings.workspace or Path()) / "testcases"
    return folder / f"run-{run['n']}{'-' if said else ''}{said}.md"


def _write(files: dict[Path, bytes], *, force: bool) -> None:
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise stop(f"{' and '.join(there)}: already there; take --out NAME.md or --force")
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise stop(f"cannot write {path}: {error.strerror}; take --out NAME.md") from None


def _row(proof: Json) -> tuple[str, ...]:
    seen = ", ".join(proof["fails_on"]) or "never: vacuous, left out"
    return (str(proof["line"] or "—"), proof["check"], seen)
