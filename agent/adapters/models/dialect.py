"""What one server was found to take, and the request body in words it takes.

A server that refuses ``json_schema`` is asked for ``json_object`` with the schema in the system
message, then without a format; one that refuses ``stream_options`` is asked without. Both are
remembered, so the refusal is met once.
"""

import msgspec

from agent.adapters.models.faults import Fault
from agent.core.json import Json, canonical, fields
from agent.core.messages import ModelRequest

SCHEMA, OBJECT, NONE = range(3)
_FORMAT_WORDS = (
    "response_format",
    "json_schema",
    "json_object",
    "structured output",
    "json mode",
    "grammar",
)
_USAGE_WORDS = ("stream_options", "include_usage")
_REFUSALS = (400, 404, 422, 501)


class Wording(msgspec.Struct, frozen=True):
    """How one try words its request."""

    format: int
    usage: bool


class Dialect:
    """The memory of one server's refusals; single owner, its client."""

    def __init__(self) -> None:
        self._formats: dict[str, int] = {}
        self._usage = True

    def wording(self, request: ModelRequest) -> Wording:
        """Return the fullest wording that ``request.model`` has not refused."""
        least = SCHEMA if fields(request.response_format).get("json_schema") else OBJECT
        if request.response_format is None:
            least = NONE
        return Wording(max(least, self._formats.get(request.model, SCHEMA)), self._usage)

    def learn(self, model: str, wording: Wording, fault: Fault) -> bool:
        """Remember what ``fault`` says about ``wording``; whether plainer words are left."""
        if fault.status not in _REFUSALS:
            return False
        if wording.usage and any(word in fault.said for word in _USAGE_WORDS):
            self._usage = False
            return True
        if wording.format < NONE and any(word in fault.said for word in _FORMAT_WORDS):
            self._formats[model] = max(self._formats.get(model, SCHEMA), wording.format + 1)
            return True
        return False

    def plainer(self, model: str, wording: Wording) -> str:
        """Say in words what ``learn`` changed since ``wording``."""
        if wording.usage and not self._usage:
            return "stream_options is left out"
        level = self._formats.get(model, SCHEMA)
        return f"{model!r} is asked for {'json_object' if level == OBJECT else 'no format'}"


def body(request: ModelRequest, wording: Wording) -> bytes:
    """Encode ``request`` as the server is to get it."""
    asked: dict[str, Json] = {
        "model": request.model,
        "messages": request.messages,
        "stream": True,
    }
    if wording.usage:
        asked["stream_options"] = {"include_usage": True}
    if request.tools:
        asked["tools"] = request.tools
    if request.temperature is not None:
        asked["temperature"] = request.temperature
    if request.max_tokens is not None:
        asked["max_tokens"] = request.max_tokens
    if request.response_format is not None:
        _ask_format(asked, request, wording.format)
    return msgspec.json.encode(asked)


def _ask_format(asked: dict[str, Json], request: ModelRequest, level: int) -> None:
    schema = fields(fields(request.response_format).get("json_schema")).get("schema")
    if level == SCHEMA or (level == OBJECT and schema is None):
        asked["response_format"] = request.response_format
    elif level == OBJECT:
        asked["response_format"] = {"type": "json_object"}
    if level > SCHEMA and schema is not None:
        asked["messages"] = _explained(request.messages, schema)


def _explained(messages: tuple[Json, ...], schema: Json) -> list[Json]:
    """Say the schema in the system message: many servers take only one, and only first."""
    rule = (
        f"Answer with one JSON object that matches this JSON schema:\n{canonical(schema).decode()}"
    )
    first = fields(messages[0] if messages else None)
    text = first.get("content")
    if first.get("role") == "system" and isinstance(text, str):
        merged = {**first, "content": f"{text}\n\n{rule}"}
        return [merged, *messages[1:]]
    return [{"role": "system", "content": rule}, *messages]
