"""The chat socket: what a tab says, and what is said to it; and a click over HTTP.

The socket goes on reading while a run works, so a cancel arrives; it never waits for an answer,
only for a message to be on disk. What a client sends wrongly is answered and the socket stays.
"""

from collections.abc import Mapping
from typing import Annotated, assert_never

import msgspec

from agent.core.errors import AgentError, BadInput, Overloaded
from agent.core.events import Topic
from agent.core.json import Json, fields
from agent.web.endpoint import AnyEndpoint, Call, ChannelText, Endpoint, Lane, channel
from agent.web.limits import check_json
from agent.web.runs import Sent
from agent.web.site import Site, principal_of
from agent.web.sockets import Peer, problem, write
from agent.web.wait import first_of


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the user."""

    text: str
    dashboard: Json = None


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A click."""

    action: str
    data: Json = None
    dashboard: Json = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Stop a run; the channel's active one when none is named."""

    run_id: str | None = None


class CancelProcess(msgspec.Struct, frozen=True, kw_only=True):
    """Stop one tool call; its run goes on."""

    pid: str


Command = Say | Act | Cancel | CancelProcess


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """A click, from a program."""

    action: Annotated[str, msgspec.Meta(min_length=1)]
    """Action or label of the button."""
    data: Json = None
    """What tells apart buttons that share an action: the exact payload, or
    `{"machine_id", "go"?, "payload"?}`."""
    channel: ChannelText | None = None


async def action(call: Call[Click, Lane]) -> Json:
    """Click a button; it queues behind what runs, and is on disk before the answer."""
    body = call.body
    lane = channel(body.channel, call.query.channel)
    run = await call.runtime.act(body.action, body.data, channel=lane)
    return Sent(id=run.alias or run.run_id, run_id=run.run_id)


async def chat(peer: Peer) -> None:
    """``/ws``: the conversation of one channel."""
    lane = channel(peer.query.get("channel"))
    since = peer.since()
    runtime = peer.site.runtime
    hello = msgspec.json.encode(runtime.snapshot(lane))
    reader = runtime.hub.reader(Topic.CHAT, since=since, channel=lane)
    runtime.attach_chat(principal_of(peer.connection).identity, lane)
    try:
        first = (hello,) if since is None else ()
        await first_of(write(peer, reader, *first), _listen(peer, lane))
    finally:
        runtime.detach_chat()


async def _listen(peer: Peer, lane: str) -> None:
    while True:
        message = await peer.receive()
        try:
            await _obey(peer.site, understand(message), lane)
        except AgentError as error:
            await peer.send([problem(error)])


async def _obey(site: Site, command: Command, lane: str) -> None:
    runtime = site.runtime
    match command:
        case Say():
            await runtime.send(
                command.text,
                channel=lane,
                dashboard=command.dashboard,
                at_once=True,
                door="chat",
            )
        case Act():
            await runtime.act(
                command.action, command.data, channel=lane, dashboard=command.dashboard
            )
        case Cancel():
            await runtime.cancel(command.run_id or _active(runtime.snapshot(lane)))
        case CancelProcess():
            runtime.stop_process(command.pid)
        case _:
            assert_never(command)


def _active(snapshot: Json) -> str:
    """Return the id of the channel's active run.

    Raises:
        BadInput: there is none.
    """
    found = fields(fields(snapshot).get("run")).get("run_id")
    if not found:
        raise BadInput("nothing to cancel: no run is active in this channel")
    return str(found)


def understand(message: str | bytes) -> Command:
    """Read what a client sent.

    Raises:
        BadInput: saying what was expected.
    """
    if isinstance(message, bytes):
        raise BadInput("expected a text message with a JSON object, got a binary one")
    given = _object(message)
    kind = given.get("type")
    if kind == "action":
        return Act(
            action=_text(given, "action", "unknown"),
            data=given.get("data"),
            dashboard=given.get("dashboard"),
        )
    if kind == "cancel":
        return Cancel(run_id=_text(given, "run_id", "") or None)
    if kind == "cancel_process":
        return CancelProcess(pid=_text(given, "pid", ""))
    if isinstance(given.get("text"), str):
        if not given["text"].strip():
            raise BadInput("`text`: expected a message, got a blank one")
        return Say(text=given["text"], dashboard=given.get("dashboard"))
    raise BadInput(
        "expected an object with a `text`, or of `type` action, cancel or cancel_process, "
        f"got type {kind!r:.60}"
    )


def _object(message: str) -> Mapping[str, Json]:
    raw = message.encode()
    check_json(raw)
    try:
        given: Json = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadInput(f"the message is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadInput(f"expected a JSON object, got {type(given).__name__}")
    return fields(given)


def _text(given: Mapping[str, Json], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise BadInput(f"`{name}`: expected text, got {value!r:.60}")
    return value


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/action",
        call=action,
        body=Click,
        query=Lane,
        answer=Sent,
        errors=(Overloaded,),
    ),
)
