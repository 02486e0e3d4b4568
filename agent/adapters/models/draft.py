"""An answer as it grows, piece by piece, out of the chunks of a chat completion.

Invariant: text is heard the moment it is known to be text, neither thought nor tool call, and what
was heard stands in ``text``, whatever happens next.
"""

from collections.abc import Callable

import msgspec

from agent.adapters.models import chunks, faults, textcalls
from agent.adapters.models.chunks import CallPiece, Choice, Chunk, Function
from agent.adapters.models.faults import Fault
from agent.adapters.models.prices import Prices, cost_of, usage_of
from agent.adapters.models.thoughts import Thoughts
from agent.core.json import Json, fields
from agent.core.messages import ModelReply, ModelRequest, ToolCall


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
                chunks.loads(raw.encode("utf-8", "replace"), dict[str, Json]) if raw.strip() else {}
            )
        except ValueError:
            return ToolCall(id=call_id, name=name, arguments=None, raw=raw)
        return ToolCall(id=call_id, name=name, arguments=value)


class Draft:
    """Gathers one try's answer.

    Args:
        request: what is answered.
        on_text: hears the text.
        most_chars: where an answer is cut off.
        inside: whether the model begins in a thought.
    """

    def __init__(
        self,
        request: ModelRequest,
        on_text: Callable[[str], None],
        most_chars: int,
        *,
        inside: bool = False,
    ) -> None:
        self._asked = request.model
        self._offered = frozenset(map(_name_of, request.tools))
        self._on_text = on_text
        self._most = most_chars
        self._size = 0
        self._thoughts = Thoughts(inside=inside)
        self._apart: list[str] = []
        self._refusal: list[str] = []
        self._parts: list[str] = []
        self._held: list[str] = []
        self._begin = ""
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
        return bool(self.finish or (self.ended and (self._size or self._calls)))

    @property
    def headless(self) -> bool:
        """Whether the answer began in a thought that nothing opened."""
        return self._thoughts.headless

    def reply(self, prices: Prices) -> ModelReply:
        """Return the finished answer.

        Raises:
            Fault: it is no answer: declined, filtered, or nothing but thought.
        """
        calls = tuple(call.done(place) for place, call in enumerate(self._calls))
        self._say(self._thoughts.end(cut=self.finish == "length"))
        calls = calls or self._calls_in_words()
        self._speak()
        self._judge(calls)
        finish = self.finish or "stop"
        return ModelReply(
            text=self.text,
            tool_calls=calls,
            finish="tool_calls" if calls and finish == "stop" else finish,
            model=self._model or self._asked,
            usage=usage_of(self._usage),
            cost=cost_of(self._usage, prices, self._model, self._asked),
            reasoning=self._reasoning(),
        )

    def _calls_in_words(self) -> tuple[ToolCall, ...]:
        """Find calls written as text; what was not heard yet and is no call stays to be said."""
        if not self._offered:
            return ()
        held = "".join(self._held)
        calls, rest = textcalls.found(held or self.text, self._offered)
        if held:
            self._held = [rest] if rest else []
        return calls

    def _judge(self, calls: tuple[ToolCall, ...]) -> None:
        if self._refusal or self.finish == "refusal":
            quote = "".join(self._refusal)
            raise Fault(faults.DECLINED, f"declined to answer{':' * bool(quote)}", quote=quote)
        if self.finish == "content_filter":
            raise Fault(faults.FILTERED, "stopped its answer by a content filter")
        if self._parts or calls:
            return
        if self.finish == "length":
            raise Fault(faults.SPENT, "used up its tokens before it said anything")
        if self._reasoning():
            raise Fault(faults.EMPTY, "thought, and then said nothing")

    def _reasoning(self) -> str:
        thoughts = ["".join(self._apart), *self._thoughts.found]
        return "\n\n".join(filter(None, map(str.strip, thoughts)))

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
        self.take(chunks.piece(data))

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

    def _choose(self, choice: Choice) -> None:
        if choice.error is not None:
            raise faults.reported(choice.error)
        piece = choice.delta or choice.message
        if piece is not None:
            self._hear(piece.words)
            self._note(self._apart, piece.thought)
            self._note(self._refusal, piece.refusal or "")
            for part in piece.tool_calls or ():
                self._merge(part)
        if choice.finish_reason == "error":
            raise Fault(faults.DOWN, "ended its answer with an error that it did not explain")
        if choice.finish_reason:
            self.finish = choice.finish_reason

    def _note(self, where: list[str], text: str) -> None:
        if text:
            self._grow(len(text))
            where.append(text)

    def _hear(self, text: str) -> None:
        if text:
            self._grow(len(text))
            self._say(self._thoughts.feed(text))

    def _say(self, text: str) -> None:
        """Let ``text`` be heard, unless it may still turn out to be a call."""
        if not text:
            return
        self._held.append(text)
        self._begin = self._begin or text.lstrip()[:1]
        if not self._offered or self._parts or not textcalls.may_begin(self._begin):
            self._speak()

    def _speak(self) -> None:
        text = "".join(self._held)
        self._held.clear()
        if text:
            self._parts.append(text)
            self._on_text(text)

    def _merge(self, part: CallPiece) -> None:
        function = part.function or Function()
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


def _is_next(call: _Call, part: CallPiece, function: Function) -> bool:
    """Whether ``part`` begins another call: some servers number all calls 0, or none."""
    if part.id and call.id:
        return part.id != call.id
    return part.index is None and bool(function.name and call.name)


def _name_of(tool: Json) -> str:
    return str(fields(fields(tool).get("function")).get("name"))
