"""``resume``: go on with a run that a crash cut, as a new run."""

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import click

from agent.commands import ask, end_with, hear
from agent.core.json import Json
from agent.options import json_option, json_value, place, stop
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.client import Client
    from agent.runtime.resumes import Unknown
    from agent.runtime.runtime import Runtime


@click.command()
@click.argument("run_id")
@click.option(
    "--unknown",
    type=click.Choice(["run", "done", "fail"]),
    help="What a write is that was cut off: do it again, take it as done, or as failed.",
)
@click.option("--result", help="What a write that was done returned, as JSON.")
@place
@json_option
def resume(
    run_id: str,
    unknown: "Unknown | None",
    result: str | None,
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    """Go on with an interrupted run, wait, and print the answer."""
    if result is not None and unknown != "done":
        raise stop("--result is what a write returned: it goes with --unknown done")
    returned = json_value("--result", result)

    async def direct(runtime: "Runtime") -> Json:
        run = await runtime.resume(run_id, unknown=unknown, result=returned)
        await runtime.finished(run)
        return await runtime.result(run.run_id, run.channel)

    def through(client: "Client") -> Json:
        body = {"unknown": unknown, "result": returned}
        name = client.post(f"/api/runs/{quote(run_id, safe='')}/resume", body)["run_id"]
        return client.follow(f"/api/result?{urlencode({'id': name})}", hear)

    end_with(ask(settings, through, direct), as_json=as_json)
