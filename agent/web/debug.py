"""The door of the debugger: breakpoints, and what can be done with a run that is held."""

from typing import Annotated, Literal

import msgspec

from agent.core.errors import BadCondition, NotHeld, Unprocessable
from agent.core.json import Json
from agent.debugger.breakpoints import Breakpoint
from agent.engine.stops import Edit
from agent.runtime.debug import Shown
from agent.web.endpoint import (
    AnyEndpoint,
    Call,
    Endpoint,
    Lane,
    Nothing,
    channel,
    respond,
)


class Debug(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run is held, and what it goes on with."""

    held: bool
    run_id: str | None
    status: str | None
    channel: str
    armed: bool
    """The next run is held before its first frame."""
    frame: int | None
    node: str | None
    at: Literal["before", "after"] | None
    effect_id: str | None
    """The effect that is held back; empty between frames."""
    reason: str
    pending: dict[str, Json]
    """Node to the envelope it will be given."""
    memory: Json
    ui_state: Json
    model_request: Json
    """The exact request that is held back; null when none is."""
    tool: Json
    """Name and arguments of the tool call that is held back."""
    tool_result: Json
    """What its node will be told instead of calling it, once written."""


class Step(Lane, frozen=True, kw_only=True):
    """How far."""

    unit: Literal["frame", "node"] = "frame"


class RunTo(Lane, frozen=True, kw_only=True):
    """Where to."""

    frame: Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class Edits(Lane, frozen=True, kw_only=True):
    """What to write; all of it or nothing."""

    edits: Annotated[tuple[Edit, ...], msgspec.Meta(min_length=1, max_length=100)]


async def debug(call: Call[Nothing, Lane]) -> Json:
    """Where the run of a channel is held, and what it goes on with."""
    return await call.runtime.debug.show(channel(call.query.channel))


async def breakpoints(call: Call[Nothing, Lane]) -> Json:
    """The breakpoints of a channel."""
    return call.runtime.debug.breakpoints(channel(call.query.channel))


async def set_breakpoints(call: Call[list[Breakpoint], Lane]) -> Json:
    """Replace the breakpoints of a channel; they stay over restarts."""
    return await call.runtime.debug.set_breakpoints(call.body, channel(call.query.channel))


async def pause(call: Call[Lane, Lane]) -> Json:
    """Hold the run at work wherever it comes next, or the next one; 202 when that takes 10 s."""
    return _shown(await call.runtime.debug.pause(channel(call.body.channel, call.query.channel)))


async def resume(call: Call[Lane, Lane]) -> Json:
    """Let the held run go on to the next breakpoint."""
    return await call.runtime.debug.resume(channel(call.body.channel, call.query.channel))


async def step(call: Call[Step, Lane]) -> Json:
    """Let the held run go on to the next frame or node; 202 when that takes over 10 s."""
    lane = channel(call.body.channel, call.query.channel)
    return _shown(await call.runtime.debug.step(call.body.unit, lane))


async def run_to(call: Call[RunTo, Lane]) -> Json:
    """Let the held run go on to a frame; 202 when that takes over 10 s."""
    lane = channel(call.body.channel, call.query.channel)
    return _shown(await call.runtime.debug.run_to(call.body.frame, lane))


async def finish(call: Call[Lane, Lane]) -> Json:
    """Let the held run go on to its end, past all breakpoints; only a pause holds it again."""
    return await call.runtime.debug.finish(channel(call.body.channel, call.query.channel))


async def drop(call: Call[Lane, Lane]) -> Json:
    """End the held run where it is."""
    return await call.runtime.debug.drop(channel(call.body.channel, call.query.channel))


async def edit_pending(call: Call[Edits, Lane]) -> Json:
    """Write into what the held run goes on with; every edit is an effect of the run."""
    lane = channel(call.body.channel, call.query.channel)
    return await call.runtime.debug.edit(call.body.edits, lane)


def _shown(shown: Shown) -> Json:
    return respond(shown.debug, 200 if shown.settled else 202)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(method="GET", path="/api/debug", call=debug, query=Lane, answer=Debug),
    Endpoint(
        method="GET",
        path="/api/debug/breakpoints",
        call=breakpoints,
        query=Lane,
        answer=list[Breakpoint],
    ),
    Endpoint(
        method="PUT",
        path="/api/debug/breakpoints",
        call=set_breakpoints,
        body=list[Breakpoint],
        query=Lane,
        answer=list[Breakpoint],
        errors=(BadCondition,),
    ),
    Endpoint(
        method="POST",
        path="/api/debug/pause",
        call=pause,
        body=Lane,
        query=Lane,
        answer=Debug,
        later=True,
    ),
    Endpoint(
        method="POST",
        path="/api/debug/resume",
        call=resume,
        body=Lane,
        query=Lane,
        answer=Debug,
        errors=(NotHeld,),
    ),
    Endpoint(
        method="POST",
        path="/api/debug/step",
        call=step,
        body=Step,
        query=Lane,
        answer=Debug,
        later=True,
        errors=(NotHeld,),
    ),
    Endpoint(
        method="POST",
        path="/api/debug/run_to",
        call=run_to,
        body=RunTo,
        query=Lane,
        answer=Debug,
        later=True,
        errors=(NotHeld,),
    ),
    Endpoint(
        method="POST",
        path="/api/debug/finish",
        call=finish,
        body=Lane,
        query=Lane,
        answer=Debug,
        errors=(NotHeld,),
    ),
    Endpoint(
        method="POST",
        path="/api/debug/drop",
        call=drop,
        body=Lane,
        query=Lane,
        answer=Debug,
        errors=(NotHeld,),
    ),
    Endpoint(
        method="PATCH",
        path="/api/debug/pending",
        call=edit_pending,
        body=Edits,
        query=Lane,
        answer=Debug,
        errors=(NotHeld, Unprocessable),
    ),
)
