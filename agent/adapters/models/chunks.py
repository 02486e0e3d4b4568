"""The chunks of a chat completion, as servers really send them, and lenient decoding of JSON."""

import json

import msgspec

from agent.adapters.models import faults
from agent.adapters.models.faults import Fault
from agent.core import embedded
from agent.core.json import Json, fields, items

_SHOWN_BYTES = 64 * 1024


class Function(msgspec.Struct):
    """The function of a tool call, or a piece of it."""

    name: str | None = None
    arguments: Json = None


class CallPiece(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Piece(msgspec.Struct):
    """What a message says, or the next piece of it."""

    content: str | list[Json] | None = None
    refusal: str | None = None
    reasoning_content: Json = None
    reasoning: Json = None
    tool_calls: list[CallPiece] | None = None

    @property
    def words(self) -> str:
        """The text of ``content``, which some servers send as a list of typed parts."""
        if not isinstance(self.content, list):
            return self.content or ""
        return _texts(self.content)

    @property
    def thought(self) -> str:
        """What the server itself told apart as thinking; some send it under two names at once."""
        for told in (self.reasoning_content, self.reasoning):
            if isinstance(told, str) and told:
                return told
        return "".join(_texts(items(fields(part).get("thinking"))) for part in items(self.content))


class Choice(msgspec.Struct):
    """One of the answers; only the first is read."""

    index: int | None = None
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: str | None = None
    error: Json = None


class Chunk(msgspec.Struct):
    """One event of a stream, or a whole answer that was not streamed."""

    choices: list[Choice] | None = None
    model: Json = None
    usage: Json = None
    error: Json = None


def piece(data: bytes) -> Chunk:
    """Read the data of one event.

    Raises:
        Fault: it is no chunk.
    """
    try:
        return loads(data, Chunk)
    except msgspec.ValidationError as error:
        raise Fault(faults.GARBAGE, f"sent a chunk of another shape: {error}") from None
    except ValueError:
        raise Fault(faults.GARBAGE, "sent invalid JSON:", quote=_shown(data)) from None


def whole(data: bytes) -> Chunk:
    """Read an answer that was sent in one piece although a stream was asked for.

    Raises:
        Fault: it is not the JSON of a chat completion.
    """
    try:
        chunk = loads(data, Chunk)
    except ValueError as error:
        raise Fault(faults.GARBAGE, f"sent invalid JSON ({error}):", quote=_shown(data)) from None
    if chunk.choices is None and chunk.error is None:
        raise Fault(faults.GARBAGE, "sent JSON that is no chat completion:", quote=_shown(data))
    return chunk


def _texts(parts: Json) -> str:
    texts = (fields(part).get("text") for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def _shown(data: bytes) -> str:
    return data[:_SHOWN_BYTES].decode("utf-8", "replace")


def loads(data: bytes, shape: type[Json]) -> Json:
    """Decode ``data``; bad UTF-8 and lone surrogates become U+FFFD.

    Raises:
        ValueError: it is not JSON, or of another shape (``msgspec.ValidationError``).
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError:
        return msgspec.json.decode(_mended(data), type=shape)


def _mended(data: bytes) -> str:
    try:
        return embedded.mended(json.loads(data.decode("utf-8", "replace")))
    except RecursionError:
        raise ValueError("nested too deep") from None
