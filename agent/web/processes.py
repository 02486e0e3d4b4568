"""The door to tool calls at work: look at them, stop one."""

from typing import Annotated

import msgspec

from agent.core.errors import UnknownProcess, Unprocessable
from agent.core.json import Json
from agent.runtime.processes import Process, Status
from agent.web.endpoint import AnyEndpoint, Call, ChannelText, Endpoint, Nothing


class ProcessesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which processes, newest first."""

    channel: ChannelText | None = None
    status: Status | None = None
    last: Annotated[int, msgspec.Meta(ge=1, le=300)] = 50


class Processes(msgspec.Struct, frozen=True, kw_only=True):
    """Tool calls: those at work, then the last that ended."""

    processes: list[Json]


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Which process."""

    pid: str


async def processes(call: Call[Nothing, ProcessesQuery]) -> Json:
    """Tool calls, newest first: those at work before those that ended."""
    query = call.query
    runtime = call.site.runtime
    found = runtime.processes(channel=query.channel, status=query.status, last=query.last)
    return {"processes": found}


async def stop(call: Call[Stop, Nothing]) -> Json:
    """Stop one tool call; its run goes on and is told. One that has ended stays as it is."""
    return call.site.runtime.stop_process(call.body.pid)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/processes",
        call=processes,
        query=ProcessesQuery,
        answer=Processes,
        errors=(Unprocessable,),
    ),
    Endpoint(
        method="POST",
        path="/api/processes/cancel",
        call=stop,
        body=Stop,
        answer=Process,
        errors=(UnknownProcess, Unprocessable),
    ),
)
