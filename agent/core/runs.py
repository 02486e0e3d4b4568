"""A run: one pass of one input through a graph, and the statuses it may go through."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from agent.core.errors import IllegalMove
from agent.core.json import Json

RunKind = Literal[
    "message", "action", "startup", "resume", "task", "test", "replay", "fork", "import"
]


class RunStatus(StrEnum):
    """Where a run is. The last four are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    __hash__ = str.__hash__  # the enum's own is Python code, and every move looks itself up

    @property
    def terminal(self) -> bool:
        """Whether nothing follows."""
        return self in TERMINAL


TERMINAL = frozenset({RunStatus.DONE, RunStatus.ERROR, RunStatus.CANCELLED, RunStatus.INTERRUPTED})
ACTIVE = frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.WAITING})

MOVES: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.ERROR}),
    RunStatus.RUNNING: TERMINAL | {RunStatus.PAUSED, RunStatus.WAITING},
    RunStatus.PAUSED: TERMINAL | {RunStatus.RUNNING},
    RunStatus.WAITING: TERMINAL | {RunStatus.RUNNING},
    RunStatus.DONE: frozenset(),
    RunStatus.ERROR: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.INTERRUPTED: frozenset(),
}


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One run, as stored. Times are Unix milliseconds."""

    n: int
    """Number of the run in its store; never restarts."""
    run_id: str
    kind: RunKind = "message"
    status: RunStatus
    channel: str
    text: str
    """The message, or the action's name."""
    action: bool = False
    """It is a click, not a message; a replay of one is one too."""
    data: Json = None
    """The action's data."""
    dashboard: Json = None
    """What the browser showed when it was sent."""
    alias: str = ""
    """``msg_<n>`` when it came through ``/api/send``."""
    identity: str = "anonymous"
    graph: str = ""
    revision: str = ""
    parent: int = 0
    """Number of the run whose state it started from; 0 for a fresh state."""
    base: Json = None
    """The state it started from, when it has no parent."""
    sensor: Json = None
    """What the sensor knew at the start; the run never sees a later value."""
    created: float
    started: float | None = None
    ended: float | None = None
    response: str = ""
    error: str = ""
    path: str = ""
    total_frames: int = 0
    total_ms: float = 0.0
    """From the start to the answer."""
    resumed_from: str = ""
    replay_of: str = ""
    fork_of: str = ""
    """The run that this one is a fork of."""
    origin: str = ""
    """The run at the beginning of a chain of replays and forks; its id is what nodes are told."""
    imported_from: str = ""
    """Its id in the installation that it was recorded in, when that was another one."""


def anew(run: Run, n: int, run_id: str, at: float) -> Run:
    """Return a queued run ``n`` with the input of ``run``, and nothing of what became of that."""
    return msgspec.structs.replace(
        run,
        n=n,
        run_id=run_id,
        status=RunStatus.QUEUED,
        alias="",
        created=at,
        started=None,
        ended=None,
        response="",
        error="",
        path="",
        total_frames=0,
        total_ms=0.0,
        origin=run.origin or run.run_id,
    )


def advance(run: Run, status: RunStatus, at: float, **fields: Json) -> Run:
    """Move ``run`` to ``status`` at time ``at``, with new values of ``fields``.

    Raises:
        IllegalMove: when the table does not allow it.
    """
    if status not in MOVES[run.status]:
        raise IllegalMove(f"run {run.run_id} is {run.status} and cannot become {status}")
    if status in TERMINAL:
        return msgspec.structs.replace(run, status=status, ended=at, **fields)
    if run.started is None and status is RunStatus.RUNNING:
        return msgspec.structs.replace(run, status=status, started=at, **fields)
    return msgspec.structs.replace(run, status=status, **fields)
