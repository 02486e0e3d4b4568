"""``python3 run.py debug``: hold runs of the running server, look, edit, step, let go.

Exit codes: 0 what was asked for is so, 1 it is not (nothing is held, or not yet), 2 could not ask.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Literal, NoReturn, get_args
from urllib.parse import urlencode

import click
import msgspec

from agent.client import Client, Refused
from agent.core.errors import AgentError, NotHeld
from agent.core.json import Json, canonical
from agent.options import in_channel, json_option, place, stop
from agent.reports import table, write_json
from agent.settings import Settings

ON_WITH = "go on: debug step, step node, run-to FRAME, edit PATH VALUE, resume, finish, drop"
ON = ("tool", "model", "error", "retry", "budget", "divergence")
Unit = Literal["frame", "node"]
SHOWN = 160
"""Characters of an envelope or a request on the terminal; ``--json`` has all."""


class Server:
    """The debugger of one channel of the running server.

    Args:
        settings: where it runs.
        channel: the channel.
        as_json: print what it says as it is.
    """

    def __init__(self, settings: Settings, channel: str, *, as_json: bool) -> None:
        self._settings = settings
        self._query = f"?{urlencode({'channel': channel})}"
        self.as_json = as_json

    def _asked(self, ask: Callable[[Client], Json]) -> Json:
        try:
            return ask(Client.running(self._settings.data_dir))
        except Refused as error:
            if error.code != NotHeld.slug:
                raise stop(str(error)) from None
            click.echo(f"framescope: {error}", err=True)
            sys.exit(1)
        except AgentError as error:
            raise stop(str(error)) from None

    def _path(self, verb: str) -> str:
        return f"/api/debug{verb}{self._query}"

    def show(self) -> Json:
        """Ask what is held."""
        return self._asked(lambda client: client.get(self._path("")))

    def do(self, verb: str, body: Json = None) -> Json:
        """Have the server do ``verb``."""
        return self._asked(lambda client: client.post(self._path(f"/{verb}"), body or {}))

    def edit(self, edits: Json) -> Json:
        """Write into what the held run goes on with."""
        return self._asked(lambda client: client.patch(self._path("/pending"), {"edits": edits}))

    @property
    def breakpoints(self) -> list[Json]:
        """The breakpoints of the channel."""
        return self._asked(lambda client: client.get(self._path("/breakpoints")))

    def keep(self, breakpoints: list[Json]) -> list[Json]:
        """Replace them."""
        return self._asked(lambda client: client.put(self._path("/breakpoints"), breakpoints))


def _on_server(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command; it is given ``server``."""

    @in_channel
    @place
    @json_option
    @wraps(command)
    def placed(channel: str, settings: Settings, *, as_json: bool, **rest: object) -> None:
        command(server=Server(settings, channel, as_json=as_json), **rest)

    return placed


@click.group(invoke_without_command=True)
@_on_server
@click.pass_context
def debug(ctx: click.Context, server: Server) -> None:
    """Show the held run; 1 when none is. Further commands hold, edit and step."""
    if ctx.invoked_subcommand is None:
        _show(server)


@debug.command()
@_on_server
def show(server: Server) -> None:
    """Show the held run and what it goes on with; 1 when none is."""
    _show(server)


def _show(server: Server) -> NoReturn:
    shown = server.show()
    _tell(server, shown)
    sys.exit(0 if shown["held"] else 1)


@debug.command("break")
@click.option("--before", "at", flag_value="before", default="before", help="The default.")
@click.option("--after", "at", flag_value="after")
@click.option("--frame", type=click.IntRange(1), help="Number of the frame.")
@click.option("--node", help="Role of the node.")
@click.option("--when", help="A condition, such as: envelope.text contains 'Leipzig'.")
@click.option("--on", type=click.Choice(ON), help="Wait for this instead of a frame or node.")
@click.option("--tool", help="Name of the tool, with --on tool.")
@click.option("--baseline", help="Run to compare with, with --on divergence.")
@click.option("--id", "name", help="A name of your own.")
@_on_server
def add(server: Server, name: str | None, **fields: object) -> None:
    """Add a breakpoint; without options every frame is one."""
    made: Json = {key: value for key, value in {"id": name, **fields}.items() if value is not None}
    _list(server, server.keep([*server.breakpoints, made]))


