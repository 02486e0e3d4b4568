"""What commands share: the settings, the common options, the way to say why not."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from agent.core.json import Json
from agent.settings import BadSettings, Loaded, load

F = TypeVar("F", bound=Callable[..., object])


def stop(message: str) -> "click.exceptions.Exit":
    """Tell what went wrong on stderr and end with 2."""
    click.echo(f"framescope: {message}", err=True)
    return click.exceptions.Exit(2)


def settings_of(**overrides: object) -> Loaded:
    """Read the settings, command line first."""
    try:
        loaded = load(overrides, os.environ, Path.cwd())
    except BadSettings as error:
        raise stop(str(error)) from None
    for note in loaded.notes:
        click.echo(f"framescope: note: {note}", err=True)
    return loaded


def place(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--data-dir`` and ``--workspace``; the command is given ``settings``."""

    @click.option("--data-dir", help="Data folder (default: data).")
    @click.option("--workspace", help="Folder with your own graphs, nodes and prompts.")
    @wraps(command)
    def placed(data_dir: str | None, workspace: str | None, **rest: object) -> None:
        loaded = settings_of(data_dir=data_dir, workspace=workspace)
        command(settings=loaded.settings, **rest)

    return placed


def in_channel(command: F) -> F:
    """Add ``--channel``."""
    return click.option("--channel", default="main", show_default=True)(command)


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON alone on stdout.")(command)


def json_value(option: str, text: str | None) -> Json:
    """Return what ``text``, the value of ``option``, says; ``None`` when it was not given."""
    try:
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise stop(f"{option}: expected JSON, got {text!r} ({error})") from None
