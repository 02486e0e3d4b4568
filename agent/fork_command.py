"""``fork``: what would have come of a run, had something been another; the price is told first."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import msgspec

from agent.client import Client
from agent.commands import ask
from agent.core.json import Json
from agent.options import json_option, place, stop
from agent.reports import table, write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

EFFECT = r"\d+\.[^.=]+\.\d+\.(?:[^/=]+/)?\d+"
SET = re.compile(
    rf"(?P<target>[a-z_]+)(?::(?P<where>{EFFECT}|[\w.-]+))?(?P<path>/[^=]*)?=(?P<value>.*)",
    re.DOTALL,
)
WHERE = {"prompt": "path", "tool_result": "effect"}
"""What stands behind the colon; a node where nothing else is said."""
HELP = """\
What is another: prompt:NAME=TEXT, model[:NODE]=ID, params[:NODE]/temperature=N,
tool_result:EFFECT[/POINTER]=JSON, memory/POINTER=JSON, envelope[:NODE]/POINTER=JSON.
@FILE reads the value from a file."""


@click.command()
@click.argument("run_id")
@click.option("--frame", default=1, show_default=True, type=click.IntRange(1))
@click.option("--set", "changes", multiple=True, metavar="TARGET=VALUE", help=HELP)
@click.option("--dry-run", is_flag=True, help="Only tell what it would come to.")
@click.option("--post", is_flag=True, help="Run the nodes after the answer, too.")
@click.option("--confirm", is_flag=True, help="Tools that write may be called.")
@place
@json_option
def fork(
    run_id: str, changes: tuple[str, ...], settings: Settings, *, as_json: bool, **how: Json
) -> None:
    """Go on from a frame of a run with something changed; only what must is done again.

    Without --set: the current graph, prompts and nodes against the recording, which is how a saved
    prompt or node is tried on the last message. 0 done, 1 the fork ended in an error.
    """
    body: dict[str, Json] = {**how, "edits": [edit_of(text) for text in changes]}
    if not how["dry_run"]:
        guess = _fork(settings, run_id, {**body, "dry_run": True})
        click.echo(told(guess), err=True)
        if guess["writes"] and not how["confirm"]:
            names = ", ".join(one["tool"] for one in guess["writes"])
            raise stop(
                f"it would call tools that write: {names}; add --confirm to have them called"
            )
    answer = _fork(settings, run_id, body)
    if as_json:
        write_json(answer)
    else:
        _tell(answer, run_id)
    sys.exit(0 if answer["status"] in ("", "done") else 1)


def _fork(settings: Settings, run_id: str, body: dict[str, Json]) -> Json:
    async def direct(runtime: "Runtime") -> Json:
        from agent.runtime.forks import Wish

        return await runtime.fork(run_id, msgspec.convert(body, Wish))

    def through(client: Client) -> Json:
        return client.post(f"/api/traces/{quote(run_id, safe='')}/fork", body)

    return ask(settings, through, direct)


def edit_of(text: str) -> Json:
    """Read one ``--set``."""
    found = SET.fullmatch(text)
    if found is None:
        raise stop(f"--set {text!r:.80}: expected TARGET=VALUE; fork --help tells the targets")
    target, where = found["target"], found["where"]
    edit: dict[str, Json] = {"target": target, "value": _value(target, found["value"])}
    if found["path"]:
        edit["path"] = found["path"]
    if where:
        edit[WHERE.get(target, "node")] = where
    return edit


def _value(target: str, text: str) -> Json:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise stop(f"--set {target}: cannot read {text[1:]}: {error}") from None
    if target in ("prompt", "model"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def told(account: Json) -> str:
    """Say what a fork comes to in one line."""
    dirty, cost = len(account["dirty"]), account["cost"]
    price = "price unknown" if cost is None else f"${cost:.4f}"
    calls = f"{account['model_calls']} model call{'' if account['model_calls'] == 1 else 's'}"
    return f"{dirty} of {dirty + account['reused']} node visits dirty, {calls}, {price}"


def _tell(answer: Json, run_id: str) -> None:
    click.echo(f"{answer['run_id'] or 'dry run'}  {answer['status']}  {told(answer)}")
    rows = [(str(one["frame"]), one["node"], one["why"]) for one in answer["dirty"]]
    if rows:
        table(("frame", "node", "why"), rows)
    for one in answer["writes"]:
        click.echo(f"writes: {one['tool']} (frame {one['frame']}, {one['node']})")
    if answer["run_id"]:
        click.echo(f"compare: python3 run.py diff {run_id} {answer['run_id']}")
