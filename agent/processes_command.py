"""``python3 run.py processes``: tool calls of the running server, and how to stop one."""

from collections.abc import Callable

import click

from agent.client import Client
from agent.core.errors import AgentError
from agent.core.json import Json
from agent.options import json_option, place, stop
from agent.reports import table, write_json
from agent.settings import Settings


@click.group(invoke_without_command=True)
@place
@json_option
@click.pass_context
def processes(ctx: click.Context, settings: Settings, *, as_json: bool) -> None:
    """List tool calls of the running server, those at work first."""
    if ctx.invoked_subcommand is not None:
        return
    found = _asked(settings, lambda client: client.get("/api/processes"))["processes"]
    if as_json:
        write_json({"processes": found})
    else:
        table(("pid", "tool", "status", "last line"), [_row(row) for row in found])


@processes.command()
@click.argument("pid")
@place
@json_option
def cancel(pid: str, settings: Settings, *, as_json: bool) -> None:
    """Stop one tool call; its run goes on."""
    told = _asked(settings, lambda client: client.post("/api/processes/cancel", {"pid": pid}))
    if as_json:
        write_json(told)
    elif told["ended"] is None:
        click.echo(f"{pid} was told to stop")
    else:
        click.echo(f"{pid} has ended: {told['status']}")


def _asked(settings: Settings, ask: Callable[[Client], Json]) -> Json:
    try:
        return ask(Client.running(settings.data_dir))
    except AgentError as error:
        raise stop(str(error)) from None


def _row(process: Json) -> tuple[str, ...]:
    last = process["lines"][-1] if process["lines"] else ""
    return (process["pid"], process["tool"], process["status"], last)
