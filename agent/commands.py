"""The commands about runs: through the running server, or straight on the data folder."""

import asyncio
import difflib
import re
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, urlencode

import click
import msgspec

from agent import lease
from agent.client import Client
from agent.core.errors import AgentError
from agent.core.json import Json
from agent.options import in_channel, json_option, place, stop
from agent.reports import table, write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.core.runs import Run
    from agent.runtime.runtime import Runtime

Direct = Callable[["Runtime"], Awaitable[Json]]


def ask(settings: Settings, through: Callable[[Client], Json], direct: Direct) -> Json:
    """Ask the running server, or open the data folder when none runs."""
    try:
        server = lease.running(settings.data_dir)
        if server is not None:
            return through(Client(server))
        if not settings.data_dir.exists():
            raise stop(f"{settings.data_dir} does not exist; start once: python3 run.py")
        return asyncio.run(_directly(settings, direct))
    except lease.Taken as error:
        raise stop(f"{error}; try again in a moment") from None
    except AgentError as error:
        raise stop(str(error)) from None


async def _directly(settings: Settings, work: Direct) -> Json:
    from agent.app import open_runtime

    held = lease.Lease(settings.data_dir)
    try:
        async with open_runtime(settings) as opened:
            found = await work(opened.runtime)
            return (
                found
                if isinstance(found, bytes)
                else msgspec.json.decode(msgspec.json.encode(found))
            )
    finally:
        held.release()


@click.command()
@click.argument("text")
@in_channel
@place
@json_option
def send(text: str, channel: str, settings: Settings, *, as_json: bool) -> None:
    """Send a message, wait, and print the answer."""
    body = {"text": text, "channel": channel, "queue": True}
    wait_for(
        settings,
        ("/api/send", body),
        lambda runtime: runtime.send(text, channel=channel),
        channel,
        as_json=as_json,
    )


def wait_for(
    settings: Settings,
    asked: tuple[str, Json],
    direct: Callable[["Runtime"], Awaitable["Run"]],
    channel: str | None,
    *,
    as_json: bool,
) -> NoReturn:
    """Have a run begin, wait for it, and print its answer; 0 when it is done.

    Args:
        settings: which data folder.
        asked: path and body that have the server begin it.
        direct: begins it where no server runs.
        channel: where it is; ``None`` where another run decides that.
        as_json: JSON alone on stdout.
    """

    async def directly(runtime: "Runtime") -> Json:
        run = await direct(runtime)
        await runtime.finished(run)
        return await runtime.result(run.run_id, run.channel)

    def through(client: Client) -> Json:
        query = {"id": client.post(*asked)["run_id"], **({"channel": channel} if channel else {})}
        return client.follow(f"/api/result?{urlencode(query)}", _hear)

    answer = ask(settings, through, directly)
    if as_json:
        write_json(answer)
    else:
        click.echo(answer.get("response") or answer.get("detail", ""))
    sys.exit(0 if answer["status"] == "done" else 1)


def _hear(status: str) -> None:
    """Say on stderr why the answer does not come."""
    if status == "paused":
        click.echo("framescope: it is held; look and go on: python3 run.py debug", err=True)


@click.command()
@click.argument("name")
@click.option("--when", type=click.Choice(["now", "after", "cancel"]), default="now")
@in_channel
@place
@json_option
def switch(name: str, when: str, channel: str, settings: Settings, *, as_json: bool) -> None:
    """Make another graph active."""

    async def direct(runtime: "Runtime") -> Json:
        return await runtime.switch_graph(name, "now", channel)

    body = {"name": name, "when": when, "channel": channel}
    answer = ask(settings, lambda client: client.post("/api/graph/switch", body), direct)
    if as_json:
        write_json(answer)
    else:
        click.echo(f"{answer['name']} is active")


@click.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@place
@click.option("--search", metavar="Q", help="Only these: words, or KEY:VALUE as on the page.")
@json_option
def runs(limit: int, search: str | None, settings: Settings, *, as_json: bool) -> None:
    """List the newest runs, or those that a search finds, however old."""
    if search:
        found = _search(settings, search, limit)
        if as_json:
            write_json(found)
        else:
            table(_RUN_HEAD, [_trace_row(trace) for trace in found["traces"]])
        return
    answer = ask(
        settings,
        lambda client: client.get(f"/api/runs?limit={limit}"),
        lambda runtime: runtime.runs(limit=limit),
    )
    if as_json:
        write_json(answer)
        return
    table(_RUN_HEAD, [_run_row(run) for run in answer["runs"]])


def _search(settings: Settings, q: str, limit: int) -> Json:
    """Search on until ``limit`` runs are found, or none is left: one request reads only so many."""
    found: list[Json] = []
    before: str | None = None
    while True:
        answer = _page(settings, q, limit - len(found), before)
        found += answer["traces"]
        before = answer["next"]
        if before is None or len(found) == limit:
            return {"traces": found, "next": before}


