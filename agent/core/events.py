"""Every fact that leaves the process, as one tagged union.

Sockets, streams, polls and the front end's types are all made from ``Event``. To add a fact: add a
Struct here and to the union; its ``topics`` say who may read it, and the type checker lists what
else has to know it.

On the wire an event is one flat object: ``{"seq", "ts", "event", "node", "run_id", "channel", …}``.
"""

from enum import Flag, auto
from typing import ClassVar, Literal, TypeAlias

import msgspec

from agent.core.frames import Summary
from agent.core.json import Json


class Topic(Flag):
    """Which readers an event is for."""

    CHAT = auto()
    TRACE = auto()
    TEST = auto()


class Fact(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="event"
):
    """What all events share."""

    topics: ClassVar[Topic] = Topic.TRACE
    node: str
    """Role of the node that caused it, ``runtime`` or ``frame_engine``."""
    run_id: str
    """Empty for facts about no run."""
    channel: str
    frame: int | None = None


class Thinking(Fact, frozen=True, kw_only=True, gc=False, tag="thinking"):
    """A node says what it is busy with."""

    text: str


class Perceived(Fact, frozen=True, kw_only=True, gc=False, tag="perceived"):
    """The input node understood a message."""

    perception: Json


class Decided(Fact, frozen=True, kw_only=True, gc=False, tag="decided"):
    """The director has a plan, or the PA a route."""

    plan: Json


class Streaming(Fact, frozen=True, kw_only=True, gc=False, tag="streaming"):
    """A piece of the answer; ``delta`` on the chat socket."""

    topics: ClassVar[Topic] = Topic.CHAT | Topic.TRACE
    text: str


class ToolCalled(Fact, frozen=True, kw_only=True, gc=False, tag="tool_call"):
    """A tool is about to run."""

    tool: str
    args: Json
    effect_id: str


class ToolReturned(Fact, frozen=True, kw_only=True, gc=False, tag="tool_result"):
    """A tool has ended."""

    tool: str
    effect_id: str
    ok: bool
    result: str
    """Up to 2,000 characters of the result or the error."""
    duration_ms: float


class Interpreted(Fact, frozen=True, kw_only=True, gc=False, tag="interpreted"):
    """Raw tool output was read."""

    interpretation: Json


class Updated(Fact, frozen=True, kw_only=True, gc=False, tag="updated"):
    """The memory after the memorizer."""

    memory: Json


class ContextSent(Fact, frozen=True, kw_only=True, gc=False, tag="context"):
    """What is really sent to a model."""

    effect_id: str
    model: str
    messages: int
    characters: int
    dropped: int
    """Middle messages that the node's token budget left out."""


class Controls(Fact, frozen=True, kw_only=True, gc=False, tag="controls"):
    """All controls the page shows from now on."""

    topics: ClassVar[Topic] = Topic.CHAT | Topic.TRACE
    controls: Json


class MachineCreated(Fact, frozen=True, kw_only=True, gc=False, tag="machine_created"):
    """A machine exists."""

    id: str
    machine: Json


class MachineTransition(Fact, frozen=True, kw_only=True, gc=False, tag="machine_transition"):
    """A click was resolved without a model: a machine went on, or a bound value changed."""

    id: str
    """The machine, or the variable."""
    before: Json
    after: Json


class ProcessStarted(Fact, frozen=True, kw_only=True, gc=False, tag="process_start"):
    """A tool call runs as an observable process."""

    pid: str
    tool: str
    args: Json
    started: float
    """Unix milliseconds."""


class ProcessLine(Fact, frozen=True, kw_only=True, gc=False, tag="process_line"):
    """That process wrote a line."""

    pid: str
    line: str


class ProcessDone(Fact, frozen=True, kw_only=True, gc=False, tag="process_done"):
    """That process ended."""

    pid: str
    tool: str
    status: Literal["done", "failed", "cancelled"]
    lines: list[str]
    left_out: int
    """Lines it wrote beyond those that are kept."""
    exit_code: int | None
    """0 done, 1 failed, null cancelled."""
    ended: float
    """Unix milliseconds."""


