"""The door for talking and looking: send, result, runs, frames, traces, replay."""

from typing import Annotated, Literal

import msgspec

from agent.core.errors import (
    BadInput,
    Busy,
    Conflict,
    MovedOn,
    Overloaded,
    UnknownOutcome,
    UnknownRun,
    Unprocessable,
)
from agent.core.json import Json, digest
from agent.core.runs import RunKind, RunStatus
from agent.web.endpoint import AnyEndpoint, Call, ChannelText, Endpoint, Lane, Nothing, channel

DIGITS = 8
"""A frame's number has fewer."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the user."""

    text: str | None = None
    """Must not be blank."""
    dashboard: Json = None
    """What the browser shows at this moment."""
    queue: bool = False
    """Wait behind the active run instead of a 409."""
    channel: ChannelText | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The message is on disk."""

    status: Literal["queued"] = "queued"
    id: str
    run_id: str


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a send would be taken now."""

    ready: bool
    reason: str = ""
    detail: str = ""
    graph: str = ""
    identity: str = ""
    history_len: int = 0
    ws_connected: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a sent message is."""

    status: Literal[
        "idle", "running", "done", "error", "paused", "waiting", "cancelled", "interrupted"
    ]
    id: str = ""
    run_id: str = ""
    stage: str = ""
    event: str = ""
    text: str = ""
    response: str = ""
    path: str = ""
    memorizer: Json = None
    detail: str = ""


class ResultQuery(Lane, frozen=True, kw_only=True):
    """Which message."""

    id: str | None = None
    """`msg_<n>` or a run id; the newest sent message when left out."""


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs, newest first."""

    channel: ChannelText | None = None
    status: RunStatus | None = None
    kind: RunKind | None = None
    before: str | None = None
    """`next` of the page before."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class RunsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of runs."""

    runs: list[Json]
    next: str | None
    """Pass it as `before`; null on the last page."""


class FramesQuery(Lane, frozen=True, kw_only=True):
    """Which traces."""

    last: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    run: str | None = None


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    """Summaries of the last traces, oldest first."""

    graph: str
    engine: Literal["frames"]
    traces: list[Json]
    last_trace: Json


class TracesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces, newest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: str | None = None
    q: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class TracesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of traces."""

    traces: list[Json]
    next: str | None
    """Pass it as `before`; null on the last page. A search looks through at most 20000 runs at a
    time, so a page of it that is not full, or empty, may have one."""


class TraceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How much of it."""

    skeleton: bool = False
    """Of a run with more than 200 visits only what a time line needs; frames are asked for one by
    one."""


