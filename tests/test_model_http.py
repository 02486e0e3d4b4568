"""What a model's server says arrives whole: text, tool calls, structured output, usage and cost."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st
from upstream import (
    DONE,
    Act,
    Line,
    Upstream,
    delta,
    event,
    problem,
    says,
    serving,
    silent,
    streams,
    watched,
    whole,
)

from agent import net
from agent.adapters.models.limits import Limits
from agent.adapters.models.openai_http import OpenAIModel
from agent.adapters.models.prices import Price
from agent.core.errors import ModelFailed
from agent.core.json import Json
from agent.core.messages import ModelReply, ModelRequest, ToolCall, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # real sockets, all together some seconds
KEY = "sk-canary-0123456789"
REQUEST = ModelRequest(model="m", messages=({"role": "user", "content": "hi"},))
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "X", "schema": SCHEMA}}
STRUCTURED = ModelRequest(
    model="m",
    messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}),
    response_format=FORMAT,
)
USAGE = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serving() as server:
        yield server


@pytest.fixture
async def model(upstream: Upstream) -> AsyncIterator[OpenAIModel]:
    made = OpenAIModel(upstream.url, KEY, "m", prices={"m": Price(0.5, 2.0)})
    yield made
    await made.aclose()


async def ask(model: OpenAIModel, request: ModelRequest = REQUEST) -> tuple[ModelReply, list[str]]:
    heard: list[str] = []
    return await model.complete(request, heard.append), heard


async def test_text_streams_piece_by_piece(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(
        streams(b": ping\n\n", event(delta(role="assistant", content="")), *says("He", "llo"))
    )
    reply, heard = await ask(model)
    assert heard == ["He", "llo"]
    assert reply == ModelReply(text="Hello", finish="stop", model="m-1")


async def test_the_request_is_what_was_asked(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(*says("x")))
    tool = {"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}
    full = ModelRequest(
        model="big", messages=REQUEST.messages, tools=(tool,), response_format=FORMAT,
        temperature=0.0, max_tokens=7,
    )  # fmt: skip
    await ask(model, full)
    await ask(model)
    first, second = upstream.seen
    shared = {"stream": True, "stream_options": {"include_usage": True}}
    messages = [{"role": "user", "content": "hi"}]
    assert first.body == shared | {
        "model": "big", "messages": messages, "tools": [tool], "response_format": FORMAT,
        "temperature": 0.0, "max_tokens": 7,
    }  # fmt: skip
    assert second.body == shared | {"model": "m", "messages": messages}
    assert (first.method, first.path) == ("POST", "/v1/chat/completions")
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.headers["content-type"] == "application/json"


async def test_a_connection_is_used_again(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(*says("x")))
    for _ in range(3):
        await ask(model)
    assert upstream.connections == 1


async def test_no_key_sends_no_authorization(upstream: Upstream) -> None:
    upstream.plays(streams(*says("x")))
    model = OpenAIModel(upstream.url, " ", "m")
    await ask(model)
    await model.aclose()
    assert "authorization" not in upstream.seen[0].headers


async def test_a_redirect_takes_neither_request_nor_key_along(
    upstream: Upstream, model: OpenAIModel
) -> None:
    async with serving() as other:
        other.plays(streams(*says("stolen")))
        upstream.plays(whole(307, b"", location=f"{other.url}/chat/completions"))
        with pytest.raises(ModelFailed, match="never followed"):
            await ask(model)
        assert other.seen == []


def call(arguments: str | None = None, **more: Json) -> bytes:
    """One piece of a tool call."""
    function = {"arguments": arguments} if arguments is not None else {}
    if name := more.pop("name", None):
        function["name"] = name
    return event(delta(tool_calls=[{**more, "function": function}]))


END = [event(delta("tool_calls")), DONE]
SQL = ToolCall(id="a", name="sql", arguments={"q": "select 1"})
SAY = ToolCall(id="b", name="say", arguments={})
CALLS: dict[str, tuple[list[bytes], list[ToolCall]]] = {
    "merged by index, interleaved": (
        [
            call("", index=0, id="a", name="sql"), call('{"q": "se', index=0),
            call("", index=1, id="b", name="say"), call('lect 1"', index=0), call("}", index=0),
        ],
        [SQL, SAY],
    ),
    "id and name repeated": (
        [call('{"q": "select', index=0, id="a", name="sql"), call(' 1"}', index=0, id="a", name="sql")],
        [SQL],
    ),
    "all numbered 0": (
        [call('{"q": "select 1"}', index=0, id="a", name="sql"), call("{}", index=0, id="b", name="say")],
        [SQL, SAY],
    ),
    "not numbered": (
        [call('{"q": "select', id="a", name="sql"), call(' 1"}'), call("", id="b", name="say")],
        [SQL, SAY],
    ),
    "neither number nor id": (
        [call("{}", name="say"), call("{}", name="say")],
        [
            ToolCall(id="call_0", name="say", arguments={}),
            ToolCall(id="call_1", name="say", arguments={}),
        ],
    ),
    "arguments as an object": (
        [event(delta(tool_calls=[{"id": "a", "function": {"name": "sql", "arguments": {"q": "select 1"}}}]))],
        [SQL],
    ),
    "no arguments at all": ([call(index=0, id="b", name="say")], [SAY]),
    "truncated arguments": (
        [call('{"q": "sel', index=0, id="a", name="sql")],
        [ToolCall(id="a", name="sql", arguments=None, raw='{"q": "sel')],
    ),
    "arguments that are no object": (
        [call("[1]", index=0, id="a", name="sql")],
        [ToolCall(id="a", name="sql", arguments=None, raw="[1]")],
    ),
    "a tool that nobody offered": (
        [call('{"x": 1}', index=0, id="a", name="rm_rf")],
        [ToolCall(id="a", name="rm_rf", arguments={"x": 1})],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "calls"), CALLS.values(), ids=CALLS)
async def test_tool_calls(
    pieces: list[bytes], calls: list[ToolCall], upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(*pieces, *END))
    reply, heard = await ask(model)
    assert reply == ModelReply(tool_calls=tuple(calls), finish="tool_calls", model="m-1")
    assert heard == []


STREAMS: dict[str, tuple[list[bytes], str, str]] = {
    "no [DONE]": (says("Hello")[:-1], "Hello", "stop"),
    "no finish": ([event(delta(content="Hello")), DONE], "Hello", "stop"),
    "no blank line at the end": ([*says("Hello")[:-1], b"data: [DONE]"], "Hello", "stop"),
    "more after [DONE]": ([*says("Hello"), event(b"{nope}")], "Hello", "stop"),
    "length": ([event(delta("length", content="Hel"))], "Hel", "length"),
    "nothing to say": (says(), "", "stop"),
    "content in parts": (
        [event(delta(content=[{"type": "text", "text": "He"}, {"text": "llo"}, 3])), *says()],
        "Hello", "stop",
    ),
    "second choice ignored": (
        [event({"choices": [{"index": 1, "delta": {"content": "no"}}]}), *says("Hello")],
        "Hello", "stop",
    ),
    "CRLF": ([piece.replace(b"\n", b"\r\n") for piece in says("Hello")], "Hello", "stop"),
    "CR": ([piece.replace(b"\n", b"\r") for piece in says("Hello")], "Hello", "stop"),
    "byte order mark": ([b"\xef\xbb\xbf", *says("Hello")], "Hello", "stop"),
    "no space after the colon": (
        [piece.replace(b"data: ", b"data:") for piece in says("Hello")], "Hello", "stop"
    ),
    "other fields": ([b"event: x\nid: 1\nretry: 5\n" + piece for piece in says("Hello")], "Hello", "stop"),
    "data over two lines": (
        [b'data: {"choices": [{"delta":\ndata: {"content": "Hello"}}]}\n\n', DONE], "Hello", "stop"
    ),
    "bad UTF-8": (
        [b'data: {"choices": [{"delta": {"content": "a\xff\xe2\x82b"}}]}\n\n', DONE],
        "a\ufffd\ufffdb", "stop",
    ),
    "lone surrogate": (
        [b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n', DONE], "a\ufffd", "stop"
    ),
    "not streamed": (
        [b'{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}'], "Hello", "stop"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "text", "finish"), STREAMS.values(), ids=STREAMS)
async def test_streams_of_every_make(
    pieces: list[bytes], text: str, finish: str, upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(*pieces))
    reply, heard = await ask(model)
    assert (reply.text, reply.finish) == (text, finish)
    assert "".join(heard) == text


@pytest.mark.parametrize("then", ["cut", "stall"])
@pytest.mark.parametrize("last", [says("Hello"), says("Hello")[:-1]], ids=["done", "finish"])
async def test_a_whole_answer_survives_what_follows_it(
    last: list[bytes], then: str, upstream: Upstream
) -> None:
    upstream.plays(streams(*last, then=then))
    model = OpenAIModel(upstream.url, KEY, "m", limits=Limits(tail_s=0.02, done_s=0.02))
    reply, _ = await ask(model)
    await model.aclose()
    assert (reply.text, len(upstream.seen)) == ("Hello", 1)


async def test_an_answer_in_one_piece(upstream: Upstream, model: OpenAIModel) -> None:
    function = {"name": "sql", "arguments": '{"q": "select 1"}'}
    message = {"content": "Let me see.", "tool_calls": [{"id": "a", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.plays(whole(200, {"model": "m-1", "choices": [choice], "usage": USAGE}))
    reply, heard = await ask(model)
    assert heard == ["Let me see."]
    assert reply.tool_calls == (SQL,)
    assert reply.usage == Usage(prompt_tokens=1_000_000, completion_tokens=500_000)


@pytest.mark.parametrize(
    ("reported", "usage", "cost"),
    [
        (USAGE, Usage(prompt_tokens=1_000_000, completion_tokens=500_000), 1.5),
        (USAGE | {"cost": 0.25}, Usage(prompt_tokens=1_000_000, completion_tokens=500_000), 0.25),
        (USAGE | {"cost": 0}, Usage(prompt_tokens=1_000_000, completion_tokens=500_000), 0.0),
        (USAGE | {"cost": True}, Usage(prompt_tokens=1_000_000, completion_tokens=500_000), 1.5),
        ({"prompt_tokens": 2}, Usage(prompt_tokens=2), 1e-6),
        ({"prompt_tokens": "many"}, None, None),
        (None, None, None),
    ],
)
async def test_usage_and_cost(
    reported: Json, usage: Usage | None, cost: float | None, upstream: Upstream, model: OpenAIModel
) -> None:
    *text, end = says("x")
    upstream.plays(streams(*text, event({"choices": [], "usage": reported}), end))
    reply, _ = await ask(model)
    assert (reply.usage, reply.cost) == (usage, cost)


async def test_an_unknown_price_is_not_zero(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(event({"usage": USAGE}), *says("x")))
    reply, _ = await ask(model, ModelRequest(model="other", messages=REQUEST.messages))
    assert reply.usage is not None
    assert reply.cost is None


def without(*words: str) -> Act:
    """Refuse requests that use one of ``words``, as servers do."""

    async def act(line: Line) -> None:
        text = str(line.request.body)
        refusal = next((word for word in words if f"'{word}'" in text), None)
        answer = whole(400, problem(f"unsupported: {refusal}")) if refusal else streams(*says("{}"))
        await answer(line)

    return act


async def test_structured_output_falls_back_and_is_remembered(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(without("json_schema"))
    await ask(model, STRUCTURED)
    await ask(model, STRUCTURED)
    kinds = [(seen.body.get("response_format") or {}).get("type") for seen in upstream.seen]
    assert kinds == ["json_schema", "json_object", "json_object"]
    system, user = upstream.seen[-1].body["messages"]
    assert system["content"].startswith("Be brief.\n\n")
    assert '"properties":{"x":{"type":"integer"}}' in system["content"]
    assert user == {"role": "user", "content": "hi"}


async def test_structured_output_falls_back_to_words_alone(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(without("response_format"))
    bare = ModelRequest(model="m", messages=REQUEST.messages, response_format=FORMAT)
    await ask(model, bare)
    await ask(model, bare)
    assert ["response_format" in seen.body for seen in upstream.seen] == [True, True, False, False]
    assert [message["role"] for message in upstream.seen[-1].body["messages"]] == ["system", "user"]


async def test_what_one_model_refuses_another_is_still_asked(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(without("json_schema"))
    await ask(model, STRUCTURED)
    upstream.plays(streams(*says("{}")))
    await ask(model, ModelRequest(model="n", messages=REQUEST.messages, response_format=FORMAT))
    assert upstream.seen[-1].body["response_format"] == FORMAT


async def test_stream_options_are_left_out_where_refused(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(without("stream_options"))
    await ask(model)
    await ask(model)
    assert ["stream_options" in seen.body for seen in upstream.seen] == [True, False, False]


async def test_a_server_that_refuses_everything_is_given_up(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(whole(422, problem("no response_format, no stream_options")))
    with pytest.raises(ModelFailed) as caught:
        await ask(model, STRUCTURED)
    assert caught.value.code == "model_bad_request"
    assert len(upstream.seen) == 4


@pytest.mark.parametrize("act", [watched, silent])
async def test_cancelling_closes_the_stream(
    act: Act, upstream: Upstream, model: OpenAIModel
) -> None:
    started = asyncio.Event()

    async def noted(line: Line) -> None:
        started.set()
        await act(line) if act is watched else await line.reader.readexactly(1)

    upstream.plays(noted)
    task = asyncio.ensure_future(ask(model))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):  # a stall guard
        await upstream.hung_up.wait()


async def test_an_error_of_the_listener_is_its_own(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(*says("x")))

    def refuse(_: str) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await model.complete(REQUEST, refuse)


async def test_calls_at_the_same_time_do_not_mix(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(*(streams(*says(*[text] * 20)) for text in "abcde"))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(model)) for _ in range(5)]
    assert sorted(task.result()[0].text for task in tasks) == [text * 20 for text in "abcde"]


# Through a transport of ours


class Played:
    """A transport that answers with the same chunks every time."""

    def __init__(self, chunks: list[bytes], status: int = 200) -> None:
        self.chunks, self.status = chunks, status
        self.requests: list[net.Request] = []
        self.closed = 0

    async def handle_async_request(self, request: net.Request) -> net.Response:
        self.requests.append(request)
        return net.stream(self.status, {"content-type": "text/event-stream"}, self._body())

    async def _body(self) -> AsyncGenerator[bytes, None]:
        try:
            for chunk in self.chunks:
                yield chunk
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        pass


def played(transport: Played, **more: Json) -> OpenAIModel:
    return OpenAIModel(
        base_url="http://builtin/v1",
        api_key=None,
        default_model="builtin",
        transport=transport,
        **more,
    )


async def test_a_transport_of_ours_streams_the_same_way() -> None:
    transport = Played(says("He", "llo"))
    model = played(transport, label="built-in (rules, not an LLM)")
    reply, heard = await ask(model)
    assert (reply.text, heard) == ("Hello", ["He", "llo"])
    assert (model.default_model, model.label) == ("builtin", "built-in (rules, not an LLM)")
    assert str(transport.requests[0].url) == "http://builtin/v1/chat/completions"


async def test_a_stream_given_up_is_closed_before_the_call_returns() -> None:
    transport = Played([event(delta(content="x")), event(b"{nope}"), *says("y")])
    with pytest.raises(ModelFailed):
        await ask(played(transport))
    assert transport.closed == 1


async def test_the_deadline_of_the_whole_call_keeps_the_text() -> None:
    class Stalled(Played):
        async def _body(self) -> AsyncGenerator[bytes, None]:
            yield event(delta(content="Hel"))
            await asyncio.Event().wait()

    model = played(Stalled([]), limits=Limits(total_s=0.02))
    await model.warm()
    with pytest.raises(ModelFailed, match=r"gave no complete answer within 0.02 s;") as caught:
        await ask(model)
    assert (caught.value.code, caught.value.partial) == ("model_timeout", {"text": "Hel"})


async def test_a_burst_that_never_waits_still_meets_the_deadline() -> None:
    class Burst(Played):
        async def _body(self) -> AsyncGenerator[bytes, None]:
            for _ in range(1_000_000):
                yield b":\n"

    model = played(Burst([]), limits=Limits(total_s=0.03))
    await model.warm()
    with pytest.raises(ModelFailed) as caught:
        await ask(model)
    assert caught.value.code == "model_timeout"


STREAM = b"".join(
    [
        b": hi\r\n\r\n",
        *(event({"choices": [{"delta": {"content": text}}]}) for text in ("Grüße ", "🎉", " ende")),
        'data: {"choices": [{"delta": {"content": "größer"}}]}\r\n\r\n'.encode(),
        b'data: {"choices": [{"delta":\r\ndata: {"content": "\xff!"}}]}\r\n\r\n',
        call('{"q": "ü', index=0, id="a", name="sql"),
        call('"}', index=0),
        event({"choices": [], "usage": USAGE}),
        *END,
    ]
)


@given(cuts=st.sets(st.integers(1, len(STREAM) - 1)))
async def test_any_cut_of_the_bytes_gives_the_same_reply(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]
    reply, heard = await ask(played(Played(chunks)))
    assert reply.text == "".join(heard) == "Grüße 🎉 endegrößer\ufffd!"
    assert reply.tool_calls == (ToolCall(id="a", name="sql", arguments={"q": "ü"}),)
    assert reply.usage == Usage(prompt_tokens=1_000_000, completion_tokens=500_000)


@given(garbage=st.binary(max_size=200), cut=st.integers(0, 200))
async def test_garbage_is_a_named_failure_and_never_another_error(garbage: bytes, cut: int) -> None:
    async def now(_: float) -> None:
        pass

    with pytest.raises(ModelFailed) as caught:
        await ask(played(Played([garbage[:cut], garbage[cut:]]), sleep=now))
    assert caught.value.code in {"model_bad_response", "model_stream_cut"}


def test_nothing_of_httpx_is_imported_before_the_first_call() -> None:
    code = (
        "import sys, agent.adapters.models.openai_http as m;"
        "m.OpenAIModel('http://x/v1', 'k', 'm'); print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


async def test_warming_up_leaves_failures_to_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no CA file")

    monkeypatch.setattr(net, "client", broken)
    model = OpenAIModel("https://model.invalid/v1", KEY, "m")
    await model.warm()
    with pytest.raises(ModelFailed, match="no CA file"):
        await ask(model)
