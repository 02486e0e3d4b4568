"""The command line. A command finds the running server through the data folder, or works on it.

Exit codes: 0 fine, 1 the answer is no, 2 could not run (with what to do next on stderr).
"""

import asyncio
import errno
import sys
from pathlib import Path

import click

from agent import __version__
from agent.archive_commands import export, take_in
from agent.case_command import test_from
from agent.channel_commands import CHANNEL_COMMANDS
from agent.commands import COMMANDS
from agent.debug_command import debug
from agent.diff_command import diff
from agent.fork_command import fork
from agent.new import new
from agent.options import json_option, place, settings_of, stop
from agent.processes_command import processes
from agent.resume_command import resume
from agent.settings import SETTINGS, Settings
from agent.suite_command import suite

DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
WRITE = "free some space there, allow this user to write, or use another --data-dir"
HELP = {"help_option_names": ["-h", "--help"]}


class Commands(click.Group):
    """The commands; options without a command are those of ``serve``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``serve`` in front where no command is named."""
        own = {"-h", "--help", "--version"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="framescope")
def main() -> None:
    """Framescope: a debug runtime for LLM agents. Without a command: serve."""


def _others() -> str:
    """List the settings that are no option of ``serve``."""
    rows = [f"  {row.env:<24}{row.about.help}" for row in SETTINGS if not row.about.flag]
    return "\b\nAlso settings, as variables or in agent.toml:\n" + "\n".join(rows)


@main.command(epilog=_others())
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", help="Port; 0 lets the system choose (default 8000).")
@click.option("--data-dir", help="Data folder (default: data).")
@click.option("--graph", help="Graph that a new data folder begins with (default v4-eras).")
@click.option("--workspace", help="Folder with your own graphs, nodes and prompts.")
@click.option("--token", help="Token of programs (default: a random one in the data folder).")
@click.option("--no-auth", "auth", flag_value="false", help="No authentication; loopback only.")
@click.option("--no-browser", "browser", flag_value="false", help="Do not open the page.")
@click.option("--log-level", help="debug, info, warning or error (default info).")
def serve(**options: str | None) -> None:
    """Start the server (the default command). All settings: `config`."""
    from agent import lease
    from agent.core.errors import AgentError
    from agent.serve import log_to_stderr, serve as run

    settings = settings_of(**options).settings
    log_to_stderr(settings.log_level)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        held = lease.Lease(settings.data_dir)
    except OSError as error:
        raise stop(f"{_written(error, settings)}; {WRITE}") from None
    except lease.Taken as error:
        raise stop(f"{error}; `open` prints its link, --data-dir takes another folder") from None
    try:
        asyncio.run(run(settings, held))
    except OSError as error:
        if error.filename or error.errno in DISK:
            raise stop(f"{_written(error, settings)}; {WRITE}") from None
        where = f"{settings.host}:{settings.port}"
        raise stop(f"cannot listen on {where}: {error.strerror}; try --port 0") from None
    except AgentError as error:
        raise stop(str(error)) from None
    finally:
        held.release()


def _written(error: OSError, settings: Settings) -> str:
    return f"cannot write {error.filename or settings.data_dir}: {error.strerror}"


@main.command("open")
@place
def open_page(settings: Settings) -> None:
    """Print a fresh launch link of the running server."""
    from agent.client import Client
    from agent.core.errors import AgentError

    try:
        click.echo(Client.running(settings.data_dir).post("/auth/launch-code", {})["url"])
    except AgentError as error:
        raise stop(str(error)) from None


@main.command()
@click.option("--data-dir", help="Data folder (default: data).")
@json_option
def config(data_dir: str | None, *, as_json: bool) -> None:
    """Print every setting, its value and where that came from."""
    from agent.reports import table, write_json

    loaded = settings_of(data_dir=data_dir)
    rows = loaded.rows()
    if as_json:
        write_json([{"name": r.name, "value": r.value, "source": r.source} for r in rows])
    else:
        table(("setting", "value", "source"), [(r.name, r.value, r.source) for r in rows])
        _offer(loaded.settings)


def _offer(settings: Settings) -> None:
    """Tell of model servers on this machine, while the built-in model answers."""
    import time

    from agent.adapters.models.discovery import Discovery

    if settings.llm_base_url or not settings.llm_discover:
        return
    found = asyncio.run(Discovery(time.monotonic, own_port=settings.port).offers())
    for offer in found:
        click.echo(f"\n{offer.name} answers at {offer.base_url}; to use it:\n  {offer.use}")


@main.command("demo-data")
@click.option("--to", "url", required=True, help="A database of MariaDB, MySQL or PostgreSQL.")
@click.option("--replace", is_flag=True, help="Drop tables of the same names first.")
def demo_data(url: str, *, replace: bool) -> None:
    """Write the demo data to a database server."""
    from agent.adapters.sql.demo_servers import NotWritten, write_demo
    from agent.settings.databases import EXPECTED, masked, read_url

    try:
        target = read_url(url, Path.cwd())
    except ValueError:
        raise stop(f"--to: expected {EXPECTED}, got {masked(url)!r}") from None
    if target.startswith("sqlite"):
        raise stop("--to: the demo data is a SQLite file already: eras.db in the data folder")
    try:
        write_demo(target, replace=replace)
    except NotWritten as error:
        raise stop(f"{masked(target)}: {error}") from None
    click.echo(f"written to {masked(target)}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run all checks and tests; further arguments go to pytest."""
    from agent import devtools

    sys.exit(devtools.test(list(arguments)))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure; prints JSON with ratios to a floor measured in the same run."""
    from agent import devtools

    sys.exit(devtools.bench(list(arguments)))


@main.command()
def check() -> None:
    """Run formatting, lint, layers, types and generated files."""
    from agent import devtools

    sys.exit(devtools.check())


@main.command()
@click.option("--check", "only_check", is_flag=True, help="Fail when a file is out of date.")
def generate(*, only_check: bool) -> None:
    """Write the files that are made from the code."""
    from agent import generate as files

    sys.exit(files.main(only_check))


for _command in (
    *COMMANDS,
    *CHANNEL_COMMANDS,
    debug,
    diff,
    export,
    fork,
    new,
    processes,
    resume,
    suite,
    take_in,
    test_from,
):
    main.add_command(_command)
