"""From a Python type to the JSON schema a model is given, and from its words back to the type."""

import re
from functools import cache
from typing import TypeVar

import msgspec

from agent.core.json import Json

T = TypeVar("T")
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


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
    """Read ``shape`` out of what a model wrote, prose and code fences around it allowed.

    Raises:
        msgspec.ValidationError: it is JSON of another shape; the message names the field.
        msgspec.DecodeError: there is no JSON object in it.
    """
    last: msgspec.DecodeError | None = None
    for candidate in _candidates(text):
        try:
            return msgspec.json.decode(candidate, type=shape, strict=False)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError as error:
            last = error
    raise last or msgspec.DecodeError("no JSON object found")


def _candidates(text: str) -> list[str]:
    found = [text, *_FENCE.findall(text)]
    start, stop = text.find("{"), text.rfind("}")
    if 0 <= start < stop:
        found.append(text[start : stop + 1])
    return [candidate.strip() for candidate in found if candidate.strip()]