class Sensed(Fact, frozen=True, kw_only=True, gc=False, tag="sensor"):
    """What changed around the runtime."""

    changes: Json


class FrameOpened(Fact, frozen=True, kw_only=True, gc=False, tag="frame_open"):
    """A tick begins; ``node`` is ``frame_engine``."""

    nodes: tuple[str, ...]
    post: bool = False


class FrameClosed(Fact, frozen=True, kw_only=True, gc=False, tag="frame_close"):
    """One node's visit has ended and was merged."""

    visit: int
    duration_ms: float
    output: str
    route: str = ""
    condition: str = ""
    error: str = ""
    post: bool = False


class FrameTraced(Fact, frozen=True, kw_only=True, gc=False, tag="frame_trace"):
    """The whole trace; exactly once per run, and its last event. The wire has the summary."""

    trace: Summary


class RunChanged(Fact, frozen=True, kw_only=True, gc=False, tag="run"):
    """A run has a new status."""

    kind: str
    message: str
    status: str
    graph: str = ""
    error: str = ""


class GraphSwitched(Fact, frozen=True, kw_only=True, gc=False, tag="graph_switched"):
    """Another graph is active in the channel, or the same one in a new revision."""

    topics: ClassVar[Topic] = Topic.TRACE
    name: str
    revision: str


class WorkspaceRead(Fact, frozen=True, kw_only=True, gc=False, tag="workspace"):
    """Files of the workspace changed; with errors, what was taken before stays in use."""

    folder: str
    changed: tuple[str, ...]
    """Files, relative to the folder."""
    errors: tuple[Json, ...]
    """Each ``{"file", "line", "cause"}``."""
    notes: tuple[str, ...]
    """What else a person should know, such as that a restart is needed."""
    graphs: tuple[str, ...]
    """The workspace's graphs that can run."""


class DebugChanged(Fact, frozen=True, kw_only=True, gc=False, tag="debug"):
    """What is to hold the runs of the channel has changed, or what the held one goes on with."""

    breakpoints: tuple[Json, ...]
    """All of them, as ``GET /api/debug/breakpoints`` answers."""
    armed: bool
    """The next run is held before its first frame."""


class LoopLagged(Fact, frozen=True, kw_only=True, gc=False, tag="loop_lag"):
    """Something blocked the event loop."""

    lag_ms: float
    stack: str


class Failed(Fact, frozen=True, kw_only=True, gc=False, tag="error"):
    """Something went wrong that a person should see."""

    topics: ClassVar[Topic] = Topic.CHAT | Topic.TRACE
    code: str
    detail: str


class Said(Fact, frozen=True, kw_only=True, gc=False, tag="message"):
    """What was said, from any tab or door."""

    topics: ClassVar[Topic] = Topic.CHAT
    role: str
    text: str


class Queued(Fact, frozen=True, kw_only=True, gc=False, tag="queued"):
    """A message waits behind others."""

    topics: ClassVar[Topic] = Topic.CHAT
    position: int
    """1 is next."""


class Answered(Fact, frozen=True, kw_only=True, gc=False, tag="done"):
    """The answer is complete; post-frames may still run."""

    topics: ClassVar[Topic] = Topic.CHAT


class Cleared(Fact, frozen=True, kw_only=True, gc=False, tag="cleared"):
    """The channel was cleared."""

    topics: ClassVar[Topic] = Topic.CHAT


class TestsChanged(Fact, frozen=True, kw_only=True, gc=False, tag="test_status"):
    """The record of the running or last suite."""

    topics: ClassVar[Topic] = Topic.TEST
    record: Json


Event: TypeAlias = (
    Thinking | Perceived | Decided | Streaming | ToolCalled | ToolReturned | Interpreted | Updated
    | ContextSent | Controls | MachineCreated | MachineTransition | ProcessStarted | ProcessLine
    | ProcessDone | Sensed | FrameOpened | FrameClosed | FrameTraced | RunChanged | GraphSwitched
    | LoopLagged | Failed | Said | Queued | Answered | Cleared | TestsChanged
    | WorkspaceRead | DebugChanged
)  # fmt: skip
