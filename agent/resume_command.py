"""``resume``: go on with a run that a crash cut, as a new run."""

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from agent.commands import wait_for
from agent.options import json_option, json_value, place, stop
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.resumes import Unknown


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
    wait_for(
        settings,
        (f"/api/runs/{quote(run_id, safe='')}/resume", {"unknown": unknown, "result": returned}),
        lambda runtime: runtime.resume(run_id, unknown=unknown, result=returned),
        None,
        as_json=as_json,
    )
