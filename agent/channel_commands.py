"""The commands about a channel: what was said, what it knows, and whose end it stands at."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from agent.commands import ask, wait_for
from agent.core.json import Json
from agent.options import in_channel, json_option, json_value, place
from agent.reports import write_json
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime


@click.command("click")
@click.argument("action")
@click.option("--data", help="What the button says besides, as JSON.")
@in_channel
@place
@json_option
def press(
    action: str, data: str | None, channel: str, settings: Settings, *, as_json: bool
) -> None:
    """Click a button, wait, and print the answer."""
    said = json_value("--data", data)
    wait_for(
        settings,
        ("/api/action", {"action": action, "data": said, "channel": channel}),
        lambda runtime: runtime.act(action, said, channel=channel),
        channel,
        as_json=as_json,
    )


@click.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1000))
@in_channel
@place
@json_option
def history(last: int, channel: str, settings: Settings, *, as_json: bool) -> None:
    """Show the conversation, oldest first."""
    query = urlencode({"last": last, "channel": channel})

    async def direct(runtime: "Runtime") -> Json:
        return {"status": "active", "messages": await runtime.history(last, channel)}

    answer = ask(settings, lambda client: client.get(f"/api/history?{query}"), direct)
    if as_json:
        write_json(answer)
        return
    for message in answer["messages"]:
        click.echo(f"{message['role']}: {message['content']}")


@click.command()
@in_channel
@place
@json_option
def state(channel: str, settings: Settings, *, as_json: bool) -> None:
    """Show what the channel remembers and what its controls hold."""

    async def direct(runtime: "Runtime") -> Json:
        return runtime.state(channel)

    query = urlencode({"channel": channel})
    answer = ask(settings, lambda client: client.get(f"/api/state?{query}"), direct)
    write_json(answer if as_json else {"memory": answer["memorizer"], "ui": answer["ui"]})


@click.command()
@in_channel
@place
@json_option
def clear(channel: str, settings: Settings, *, as_json: bool) -> None:
    """Forget the conversation and its state, stopping what runs; traces stay."""

    async def direct(runtime: "Runtime") -> Json:
        await runtime.clear(channel)
        return {"status": "cleared"}

    answer = ask(settings, lambda client: client.post("/api/clear", {"channel": channel}), direct)
    if as_json:
        write_json(answer)
    else:
        click.echo(f"channel {channel} is cleared")


@click.command()
@click.argument("run_id")
@click.option("--channel", help="Where the run belongs (default: that of its conversation).")
@place
@json_option
def head(run_id: str, channel: str | None, settings: Settings, *, as_json: bool) -> None:
    """Go on from the end of a run: rewind, undo a clear, adopt a fork."""
    body = {"run_id": run_id, "channel": channel}
    answer = ask(
        settings,
        lambda client: client.post("/api/head", body),
        lambda runtime: runtime.move_head(run_id, channel),
    )
    if as_json:
        write_json(answer)
    else:
        click.echo(f"{answer['head']} is the head; {answer['history_len']} messages lie behind it")


CHANNEL_COMMANDS: tuple[click.Command, ...] = (press, history, state, clear, head)
