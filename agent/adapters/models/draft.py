"""An answer as it grows, piece by piece, out of the chunks of a chat completion.

Invariant: text is heard the moment it arrives, and what was heard stands in ``text``, whatever
happens next.
"""

import json
from collections.abc import Callable

import msgspec

from agent.adapters.models import faults
from agent.adapters.models.faults import Fault
from agent.adapters.models.prices import Prices, cost_of, usage_of
from agent.core.json import Json, fields
from agent.core.messages import ModelReply, ToolCall

_SHOWN_BYTES = 64 * 1024


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Json = None


class _CallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Piece(msgspec.Struct):
    content: str | list[Json] | None = None
    refusal: str | None = None
    tool_calls: list[_CallPiece] | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Piece | None = None
    message: _Piece | None = None
    finish_reason: str | None = None
    error: Json = None


class Chunk(msgspec.Struct):
    """One event of a stream, or a whole answer that was not streamed."""

    choices: list[_Choice] | None = None
    model: Json = None
    usage: Json = None
    error: Json = None


class _Call:
    """A tool call whose arguments are still arriving."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.raw: list[str] = []

    def done(self, place: int) -> ToolCall:
        raw = "".join(self.raw)
        name, call_id = self.name, self.id or f"call_{place}"
        try:
            value: Json = (
                _loads(raw.encode("utf-8", "replace"), dict[str, Json]) if raw.strip() else {}
            )
        except ValueError:
            return ToolCall(id=call_id, name=name, arguments=None, raw=raw)
        return ToolCall(id=call_id, name=name, arguments=value)


class Draft:
    """Gathers one try's answer."""

    def __init__(self, on_text: Callable[[str], None], most_chars: int) -> None:
        self._on_text = on_text
        self._most = most_chars
        self._size = 0
        self._parts: list[str] = []
        self._calls: list[_Call] = []
        self._places: dict[int | None, _Call] = {}
        self._model = ""
        self._usage: Json = None
        self.finish = ""
        """Why the model stopped, once it said so."""
        self.ended = False
        """Whether the server said that nothing follows."""

    @property
    def text(self) -> str:
        """All that was heard."""
        return "".join(self._parts)

    @property
    def complete(self) -> bool:
        """Whether this is a whole answer, even if the connection broke after it."""
        return bool(self.finish or (self.ended and (self._parts or self._calls)))

    def reply(self, asked: str, prices: Prices) -> ModelReply:
        """Return the finished answer to a request for the model ``asked``."""
        return ModelReply(
            text=self.text,
            tool_calls=tuple(call.done(place) for place, call in enumerate(self._calls)),
            finish=self.finish or "stop",
            model=self._model or asked,
            usage=usage_of(self._usage),
            cost=cost_of(self._usage, prices, self._model, asked),
        )

    def add(self, data: bytes) -> None:
        """Take the data of one event.

        Raises:
            Fault: it is no chunk, it reports an error, or the answer got too long.
        """
        if self.ended:
            return
        if data.strip() == b"[DONE]":
            self.ended = True
            return
        try:
            chunk = _loads(data, Chunk)
        except msgspec.ValidationError as error:
            raise Fault(faults.GARBAGE, f"sent a chunk of another shape: {error}") from None
        except ValueError:
            raise Fault(faults.GARBAGE, "sent invalid JSON:", quote=_shown(data)) from None
        self.take(chunk)

    def take(self, chunk: Chunk) -> None:
        """Take one decoded chunk."""
        if chunk.error is not None:
            raise faults.reported(chunk.error)
        if isinstance(chunk.model, str) and chunk.model:
            self._model = chunk.model
        if chunk.usage is not None:
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            if not choice.index:
                self._choose(choice)

    def _choose(self, choice: _Choice) -> None:
        if choice.error is not None:
            raise faults.reported(choice.error)
        piece = choice.delta or choice.message
        if piece is not None:
            self._hear(_words(piece.content) or piece.refusal or "")
            for part in piece.tool_calls or ():
                self._merge(part)
        if choice.finish_reason == "error":
            raise Fault(faults.DOWN, "ended its answer with an error that it did not explain")
        if choice.finish_reason:
            self.finish = choice.finish_reason

    def _hear(self, text: str) -> None:
        if text:
            self._grow(len(text))
            self._parts.append(text)
            self._on_text(text)

    def _merge(self, part: _CallPiece) -> None:
        function = part.function or _Function()
        call = self._places.get(part.index)
        if call is None or _is_next(call, part, function):
            call = self._places[part.index] = _Call()
            self._calls.append(call)
        call.id = call.id or part.id or ""
        call.name = call.name or function.name or ""
        written = function.arguments
        if written is not None:
            raw = written if isinstance(written, str) else msgspec.json.encode(written).decode()
            self._grow(len(raw))
            call.raw.append(raw)

    def _grow(self, chars: int) -> None:
        self._size += chars
        if self._size > self._most:
            raise too_long(self._most)


def too_long(most: int) -> Fault:
    """Say that a stream was cut because it would not end."""
    return Fault(faults.TOO_LONG, f"did not stop after {most} characters and was cut off")


def whole(data: bytes) -> Chunk:
    """Read an answer that was sent in one piece although a stream was asked for.

    Raises:
        Fault: it is not the JSON of a chat completion.
    """
    try:
        chunk = _loads(data, Chunk)
    except ValueError as error:
        raise Fault(faults.GARBAGE, f"sent invalid JSON ({error}):", quote=_shown(data)) from None
    if chunk.choices is None and chunk.error is None:
        raise Fault(faults.GARBAGE, "sent JSON that is no chat completion:", quote=_shown(data))
    return chunk


def _is_next(call: _Call, part: _CallPiece, function: _Function) -> bool:
    """Whether ``part`` begins another call: some servers number all calls 0, or none."""
    if part.id and call.id:
        return part.id != call.id
    return part.index is None and bool(function.name and call.name)


def _words(content: str | list[Json] | None) -> str:
    """Return the text of ``content``, which some servers send as a list of typed parts."""
    if not isinstance(content, list):
        return content or ""
    parts = (fields(part).get("text") for part in content)
    return "".join(text for text in parts if isinstance(text, str))


def _shown(data: bytes) -> str:
    return data[:_SHOWN_BYTES].decode("utf-8", "replace")


def _loads(data: bytes, shape: type[Json]) -> Json:
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


def _mended(data: bytes) -> bytes:
    try:
        loose = json.dumps(json.loads(data.decode("utf-8", "replace")), ensure_ascii=False)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return loose.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
