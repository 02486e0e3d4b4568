"""Tool calls in words: for servers that refuse ``tools``, and models that write calls as text.

What is told is what many open models were trained on, a ``<tool_call>`` block around JSON. What is
read is any JSON object with the name of a tool that was offered; no other object is ever a call.
"""

import re
from collections.abc import Iterable

import msgspec

from agent.core import embedded
from agent.core.json import Json, canonical, fields, items
from agent.core.messages import ToolCall

_HOW = """\
You can call these tools (name, description, parameters as JSON schema):
{tools}

To call tools, answer with one block per call and nothing else:
<tool_call>{{"name": "the tool's name", "arguments": {{…}}}}</tool_call>
What it brought comes back in a <tool_response> block. Where no call is needed, answer without \
<tool_call>."""
_SHELL = re.compile(r"```\w*|</?tool_calls?>|\[TOOL_CALLS\]|<\|\w+\|>", re.IGNORECASE)
_SYSTEM = ("system", "developer")
_STARTS = ("", "{", "[", "`", "<")
_NAMES = ("name", "tool", "tool_name", "function")
_ARGUMENTS = ("arguments", "args", "parameters", "input")
_ABSENT: Json = object()


def rule(tools: Iterable[Json]) -> str:
    """Say in words which tools there are and how to call them."""
    told = (canonical(fields(tool).get("function")).decode() for tool in tools)
    return _HOW.format(tools="\n".join(told))


def retold(messages: Iterable[Json]) -> list[Json]:
    """Tell earlier calls and their results as text; neighbours of one role become one message."""
    return _merged(_plain(fields(message)) for message in messages)


def in_turns(messages: Iterable[Json]) -> list[Json]:
    """Tell the system message as the user's, so that user and assistant take turns."""
    users = ({**message, "role": "user"} if message.get("role") in _SYSTEM else message
             for message in map(fields, messages))  # fmt: skip
    return _merged({**message} for message in users)


def _merged(messages: Iterable[dict[str, Json]]) -> list[Json]:
    told: list[dict[str, Json]] = []
    for message in messages:
        if told and message["role"] == told[-1]["role"]:
            told[-1]["content"] = f"{told[-1]['content']}\n\n{message['content']}"
        else:
            told.append(message)
    return [*told]


def _plain(message: Json) -> dict[str, Json]:
    content = message.get("content") or ""
    if message.get("role") == "tool":
        return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}
    calls = items(message.get("tool_calls"))
    if not calls:
        return {**message}
    blocks = (_block(fields(fields(call).get("function"))) for call in calls)
    return {"role": "assistant", "content": "\n".join([content, *blocks]).strip()}


def _block(function: Json) -> str:
    name = msgspec.json.encode(function.get("name")).decode()
    arguments = function.get("arguments") or "{}"
    return f'<tool_call>{{"name": {name}, "arguments": {arguments}}}</tool_call>'


def may_begin(text: str) -> bool:
    """Whether an answer that begins with ``text`` can be a call."""
    return text.lstrip()[:1] in _STARTS


def found(text: str, offered: frozenset[str]) -> tuple[tuple[ToolCall, ...], str]:
    """Return the calls of ``offered`` tools in ``text``, and what else it says."""
    calls: list[ToolCall] = []
    rest: list[str] = []
    place = 0
    for entry in embedded.objects(text):
        read = _calls(msgspec.json.decode(entry.json), offered, len(calls))
        if read:
            calls += read
            rest.append(text[place : entry.start])
            place = entry.end
    if not calls:
        return (), text
    said = _SHELL.sub("", "".join([*rest, text[place:]])).strip()
    return tuple(calls), said if said.strip("[], \n") else ""


def _calls(value: Json, offered: frozenset[str], place: int) -> list[ToolCall]:
    """Read one object: a call, or an object that holds a list of them."""
    several = items(fields(value).get("tool_calls"))
    read = (_call(entry, offered) for entry in several or (value,))
    return [
        msgspec.structs.replace(call, id=f"call_{number}")
        for number, call in enumerate(filter(None, read), place)
    ]


def _call(value: Json, offered: frozenset[str]) -> ToolCall | None:
    told = fields(value)
    function = fields(told.get("function")) or told
    names = (function.get(key) for key in _NAMES)
    name = next((name for name in names if isinstance(name, str)), None)
    if name not in offered or "description" in function:  # else it repeats how the tool was told
        return None
    given = next((function[key] for key in _ARGUMENTS if key in function), _ABSENT)
    return _made(name, {} if given is _ABSENT or given is None else given)


def _made(name: str, given: Json) -> ToolCall:
    arguments, raw = given, ""
    if isinstance(given, str):
        raw = given
        try:
            arguments = msgspec.json.decode(given)
        except msgspec.DecodeError:
            arguments = None
    if not isinstance(arguments, dict):
        raw = raw or msgspec.json.encode(given).decode()
        return ToolCall(id="", name=name, arguments=None, raw=raw)
    return ToolCall(id="", name=name, arguments=arguments)
