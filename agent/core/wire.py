"""Events as the sockets send them: the flat trace line, the chat message, the test record."""

from typing import assert_never

import msgspec

from agent.core.events import (
    Answered,
    Cleared,
    ContextSent,
    Controls,
    DebugChanged,
    Decided,
    Event,
    Failed,
    FrameClosed,
    FrameOpened,
    FrameTraced,
    GraphSwitched,
    Interpreted,
    LoopLagged,
    MachineCreated,
    MachineTransition,
    Perceived,
    ProcessDone,
    ProcessLine,
    ProcessStarted,
    Queued,
    RunChanged,
    Said,
    Sensed,
    Streaming,
    TestsChanged,
    Thinking,
    ToolCalled,
    ToolReturned,
    Updated,
    WorkspaceRead,
)
from agent.core.json import Json

_encode = msgspec.json.Encoder().encode


def trace_line(seq: int, at: int, event: Event) -> bytes:
    """Encode for ``/ws/trace`` and ``/api/events``: one flat JSON object."""
    if isinstance(event, TestsChanged):
        body = _encode({"type": "test_status", **event.record})
    elif isinstance(event, FrameTraced):
        body = _encode(_with_summary(event))
    else:
        body = _encode(event)
    return b'{"seq":%d,"ts":%d,' % (seq, at) + body[1:]


def _with_summary(event: FrameTraced) -> Json:
    return {
        "event": "frame_trace",
        "node": event.node,
        "run_id": event.run_id,
        "channel": event.channel,
        "trace": msgspec.Raw(event.trace.encoded()),
    }


def test_line(seq: int, event: Event) -> bytes:
    """Encode for ``/ws/test``: the whole record with its type."""
    record: Json = event.record if isinstance(event, TestsChanged) else {}
    return _encode({"type": "test_status", "seq": seq, **record})


def chat_line(seq: int, event: Event) -> bytes:
    """Encode for ``/ws``; empty for an event that the chat does not show."""
    view = _chat(event)
    return _encode({**view, "seq": seq}) if view else b""


def _chat(event: Event) -> Json:
    run_id = event.run_id
    match event:
        case Streaming():
            return {"type": "delta", "content": event.text, "run_id": run_id}
        case Controls():
            return {"type": "controls", "controls": event.controls}
        case Answered():
            return {"type": "done", "run_id": run_id}
        case Cleared():
            return {"type": "cleared"}
        case Said():
            return {"type": "message", "role": event.role, "text": event.text, "run_id": run_id}
        case Queued():
            return {"type": "queued", "run_id": run_id, "position": event.position}
        case Failed():
            return {"type": "error", "detail": event.detail, "error": event.code, "run_id": run_id}
        case (
            Thinking() | Perceived() | Decided() | ToolCalled() | ToolReturned() | Interpreted()
            | Updated() | ContextSent() | MachineCreated() | MachineTransition()
            | ProcessStarted() | ProcessLine() | ProcessDone() | Sensed() | FrameOpened()
            | FrameClosed() | FrameTraced() | RunChanged() | GraphSwitched() | LoopLagged()
            | TestsChanged() | WorkspaceRead() | DebugChanged()
        ):  # fmt: skip
            return None
        case _:
            assert_never(event)
