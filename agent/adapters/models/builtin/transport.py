"""The built-in model's server: chat completions over an HTTP transport, streamed or whole."""

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING

import msgspec

from agent import net
from agent.adapters.models.builtin.mind import Reply, think
from agent.core.json import Json, fields

if TYPE_CHECKING:
    from agent.net import Request, Response

BASE_URL = "http://builtin/v1"
MODEL = "builtin"
_PIECES = re.compile(r"\S+\s*|\s+")
_PIECE_CHARS = 24
_UNPACED = 6
_CHARACTERS_PER_TOKEN = 4
_JSON = {"content-type": "application/json"}
_STREAM = {"content-type": "text/event-stream; charset=utf-8"}


class BuiltinTransport:
    """Answers what is sent to ``BASE_URL``; opens nothing.

    Args:
        token_ms: pause before each piece of a streamed answer, in milliseconds.
    """

    def __init__(self, token_ms: int = 0) -> None:
        self._pause = token_ms / 1000
        self._numbers = itertools.count(1)

    async def handle_async_request(self, request: "Request") -> "Response":
        """Answer ``GET /models`` and ``POST /chat/completions``."""
        path = request.url.path.rstrip("/")
        if path.endswith("/models") and request.method == "GET":
            models = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
            return _whole(200, models)
        if not path.endswith("/chat/completions") or request.method != "POST":
            return _refused(404, f"no route {request.method} {path}")
        try:
            body: Json = msgspec.json.decode(await request.aread())
        except msgspec.DecodeError as error:
            return _refused(400, f"the body is not JSON: {error}")
        if not isinstance(fields(body).get("messages"), list):
            return _refused(400, "messages: expected a list")
        return self._answer(body)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _answer(self, body: Json) -> "Response":
        reply = think(body)
        usage = _usage(body, reply)
        name = f"chatcmpl-builtin-{next(self._numbers)}"
        model = str(body.get("model") or MODEL)
        if body.get("stream"):
            return net.stream(200, _STREAM, self._chunks(name, model, reply, usage))
        return _whole(200, _completion(name, model, reply, usage))

    async def _chunks(
        self, name: str, model: str, reply: Reply, usage: Json
    ) -> AsyncGenerator[bytes, None]:
        head: dict[str, Json] = {
            "id": name,
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
        }
        waiting = b""
        for delta in _deltas(reply, 1 if self._pause else _UNPACED):
            event = _event(
                {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            )
            if not self._pause:
                waiting += event
                continue
            await asyncio.sleep(self._pause)
            yield event
        finish = "tool_calls" if reply.calls else "stop"
        end: Json = {"index": 0, "delta": {}, "finish_reason": finish}
        last: Json = {**head, "choices": [end]}
        tail: Json = {**head, "choices": [], "usage": usage}
        yield waiting + _event(last) + _event(tail) + b"data: [DONE]\n\n"


def _deltas(reply: Reply, words: int) -> Iterator[Json]:
    """Yield what a stream says, ``words`` words at a time."""
    role: Json = {"role": "assistant"}
    if not reply.calls:
        pieces = _PIECES.findall(reply.text)
        for start in range(0, len(pieces), words):
            yield {**role, "content": "".join(pieces[start : start + words])}
            role = {}
        return
    for index, call in enumerate(reply.calls):
        arguments = msgspec.json.encode(call.arguments).decode()
        function: Json = {"name": call.name, "arguments": ""}
        begin: Json = {
            "index": index,
            "id": f"call_{index + 1}",
            "type": "function",
            "function": function,
        }
        yield {**role, "tool_calls": [begin]}
        size = _PIECE_CHARS if words == 1 else len(arguments)
        for start in range(0, len(arguments), size):
            part = {"index": index, "function": {"arguments": arguments[start : start + size]}}
            yield {"tool_calls": [part]}


def _completion(name: str, model: str, reply: Reply, usage: Json) -> Json:
    message: dict[str, Json] = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": msgspec.json.encode(call.arguments).decode(),
                },
            }
            for number, call in enumerate(reply.calls, 1)
        ]
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if reply.calls else "stop",
    }
    return {
        "id": name, "object": "chat.completion", "created": 0, "model": model,
        "choices": [choice], "usage": usage,
    }  # fmt: skip


def _usage(body: Json, reply: Reply) -> Json:
    """Estimate tokens; the model is free."""
    asked = len(msgspec.json.encode([body.get("messages"), body.get("tools")]))
    said = len(reply.text) + sum(len(msgspec.json.encode(call.arguments)) for call in reply.calls)
    prompt, completion = asked // _CHARACTERS_PER_TOKEN, said // _CHARACTERS_PER_TOKEN + 1
    return {
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion, "cost": 0,
    }  # fmt: skip


def _event(value: Json) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _whole(status: int, value: Json) -> "Response":
    return net.stream(status, _JSON, _once(msgspec.json.encode(value)))


def _refused(status: int, message: str) -> "Response":
    return _whole(status, {"error": {"message": message, "type": "invalid_request_error"}})


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
