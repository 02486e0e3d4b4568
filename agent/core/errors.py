"""Everything that can go wrong on purpose.

* AgentError
  x BadInput                     400
    - Unprocessable              422
    - BadGraph                   422
    - BadCondition               422
  x Unauthorized                 401
  x Forbidden                    403
  x NotFound                     404
    - UnknownGraph               404
    - UnknownRun                 404
    - UnknownProcess             404
  x Conflict                     409
    - Busy                       409
    - IllegalMove                409
    - NotHeld                    409
    - MovedOn                    409
    - UnknownOutcome             409
    - Unconfirmed                409
  x TooLarge                     413
  x UnsupportedMedia             415
  x Misdirected                  421
  x Overloaded                   503
    - DiskFull                   507
  x NodeFailed                   500
    - BudgetExceeded             500
    - NotDeterministic           500
    - Diverged                   409
  x EffectFailed                 502
    - ModelFailed                502
    - ToolFailed                 502
"""

from typing import ClassVar

from agent.core.json import Json


class AgentError(Exception):
    """Base of every error a client may see; carries its own status and slug."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"


class BadInput(AgentError):  # noqa: N818
    """The request cannot be understood."""

    status = 400
    slug = "bad_input"


class Unprocessable(BadInput):
    """The request is well formed, a value in it is not."""

    status = 422
    slug = "unprocessable"


class BadGraph(BadInput):
    """A graph file is broken; the message starts with ``file:line``."""

    status = 422
    slug = "bad_graph"


class BadCondition(BadInput):
    """A breakpoint's condition cannot be understood; the message names the column."""

    status = 422
    slug = "bad_condition"


class Unauthorized(AgentError):  # noqa: N818
    """No credential, or one that is not valid."""

    status = 401
    slug = "unauthorized"


class Forbidden(AgentError):  # noqa: N818
    """The caller is known, the request is not allowed."""

    status = 403
    slug = "forbidden"


class NotFound(AgentError):  # noqa: N818
    """The named thing does not exist."""

    status = 404
    slug = "not_found"


class UnknownGraph(NotFound):
    """No graph of that name is installed."""

    slug = "unknown_graph"


class UnknownRun(NotFound):
    """No run answers to that id."""

    slug = "unknown_run"


class UnknownProcess(NotFound):
    """No tool call answers to that pid, or it ended long ago."""

    slug = "unknown_process"


class Conflict(AgentError):  # noqa: N818
    """The request is fine; the moment is not."""

    status = 409
    slug = "conflict"


class Busy(Conflict):
    """A run is active or queued in this channel."""

    slug = "busy"


class IllegalMove(Conflict):
    """A run was asked to enter a status that its status does not lead to."""

    slug = "illegal_move"


class NotHeld(Conflict):
    """No run is held in this channel."""

    slug = "not_held"


class MovedOn(Conflict):
    """The conversation went on after that run; it can go back there, or the run is forked."""

    slug = "moved_on"


class UnknownOutcome(Conflict):
    """A tool that writes was cut off and perhaps did its work, so it is not repeated."""

    slug = "unknown_outcome"


class Unconfirmed(Conflict):
    """A fork would call a tool that writes; it does when asked again with ``"confirm": true``."""

    slug = "unconfirmed"


class TooLarge(AgentError):  # noqa: N818
    """A body or a message is over its limit."""

    status = 413
    slug = "too_large"


class UnsupportedMedia(AgentError):  # noqa: N818
    """A body of a media type that the route does not take."""

    status = 415
    slug = "unsupported_media_type"


class Misdirected(AgentError):  # noqa: N818
    """The Host header names a host that this server does not answer for."""

    status = 421
    slug = "misdirected"


class Overloaded(AgentError):  # noqa: N818
    """The server cannot take this now; trying again later can help."""

    status = 503
    slug = "overloaded"


class DiskFull(Overloaded):
    """Nothing can be written, so nothing can be accepted."""

    status = 507
    slug = "disk_full"


class NodeFailed(AgentError):  # noqa: N818
    """A node raised; the message names node and cause."""

    slug = "node_failed"


class BudgetExceeded(NodeFailed):
    """A run used up its frames, tokens or time."""

    slug = "budget_exceeded"


class NotDeterministic(NodeFailed):
    """A node reached for the world past its context."""

    slug = "not_deterministic"


class Diverged(NodeFailed):
    """A sealed replay asked for an effect that the recording does not hold."""

    status = 409
    slug = "diverged"


class EffectFailed(AgentError):  # noqa: N818
    """The world answered with an error; it is part of the recording."""

    status = 502
    slug = "effect_failed"

    def __init__(self, code: str, detail: str, *, partial: Json = None) -> None:
        super().__init__(detail)
        self.code = code
        """A named cause, such as ``model_timeout``; the same in traces, pages and tests."""
        self.partial = partial
        """What had arrived before it failed, or ``None``."""


class ModelFailed(EffectFailed):
    """A model call failed after all permitted tries."""

    slug = "model_failed"


class ToolFailed(EffectFailed):
    """A tool failed; the node may go on."""

    slug = "tool_failed"