class FrameParts(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of a run, whole."""

    run_id: str
    frame: int
    frames: list[Json]
    """Its visits."""
    post_frames: list[Json]
    effects: list[Json]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """How to replay."""

    pinned: bool = False
    """With the recorded graph and prompts instead of the current ones."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealed replay found."""

    run_id: str
    replay_run_id: str
    verdict: Literal["exact", "diverged", "incomplete"]
    matched: int
    total: int
    changed_revisions: list[Json]
    divergence: Json


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """How to go on with a run that was cut."""

    unknown: Literal["run", "done", "fail"] | None = None
    """What a write is whose outcome is unknown: to be done again, done, or failed; 409 when it has
    to be said."""
    result: Json = None
    """What a write that was done returned."""


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """The new run is on disk."""

    status: Literal["queued"] = "queued"
    run_id: str
    resumed_from: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A run's status after a command."""

    run_id: str
    status: RunStatus


async def send(call: Call[Send, Lane]) -> Json:
    """Accept a message; it is on disk before the answer. `Idempotency-Key` is honoured."""
    key = call.request.headers.get("idempotency-key")
    run = await call.runtime.send(
        call.body.text or "",
        channel=channel(call.body.channel, call.query.channel),
        dashboard=call.body.dashboard,
        queue=call.body.queue,
        door="api",
        key=None if key is None else _key(key),
        body_hash="" if key is None else digest(msgspec.json.decode(call.raw or b"{}")),
    )
    return Sent(id=run.alias, run_id=run.run_id)


def _key(key: str) -> str:
    if not 1 <= len(key) <= 255:
        raise Unprocessable(f"Idempotency-Key: expected 1 to 255 characters, got {len(key)}")
    return key


async def send_check(call: Call[Lane, Lane]) -> Json:
    """Would a send be taken now? No model is called."""
    return call.runtime.check(channel(call.body.channel, call.query.channel))


async def result(call: Call[Nothing, ResultQuery]) -> Json:
    """How far a sent message is, and its answer."""
    return await call.runtime.result(call.query.id, channel(call.query.channel))


async def runs(call: Call[Nothing, RunsQuery]) -> Json:
    """Runs, newest first."""
    query = call.query
    return await call.runtime.runs(
        channel=None if query.channel is None else channel(query.channel),
        status=query.status,
        kind=query.kind,
        before=query.before,
        limit=query.limit,
    )


async def run(call: Call[Nothing, Nothing]) -> Json:
    """One run, by run id or `msg_<n>`."""
    return await call.runtime.run(call.path["id"])


async def cancel(call: Call[Nothing, Nothing]) -> Json:
    """Cancel a run; cancelling an ended one changes nothing."""
    ended = await call.runtime.cancel(call.path["id"])
    return Status(run_id=ended.run_id, status=ended.status)


async def resume_run(call: Call[Resume, Nothing]) -> Json:
    """Go on with an interrupted run as a new one; what it had done is not done again."""
    if call.body.unknown != "done" and call.body.result is not None:
        raise Unprocessable('"result" is for "unknown": "done" only')
    run = await call.runtime.resume(
        call.path["id"], unknown=call.body.unknown, result=call.body.result
    )
    return Resumed(run_id=run.run_id, resumed_from=run.resumed_from)


async def frames(call: Call[Nothing, FramesQuery]) -> Json:
    """Frame by frame, what the last messages did."""
    query = call.query
    return await call.runtime.frames(query.last, query.run, channel(query.channel))


async def traces(call: Call[Nothing, TracesQuery]) -> Json:
    """Traces of all runs, newest first."""
    query = call.query
    return await call.runtime.traces(limit=query.limit, before=query.before, q=query.q)


async def trace_of(call: Call[Nothing, TraceQuery]) -> Json:
    """The full trace of a run, with its effects; of a large one its skeleton, when asked for."""
    read = call.runtime.skeleton if call.query.skeleton else call.runtime.trace
    return await read(call.path["run_id"])


async def frame_of(call: Call[Nothing, Nothing]) -> Json:
    """One frame of a run: its visits and their effects, whole."""
    run, number = call.path["run_id"], call.path["frame"]
    if not number.isdecimal() or len(number) >= DIGITS:
        raise UnknownRun(f"run {run} has no frame {number!r:.40}")
    return await call.runtime.frame(run, int(number))


async def replay(call: Call[Replay, Nothing]) -> Json:
    """Run it again, sealed: every effect is answered from the recording."""
    return await call.runtime.replay(call.path["run_id"], pinned=call.body.pinned)


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/send/check",
        call=send_check,
        body=Lane,
        query=Lane,
        answer=Check,
    ),
    Endpoint(
        method="POST",
        path="/api/send",
        call=send,
        body=Send,
        query=Lane,
        answer=Sent,
        errors=(Busy, BadInput, Overloaded),
    ),
    Endpoint(
        method="GET",
        path="/api/result",
        call=result,
        query=ResultQuery,
        answer=Result,
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="GET",
        path="/api/runs",
        call=runs,
        query=RunsQuery,
        answer=RunsPage,
    ),
    Endpoint(
        method="GET",
        path="/api/runs/{id}",
        call=run,
        answer=dict[str, Json],
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="POST",
        path="/api/runs/{id}/cancel",
        call=cancel,
        answer=Status,
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="POST",
        path="/api/runs/{id}/resume",
        call=resume_run,
        body=Resume,
        answer=Resumed,
        errors=(UnknownRun, Conflict, Busy, MovedOn, UnknownOutcome, Overloaded),
    ),
    Endpoint(
        method="GET",
        path="/api/frames",
        call=frames,
        query=FramesQuery,
        answer=Frames,
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="GET",
        path="/api/traces",
        call=traces,
        query=TracesQuery,
        answer=TracesPage,
    ),
    Endpoint(
        method="GET",
        path="/api/traces/{run_id}",
        call=trace_of,
        query=TraceQuery,
        answer=dict[str, Json],
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="GET",
        path="/api/traces/{run_id}/frames/{frame}",
        call=frame_of,
        answer=FrameParts,
        errors=(UnknownRun,),
    ),
    Endpoint(
        method="POST",
        path="/api/traces/{run_id}/replay",
        call=replay,
        body=Replay,
        answer=Verdict,
        attended=True,
        errors=(UnknownRun, Conflict, Overloaded),
    ),
)