def _page(settings: Settings, q: str, limit: int, before: str | None) -> Json:
    query = urlencode({"q": q, "limit": limit, **({"before": before} if before else {})})
    return ask(
        settings,
        lambda client: client.get(f"/api/traces?{query}"),
        lambda runtime: runtime.traces(q=q, limit=limit, before=before),
    )


_RUN_HEAD = ("run", "kind", "status", "path", "frames", "message")


def _trace_row(trace: Json) -> tuple[str, ...]:
    return _run_row({**trace, "status": trace["outcome"], "text": trace["message"]})


def _run_row(run: Json) -> tuple[str, ...]:
    return (
        run["run_id"],
        run.get("kind", "message"),
        run["status"],
        run.get("path", ""),
        str(run.get("total_frames", "—")),
        run["text"][:60].replace("\n", " "),
    )


@click.command()
@click.argument("run_id", required=False)
@click.option("--last", default=5, show_default=True, type=click.IntRange(1, 100))
@place
@json_option
def frames(run_id: str | None, last: int, settings: Settings, *, as_json: bool) -> None:
    """Show the frames of a run, or of the last ones."""
    query = urlencode({"last": last, **({"run": run_id} if run_id else {})})
    answer = ask(
        settings,
        lambda client: client.get(f"/api/frames?{query}"),
        lambda runtime: runtime.frames(last, run_id),
    )
    if as_json:
        write_json(answer)
        return
    for trace in answer["traces"]:
        took = f"{trace['total_ms']} ms"
        click.echo(f"{trace['run_id']}  {trace['path']}  {took}  {trace['message']}")
        rows = [_frame_row(row) for row in (*trace["frames"], *trace["post_frames"])]
        table(("frame", "node", "ms", "route", "output"), rows)


def _frame_row(row: Json) -> tuple[str, ...]:
    output = row["error"] or row["output"]
    return (
        str(row["frame"]),
        row["node"],
        str(row["duration_ms"]),
        row["route"],
        output[:80].replace("\n", " "),
    )


@click.command()
@click.argument("run_id")
@click.option("--pinned", is_flag=True, help="With the trace's own graph, prompts and nodes.")
@place
@json_option
def replay(run_id: str, settings: Settings, *, pinned: bool, as_json: bool) -> None:
    """Run a recorded run again, sealed; 0 exact, 1 diverged."""
    verdict = ask(
        settings,
        lambda client: client.post(
            f"/api/traces/{quote(run_id, safe='')}/replay", {"pinned": pinned}
        ),
        lambda runtime: runtime.replay(run_id, pinned=pinned),
    )
    if as_json:
        write_json(verdict)
    else:
        _tell(verdict)
    sys.exit(0 if verdict["verdict"] == "exact" else 1)


@click.command()
@click.argument("run_id")
@place
@json_option
def cancel(run_id: str, settings: Settings, *, as_json: bool) -> None:
    """Cancel a run at work, also a fork, a replay or a case; 0 it is cancelled, 1 it had ended."""
    name = quote(run_id, safe="")

    async def direct(runtime: "Runtime") -> Json:
        run = await runtime.cancel(run_id)
        return {"run_id": run.run_id, "status": run.status}

    answer = ask(settings, lambda client: client.post(f"/api/runs/{name}/cancel", {}), direct)
    if as_json:
        write_json(answer)
    else:
        click.echo(f"{answer['run_id']}  {answer['status']}")
    sys.exit(0 if answer["status"] == "cancelled" else 1)


def _tell(verdict: Json) -> None:
    click.echo(f"{verdict['verdict']} {verdict['matched']}/{verdict['total']}")
    if verdict["changed_revisions"]:
        click.echo(f"changed since: {', '.join(verdict['changed_revisions'])}")
    found = verdict["divergence"]
    if found is not None:
        click.echo(f"first divergence: frame {found['frame']}, {found['node']}, {found['field']}")
        click.echo(word_diff(found["expected"], found["got"]))


def word_diff(expected: str, got: str) -> str:
    """Mark the words that differ: ``[-recorded-]`` and ``{+now+}``."""
    old, new = _words(expected, got)
    parts: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            same = old[a:b]
            parts += same if len(same) <= 12 else [*same[:5], "…", *same[-5:]]
            continue
        parts += [f"[-{' '.join(old[a:b])}-]"] if a < b else []
        parts += [f"{{+{' '.join(new[c:d])}+}}"] if c < d else []
    return " ".join(parts)


def _words(expected: str, got: str) -> tuple[list[str], list[str]]:
    old, new = expected.split(), got.split()
    if old != new or expected == got:
        return old, new
    return _spelt(expected), _spelt(got)


def _spelt(text: str) -> list[str]:
    """Return words, and the white space between them that is more than one space, spelt out."""
    parts = re.findall(r"\S+|\s{2,}|[^\S ]|\A | \Z", text)
    return [repr(part) if part.isspace() else part for part in parts]


COMMANDS: tuple[click.Command, ...] = (send, switch, runs, frames, replay, cancel)
