"""``suite``: run markdown suites against a server that is told, found, or started for the purpose.

A private server has a folder of its own that is gone afterwards. Standard output holds the summary,
or with ``--json -`` the JSON alone; everything else goes to stderr.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click
import msgspec

from agent import lease
from agent.cases.errors import BadSuite, SuiteError
from agent.cases.parse import load
from agent.cases.suite import Suite
from agent.core.errors import AgentError
from agent.core.ids import MAIN, is_name
from agent.core.json import Json
from agent.options import place, stop
from agent.settings import Settings
from agent.suite.door import Door
from agent.suite.errors import CannotRun
from agent.suite.results import Result, document
from agent.suite.run import Plan, run

PAUSE_S = 0.05
START_S = 60.0
"""Until a private server must have said where it is."""
END_S = 15.0
WATCH_S = 0.25
RESULTS = "results.json"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is."""

    url: str
    token: str


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Where the results go beside the terminal."""

    junit: Path | None
    json: str | None
    """A file, or ``-`` for stdout."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", help="A server elsewhere (default: the data folder's, or a private one).")
@click.option("--token", default="", help="Its token.")
@click.option("--graph", default="", help="Run on this graph whatever the file says.")
@click.option("--channel", help="Talk in this channel, such as main (default: one of its own).")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1, 1000))
@click.option("--parallel", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--mode",
    default="replay",
    show_default=True,
    type=click.Choice(["replay", "hybrid", "live"]),
    help="Who answers the effects of a case with a cassette.",
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds a step may take.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML to this file.")
@click.option("--json", "as_json", help="Write JSON to this file; - for stdout.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes.")
@place
def suite(
    files: tuple[Path, ...],
    url: str | None,
    token: str,
    graph: str,
    channel: str | None,
    repeat: int,
    parallel: int,
    mode: str,
    timeout: float,
    junit: Path | None,
    as_json: str | None,
    settings: Settings,
    *,
    watch: bool,
) -> None:
    """Run markdown suites; 0 all passed, 1 some failed, 2 could not run."""
    _check(channel, parallel=parallel, timeout_s=timeout)
    plan = Plan(
        channel=channel or f"suite-{os.getpid()}",
        own=channel is None,
        graph=graph,
        repeat=repeat,
        parallel=parallel,
        timeout_s=timeout,
        mode=mode,
    )
    output = Output(junit=junit, json=as_json)
    try:
        if not watch:
            for file in files:
                load(file)  # what cannot be read is told before a server is started
        with _server(url, token, settings) as target:
            work = _watched if watch else _once
            code = work(files, target, plan, output)
    except (AgentError, SuiteError) as error:
        raise stop(str(error)) from None
    sys.exit(code)


def _check(channel: str | None, *, parallel: int, timeout_s: float) -> None:
    if timeout_s <= 0:
        raise stop(f"--timeout: expected seconds above 0, got {timeout_s:g}")
    if channel is None:
        return
    if not is_name(channel):
        raise stop(f"--channel: expected a name such as {MAIN}, got {channel!r:.80}")
    if parallel > 1:
        raise stop("--parallel needs channels of its own; leave out --channel or --parallel")


def _once(files: tuple[Path, ...], target: Target, plan: Plan, output: Output) -> int:
    """Run the suites once and return the exit code."""
    from agent.suite import junit, report

    suites = [load(file) for file in files]
    begun = time.monotonic()
    total = sum(suite.checks for suite in suites) * plan.repeat
    with report.Live(total) as live:
        results = asyncio.run(_run(suites, target, plan, live))
    took_ms = (time.monotonic() - begun) * 1000
    found = document(results, took_ms)
    text = msgspec.json.format(msgspec.json.encode(found), indent=2)
    if output.junit:
        _write(output.junit, junit.junit(results))
    if output.json == "-":
        sys.stdout.write(text.decode() + "\n")
    else:
        click.echo(report.summary(results, took_ms))
        if output.json:
            _write(Path(output.json), text + b"\n")
    _keep(files[0], text)
    return 1 if found["failed"] else 0


async def _run(suites: list[Suite], target: Target, plan: Plan, live: Json) -> list[Result]:
    async with Door.open(target.url, target.token) as door:
        return await run(door, suites, plan, live.show)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotRun(f"cannot write {path}: {error.strerror}; name another file") from None


def _keep(first: Path, text: bytes) -> None:
    """Write the record beside the suites, where they are in a ``testcases`` that can be written."""
    folder = first.resolve().parent
    if folder.name == "testcases":
        with suppress(OSError):
            (folder / RESULTS).write_bytes(text + b"\n")


def _watched(files: tuple[Path, ...], target: Target, plan: Plan, output: Output) -> int:
    """Run at every change until interrupted; return the last exit code."""
    code = 2
    with suppress(KeyboardInterrupt):
        while True:
            seen = _times(files)
            try:
                code = _once(files, target, plan, output)
            except BadSuite as error:
                click.echo(str(error), err=True)
                code = 2
            click.echo("waiting for a change; Ctrl-C ends", err=True)
            while _times(files) == seen:
                time.sleep(WATCH_S)
    return code


def _times(files: tuple[Path, ...]) -> list[int]:
    return [file.stat().st_mtime_ns if file.exists() else 0 for file in files]


# The server


@contextmanager
def _server(url: str | None, token: str, settings: Settings) -> Generator[Target]:
    """Give the server that is told, the data folder's, or a private one until the end."""
    found = None if url else lease.running(settings.data_dir)
    if url:
        yield Target(url=url, token=token)
    elif found is not None:
        yield Target(url=found.url, token=found.token)
    else:
        with tempfile.TemporaryDirectory(prefix="framescope-suite-") as folder:
            yield from _private(Path(folder), settings)


def _private(folder: Path, settings: Settings) -> Generator[Target]:
    click.echo("no server runs here: starting a private one", err=True)
    log = folder / "log"
    command = [sys.executable, "-P", "-m", "agent", "serve", "--no-browser", "--port", "0"]
    command += ["--data-dir", str(folder / "data")]
    if settings.workspace is not None:
        command += ["--workspace", str(settings.workspace)]
    signal.signal(signal.SIGTERM, _leave)
    with log.open("wb") as told:
        process = subprocess.Popen(command, env=_environment(), stdout=told, stderr=told)  # noqa: S603 - our own program
    try:
        server = _started(process, folder / "data", log)
        yield Target(url=server.url, token=server.token)
    finally:
        _end(process)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End by way of every ``finally``, so that the private server ends, too."""
    sys.exit(2)


def _environment() -> dict[str, str]:
    """Return our own, in which this very program is found."""
    paths = (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _started(process: subprocess.Popen[bytes], data: Path, log: Path) -> lease.Server:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        server = lease.running(data) if data.exists() else None
        if server is not None:
            return server
        time.sleep(PAUSE_S)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise CannotRun("the private server did not start: " + " / ".join(last or ["it said nothing"]))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
