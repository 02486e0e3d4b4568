"""From a Python type to the JSON schema a model is given, and from its words back to the type."""

import re
from functools import cache
from operator import itemgetter
from typing import TypeVar

import msgspec

from agent.core import embedded
from agent.core.json import Json

T = TypeVar("T")
_THOUGHT_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)


@cache
def response_format(shape: type) -> Json:
    """Return the ``response_format`` of a chat-completions request for ``shape``."""
    (_,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    schema = dict(parts.pop(shape.__name__))
    schema["additionalProperties"] = False
    if parts:
        schema["$defs"] = parts
    return {"type": "json_schema", "json_schema": {"name": shape.__name__, "schema": schema}}


def decode(text: str, shape: type[T]) -> T:
    """Read ``shape`` out of what a model wrote, whatever stands around it.

    The first object that fits is taken; where none does, the longest one's error is told.

    Raises:
        msgspec.ValidationError: it is JSON of another shape; the message names the field.
        msgspec.DecodeError: there is no JSON object in it.
    """
    *_, answer = _THOUGHT_END.split(text)  # a model that begins in a thought only closes it
    best: tuple[int, msgspec.DecodeError] = (-1, msgspec.DecodeError("no JSON object found"))
    for part in dict.fromkeys((answer, text)):
        for found in embedded.objects(part):
            try:
                return msgspec.json.decode(found.json, type=shape, strict=False)
            except msgspec.DecodeError as error:
                best = max(best, (len(found.json), error), key=itemgetter(0))
    raise best[1]