@debug.command("breakpoints")
@click.option("--remove", multiple=True, metavar="ID")
@click.option("--enable", multiple=True, metavar="ID")
@click.option("--disable", multiple=True, metavar="ID")
@click.option("--clear", is_flag=True, help="Remove all.")
@_on_server
def breakpoints(
    server: Server,
    *,
    remove: tuple[str, ...],
    enable: tuple[str, ...],
    disable: tuple[str, ...],
    clear: bool,
) -> None:
    """List the breakpoints, or change them."""
    known = server.breakpoints
    unknown = {*remove, *enable, *disable} - {one["id"] for one in known}
    if unknown:
        raise stop(f"no breakpoint {', '.join(sorted(unknown))}; list them: debug breakpoints")
    if clear or remove or enable or disable:
        kept = [one for one in known if not clear and one["id"] not in remove]
        for one in kept:
            one["enabled"] = (one["enabled"] or one["id"] in enable) and one["id"] not in disable
        known = server.keep(kept)
    _list(server, known)


@debug.command()
@_on_server
def pause(server: Server) -> None:
    """Hold the run at work wherever it comes next, or the next run at its first frame."""
    _moved(server, server.do("pause"))


@debug.command()
@_on_server
def resume(server: Server) -> None:
    """Let the held run go on to the next breakpoint."""
    _tell(server, server.do("resume"))


@debug.command()
@click.argument("unit", type=click.Choice(get_args(Unit)), default="frame")
@_on_server
def step(server: Server, unit: Unit) -> None:
    """Let the held run go on to the next frame, or node."""
    _moved(server, server.do("step", {"unit": unit}))


@debug.command("run-to")
@click.argument("frame", type=click.IntRange(1))
@_on_server
def run_to(server: Server, frame: int) -> None:
    """Let the held run go on to a frame."""
    _moved(server, server.do("run_to", {"frame": frame}))


@debug.command()
@_on_server
def finish(server: Server) -> None:
    """Let the held run go on to its end, past all breakpoints."""
    _tell(server, server.do("finish"))


@debug.command()
@_on_server
def drop(server: Server) -> None:
    """End the held run where it is."""
    _tell(server, server.do("drop"))


@debug.command()
@click.argument("path")
@click.argument("value")
@_on_server
def edit(server: Server, path: str, value: str) -> None:
    """Write VALUE (JSON, else text) at PATH, such as /memory/topic or /tool/arguments/query."""
    _tell(server, server.edit([{"path": path, "value": _value(value)}]))


def _value(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _moved(server: Server, shown: Json) -> NoReturn:
    """Tell where the run is; 1 when it is neither held nor over yet."""
    _tell(server, shown)
    on_its_way = not shown["held"] and not shown["armed"] and shown["status"] == "running"
    sys.exit(1 if on_its_way else 0)


def _tell(server: Server, shown: Json) -> None:
    if server.as_json:
        write_json(shown)
        return
    for line in _lines(shown):
        click.echo(line)


def _lines(shown: Json) -> list[str]:
    if not shown["held"]:
        armed = "; the next run is held before its first frame" if shown["armed"] else ""
        run = f"; {shown['run_id']} is {shown['status']}" if shown["run_id"] else ""
        return [f"nothing is held in channel {shown['channel']}{run}{armed}"]
    where = shown["effect_id"] or f"frame {shown['frame']} {shown['node']}".strip()
    lines = [f"{shown['run_id']} is held {shown['at']} {where}: {shown['reason']}"]
    lines += [f"/pending/{node}  {_short(value)}" for node, value in shown["pending"].items()]
    for field in ("memory", "ui_state", "model_request", "tool", "tool_result"):
        if shown[field] is not None:
            lines.append(f"/{field}  {_short(shown[field])}")
    return [*lines, ON_WITH]


def _short(value: Json) -> str:
    text = canonical(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _list(server: Server, known: list[Json]) -> None:
    if server.as_json:
        write_json(known)
    else:
        table(("id", "", "holds", "when"), [_row(one) for one in known])


def _row(one: Json) -> tuple[str, ...]:
    named = [
        f"{field} {one[field]}" for field in ("frame", "node", "tool", "baseline") if one[field]
    ]
    first = f"on {one['on']}" if one["on"] else one["at"]
    what = " ".join([first, *(named or ([] if one["on"] else ["every frame"]))])
    return (one["id"], "" if one["enabled"] else "off", what, one["when"] or "")
