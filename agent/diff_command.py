"""``diff``: two runs side by side, told shortly."""

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click
import msgspec

from agent.commands import ask
from agent.core.json import Json
from agent.options import json_option, place
from agent.reports import table, write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

MARKS = {"-": "[-{}-]", "+": "{{+{}+}}", "=": "{}"}
SHOWN = 400


@click.command()
@click.argument("left")
@click.argument("right")
@place
@json_option
def diff(left: str, right: str, settings: Settings, *, as_json: bool) -> None:
    """Compare two runs: where they first part, and why; 0 identical, 1 different."""

    async def direct(runtime: "Runtime") -> Json:
        return msgspec.Raw(await runtime.diff(left, right))

    query = urlencode({"left": left, "right": right})
    found = ask(settings, lambda client: client.get(f"/api/diff?{query}"), direct)
    if as_json:
        write_json(found)
    else:
        _tell(found)
    sys.exit(0 if found["identical"] else 1)


def _tell(found: Json) -> None:
    first = found["first_divergence"]
    if first is None:
        click.echo("identical")
    else:
        click.echo(f"first divergence: frame {first['frame']}, {first['node']}, {first['field']}")
        click.echo(f"cause: {found['cause'] or 'they began with something else'}")
        for line in _words(found, first):
            click.echo(line)
    rows = [_row(row) for row in found["frames"] if row["band"] != "same"]
    if rows:
        table(("frame", "node", "", "ms", "differs in"), rows)
    deltas = found["deltas"]
    click.echo(f"tokens {_signed(deltas['tokens'])}, ms {_signed(deltas['ms'])}, "
               f"cost {_signed(deltas['cost'])}")  # fmt: skip


def _words(found: Json, first: Json) -> list[str]:
    """Mark the words that differ: ``[-left-]`` and ``{+right+}``."""
    spots = [spot for row in found["frames"] for spot in row["differences"]]
    spot = next((spot for spot in spots if spot["field"] == first["field"]), None)
    if spot is not None and spot["words"]:
        return ["".join(MARKS[op].format(text[:SHOWN]) for op, text in spot["words"])]
    return [f"[-{first['left'][:SHOWN]}-]", f"{{+{first['right'][:SHOWN]}+}}"]


def _row(row: Json) -> tuple[str, ...]:
    left, right = ("—" if ms is None else f"{ms:.1f}" for ms in row["ms"])
    fields = ", ".join(spot["field"] for spot in row["differences"][:3])
    return (str(row["frame"]), row["node"], row["band"], f"{left} → {right}", fields)


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+g}"
