"""How commands print: a table for people, JSON alone for programs."""

import sys
from collections.abc import Sequence

import msgspec

from agent.core.json import Json


def write_json(value: Json) -> None:
    """Print ``value`` as indented JSON on stdout."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under ``head``; every cell is text, none is markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in head:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(shown)
