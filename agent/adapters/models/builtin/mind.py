"""From a request to an answer: a filled-in schema, tool calls, or words."""

import msgspec

from agent.adapters.models.builtin.asked import Asked
from agent.adapters.models.builtin.filling import filled
from agent.adapters.models.builtin.purpose import mended, purpose_of
from agent.adapters.models.builtin.replies import reply
from agent.adapters.models.builtin.toolbox import Call
from agent.core.json import Json, fields, items

_TRIES = 2


class Reply(msgspec.Struct, frozen=True):
    """What the model answers."""

    text: str = ""
    calls: tuple[Call, ...] = ()


def think(body: Json) -> Reply:
    """Answer one request."""
    asked = Asked(body)
    if asked.shape is not None:
        return Reply(msgspec.json.encode(filled(asked)).decode())
    if asked.offered and fields(body).get("tool_choice") != "none":
        calls = _calls(asked)
        if calls:
            return Reply(calls=calls)
    return Reply(reply(asked))


def _calls(asked: Asked) -> tuple[Call, ...]:
    """Return the calls still to be made: those of a plan in the prompt, else our own."""
    if asked.outcomes:
        return _again(asked)
    names = {tool.name for tool in asked.offered}
    for value in asked.objects:
        for steps in fields(value).values():
            planned = [call for step in items(steps) if (call := _planned(step, names))]
            if planned:
                return tuple(planned)
    return tuple(call for call in purpose_of(asked).calls if call.name in names)


def _again(asked: Asked) -> tuple[Call, ...]:
    """Return the last call once more where its error says what was meant."""
    last = asked.outcomes[-1]
    if not last.failed or len(asked.outcomes) > _TRIES:
        return ()
    try:
        given = fields(msgspec.json.decode(last.arguments))
    except (msgspec.DecodeError, TypeError):
        return ()
    better = {key: mended(v, [last.text]) if isinstance(v, str) else v for key, v in given.items()}
    return (Call(last.name, better),) if better != given else ()


def _planned(step: Json, names: set[str]) -> Call | None:
    """Read ``{"tool": name, "args": {…}}`` in whatever words."""
    values = fields(step).values()
    name = next((v for v in values if isinstance(v, str) and v in names), None)
    arguments: Json = next((fields(v) for v in values if isinstance(v, dict)), None)
    return Call(name, arguments) if name and arguments is not None else None
