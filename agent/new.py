"""``new``: a folder with a small agent that runs, to begin from.

The examples are package data under ``agent/examples``. An example's own name stands, in its files
and in their names, wherever the new agent's name goes.
"""

import shlex
from pathlib import Path

import click

from agent.core.ids import is_name
from agent.options import stop

EXAMPLES = Path(__file__).resolve().parent / "examples"
HIDDEN = {"gitignore": ".gitignore"}
"""Files whose names would mean something inside of the package."""


def names() -> list[str]:
    """Return the examples there are."""
    return sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--example", default="starter", show_default=True, type=click.Choice(names()),
    help="What to begin from.",
)  # fmt: skip
def new(name: str, example: str) -> None:
    """Make a folder with an agent of your own that runs; NAME may be a path."""
    folder = Path(name).expanduser()
    agent = folder.name
    if not is_name(agent):
        raise stop(
            f"{agent!r:.80} is not a name; expected letters, digits, '.', '_' or '-', at most 64, "
            "beginning with a letter or digit"
        )
    try:
        written = make(folder, EXAMPLES / example, agent)
    except OSError as error:
        raise stop(f"cannot write to {folder}: {error.strerror}") from None
    for path in written:
        click.echo(f"  {path}")
    where, graph = shlex.quote(str(folder)), shlex.quote(agent)
    click.echo(f"\nStart it:  python3 run.py --workspace {where} --graph {graph}")


def make(folder: Path, example: Path, name: str) -> list[Path]:
    """Copy ``example`` to ``folder`` under its new name; return the files.

    Raises:
        Exit: the folder is there and holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise stop(f"{folder} is there and not empty; take another name, or empty it")
    sources = [path for path in sorted(example.rglob("*")) if _counts(path)]
    return [_copy(path, folder / _named(path.relative_to(example), example, name), example, name)
            for path in sources]  # fmt: skip


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _named(path: Path, example: Path, name: str) -> Path:
    file = HIDDEN.get(path.name, path.name.replace(example.name, name))
    return path.with_name(file)


def _copy(source: Path, target: Path, example: Path, name: str) -> Path:
    text = source.read_text("utf-8").replace(example.name, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    return target
