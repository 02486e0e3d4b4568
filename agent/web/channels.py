"""The door of a channel: state, history, poll, clear, head, and the graph it runs."""

from typing import Annotated, Literal

import msgspec

from agent.core.errors import Conflict, UnknownGraph, UnknownRun
from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, ChannelText, Endpoint, Lane, Nothing, channel


class PollQuery(Lane, frozen=True, kw_only=True):
    """What is already known."""

    since: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """`hash` of the answer before."""


class Poll(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """News, when there is some."""

    changed: bool
    hash: str
    state: Json = None
    history_len: int = 0
    last_messages: list[Json] = []


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the memorizer keeps."""

    status: Literal["active"]
    memorizer: Json
    history_len: int
    ws_connected: bool


class HistoryQuery(Lane, frozen=True, kw_only=True):
    """How much of it."""

    last: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation, oldest first."""

    status: Literal["active"] = "active"
    messages: list[Json]


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """The channel is as new; its traces stay."""

    status: Literal["cleared"] = "cleared"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Which run's state becomes current."""

    run_id: str
    channel: ChannelText | None = None


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """The active graph."""

    name: str
    description: str
    nodes: dict[str, str]
    edges: list[Json]
    cytoscape: Json
    revision: str


class GraphList(msgspec.Struct, frozen=True, kw_only=True):
    """All graphs."""

    graphs: list[Json]


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """Which graph, and what to do with a run that is under way."""

    name: str
    when: Literal["now", "after", "cancel"] = "now"
    channel: ChannelText | None = None


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """The next message runs on this graph."""

    status: Literal["ok"]
    name: str
    note: str


async def poll(call: Call[Nothing, PollQuery]) -> Json:
    """Has memory or history changed since `hash`?"""
    return call.runtime.poll(call.query.since, channel(call.query.channel))


async def state(call: Call[Nothing, Lane]) -> Json:
    """Memory and size of the conversation."""
    return call.runtime.state(channel(call.query.channel))


async def history(call: Call[Nothing, HistoryQuery]) -> Json:
    """The conversation."""
    messages = await call.runtime.history(call.query.last, channel(call.query.channel))
    return {"status": "active", "messages": messages}


async def clear(call: Call[Lane, Lane]) -> Json:
    """Forget the conversation and its state; traces stay."""
    await call.runtime.clear(channel(call.body.channel, call.query.channel))
    return Cleared()


async def move_head(call: Call[Head, Lane]) -> Json:
    """Make a run's end the channel's current state: rewind, regenerate, undo, adopt a fork."""
    body, query = call.body, call.query
    named = body.channel is not None or query.channel is not None
    lane = channel(body.channel, query.channel) if named else None
    return await call.runtime.move_head(body.run_id, lane)


async def info(call: Call[Nothing, Lane]) -> Json:
    """What is running here: version, model, graph, data."""
    return call.runtime.info(channel(call.query.channel))


async def graph_active(call: Call[Nothing, Lane]) -> Json:
    """The active graph, also as Cytoscape elements."""
    return call.runtime.graph(channel(call.query.channel))


async def graph_list(call: Call[Nothing, Lane]) -> Json:
    """All graphs."""
    return call.runtime.graphs(channel(call.query.channel))


async def graph_switch(call: Call[Switch, Lane]) -> Json:
    """Make another graph active; nothing else changes."""
    body = call.body
    lane = channel(body.channel, call.query.channel)
    return await call.runtime.switch_graph(body.name, body.when, lane)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/poll",
        call=poll,
        query=PollQuery,
        answer=Poll,
    ),
    Endpoint(
        method="GET",
        path="/api/state",
        call=state,
        query=Lane,
        answer=State,
    ),
    Endpoint(
        method="GET",
        path="/api/history",
        call=history,
        query=HistoryQuery,
        answer=History,
    ),
    Endpoint(
        method="POST",
        path="/api/clear",
        call=clear,
        body=Lane,
        query=Lane,
        answer=Cleared,
    ),
    Endpoint(
        method="POST",
        path="/api/head",
        call=move_head,
        body=Head,
        query=Lane,
        answer=dict[str, Json],
        errors=(UnknownRun, Conflict),
    ),
    Endpoint(
        method="GET",
        path="/api/info",
        call=info,
        query=Lane,
        answer=dict[str, Json],
    ),
    Endpoint(
        method="GET",
        path="/api/graph/active",
        call=graph_active,
        query=Lane,
        answer=Graph,
    ),
    Endpoint(
        method="GET",
        path="/api/graph/list",
        call=graph_list,
        query=Lane,
        answer=GraphList,
    ),
    Endpoint(
        method="POST",
        path="/api/graph/switch",
        call=graph_switch,
        body=Switch,
        query=Lane,
        answer=Switched,
        errors=(UnknownGraph, Conflict),
    ),
)
