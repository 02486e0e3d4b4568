"""What one server was found to take, and the request body in words it takes.

A server that refuses ``json_schema`` is asked for ``json_object`` with the schema in the system
message, then without a format; one that refuses ``tools`` is told of them in the system message;
one whose template wants user and assistant in turn is told all in their words; ``stream_options``
and ``temperature`` are left out where they are refused. A refusal is remembered and met once.
"""

from collections.abc import Sequence

import msgspec

from agent.adapters.models import faults, textcalls
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
)
_GRAMMAR = "grammar"
"""What some servers make of a schema, and of tools: a sign of either."""
_USAGE_WORDS = ("stream_options", "include_usage")
_TOOL_WORDS = (
    "tools",
    "tool_choice",
    "tool choice",
    "tool use",
    "tool calling",
    "tool-calling",
    "function calling",
    "function call",
)
_ROLE_WORDS = (
    "system role",
    "role 'system'",
    'role "system"',
    "roles must alternate",
    "only user and assistant roles",
)
_REFUSALS = (400, 404, 422, 501)
_OTHER_REFUSALS = (*_REFUSALS, 500)
"""With 500 some servers tell what their template does not take, tools and roles."""


class Wording(msgspec.Struct, frozen=True):
    """How one try words its request."""

    format: int
    usage: bool
    tools: bool
    """Whether tools are offered as such; else in the system message."""
    roles: bool
    """Whether any role may follow any other; else user and assistant take turns."""
    temperature: bool


class Dialect:
    """The memory of one server's refusals; single owner, its client."""

    def __init__(self) -> None:
        self._formats: dict[str, int] = {}
        self._toolless: set[str] = set()
        self._turns: set[str] = set()
        self._untempered: set[str] = set()
        self._headless: set[str] = set()
        self._usage = True

    def wording(self, request: ModelRequest) -> Wording:
        """Return the fullest wording that ``request.model`` has not refused."""
        least = SCHEMA if fields(request.response_format).get("json_schema") else OBJECT
        if request.response_format is None:
            least = NONE
        return Wording(
            format=max(least, self._formats.get(request.model, SCHEMA)),
            usage=self._usage,
            tools=request.model not in self._toolless,
            roles=request.model not in self._turns,
            temperature=request.model not in self._untempered,
        )

    def learn(self, request: ModelRequest, wording: Wording, fault: Fault) -> str:
        """Remember what ``fault`` says about ``wording``; return what is plainer from now on."""
        model, said = request.model, fault.said
        explicit = wording.format < NONE and _says(said, _FORMAT_WORDS)
        if wording.tools and request.tools and not explicit and _refuses_tools(fault):
            self._toolless.add(model)
            return f"{model!r} is told of tools in words"
        if wording.roles and fault.status in _OTHER_REFUSALS and _says(said, _ROLE_WORDS):
            self._turns.add(model)
            return f"{model!r} is told everything by user and assistant in turn"
        if fault.status not in _REFUSALS:
            return ""
        if wording.usage and _says(said, _USAGE_WORDS):
            self._usage = False
            return "stream_options is left out"
        if wording.temperature and request.temperature is not None and "temperature" in said:
            self._untempered.add(model)
            return f"{model!r} is asked without a temperature"
        if explicit or (wording.format < NONE and _GRAMMAR in said):
            level = max(self._formats.get(model, SCHEMA), wording.format + 1)
            self._formats[model] = level
            return f"{model!r} is asked for {'json_object' if level == OBJECT else 'no format'}"
        return ""

    def begins_inside(self, model: str) -> bool:
        """Whether the last answer of ``model`` began in a thought that nothing opened."""
        return model in self._headless

    def heard(self, model: str, *, headless: bool, free: bool) -> None:
        """Remember how an answer began; a model once headless is read so until it is not.

        An answer that was not ``free`` (only calls, or in a format that some servers enforce from
        the first token on) says nothing about the next one.
        """
        if headless:
            self._headless.add(model)
        elif free:
            self._headless.discard(model)


def body(request: ModelRequest, wording: Wording) -> bytes:
    """Encode ``request`` as the server is to get it."""
    asked: dict[str, Json] = {
        "model": request.model,
        "messages": request.messages if wording.tools else textcalls.retold(request.messages),
        "stream": True,
    }
    if wording.usage:
        asked["stream_options"] = {"include_usage": True}
    if request.tools and wording.tools:
        asked["tools"] = request.tools
    elif request.tools:
        asked["messages"] = _told(asked["messages"], textcalls.rule(request.tools))
    if request.temperature is not None and wording.temperature:
        asked["temperature"] = request.temperature
    if request.max_tokens is not None:
        asked["max_tokens"] = request.max_tokens
    if request.response_format is not None:
        _ask_format(asked, request, wording.format)
    if not wording.roles:
        asked["messages"] = textcalls.in_turns(textcalls.retold(asked["messages"]))
    return msgspec.json.encode(asked)


def _ask_format(asked: dict[str, Json], request: ModelRequest, level: int) -> None:
    schema = fields(fields(request.response_format).get("json_schema")).get("schema")
    if level == SCHEMA or (level == OBJECT and schema is None):
        asked["response_format"] = request.response_format
    elif level == OBJECT:
        asked["response_format"] = {"type": "json_object"}
    if level > SCHEMA and schema is not None:
        wanted = "Answer with one JSON object that matches this JSON schema:"
        asked["messages"] = _told(asked["messages"], f"{wanted}\n{canonical(schema).decode()}")


def _told(messages: Sequence[Json], rule: str) -> list[Json]:
    """Say ``rule`` in the system message: many servers take only one, and only first."""
    first = fields(messages[0] if messages else None)
    text = first.get("content")
    if first.get("role") == "system" and isinstance(text, str):
        merged = {**first, "content": f"{text}\n\n{rule}"}
        return [merged, *messages[1:]]
    return [{"role": "system", "content": rule}, *messages]


def _refuses_tools(fault: Fault) -> bool:
    refused = fault.kind in (faults.REFUSED, faults.NOT_FOUND, faults.DOWN)
    return refused and fault.status in _OTHER_REFUSALS and _says(fault.said, _TOOL_WORDS)


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)
