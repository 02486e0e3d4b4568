"""What is said to a model and what it answers, in the shapes of the chat-completions protocol."""

import msgspec

from agent.core.json import Json


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One request, exactly as it is hashed, recorded and sent."""

    model: str
    """Model id at the provider; the built-in one is ``builtin``."""
    messages: tuple[Json, ...]
    """Message objects: ``{"role", "content", "tool_calls"?, "tool_call_id"?}``."""
    tools: tuple[Json, ...] = ()
    """``{"type": "function", "function": {"name", "description", "parameters"}}`` each."""
    response_format: Json = None
    """``{"type": "json_schema", "json_schema": {"name", "schema", "strict"}}`` or ``None``."""
    temperature: float | None = None
    max_tokens: int | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tool the model wants called."""

    id: str
    name: str
    arguments: Json
    """The decoded arguments, or ``None`` when they were not a JSON object."""
    raw: str = ""
    """The arguments as the model wrote them, kept when they could not be decoded."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one model call, as the provider counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class ModelReply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A complete answer of a model."""

    text: str = ""
    """What it says; what it thinks is in ``reasoning`` alone."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    """``stop``, ``tool_calls``, ``length``, ``content_filter`` or what the provider said."""
    model: str = ""
    """The model that answered, which may be more exact than the one asked for."""
    usage: Usage | None = None
    cost: float | None = None
    """US dollars; ``None`` when the price is unknown (never 0 for unknown)."""
    reasoning: str = ""
    """What the model thought before it answered, where its server tells; never shown as answer."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One message of a conversation."""

    role: str
    """``user`` or ``assistant``."""
    content: str
    run_id: str = ""
    """The run it belongs to."""
