"""Habits of real models over a real socket: thinking aloud, calls in words, servers without tools."""

from collections.abc import AsyncIterator

import pytest
from upstream import (
    DONE,
    Act,
    Line,
    Upstream,
    delta,
    drips,
    event,
    problem,
    says,
    serving,
    streams,
    whole,
)

from agent.adapters.models.openai_http import OpenAIModel
from agent.core.errors import ModelFailed
from agent.core.json import Json
from agent.core.messages import ModelReply, ModelRequest, ToolCall

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # real sockets
USER = {"role": "user", "content": "hi"}
SYSTEM = {"role": "system", "content": "Be brief."}
TOOL = {"type": "function", "function": {"name": "sql", "description": "asks", "parameters": {}}}
PLAIN = ModelRequest(model="m", messages=(SYSTEM, USER))
OFFERING = ModelRequest(model="m", messages=(SYSTEM, USER), tools=(TOOL,))
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "X", "schema": SCHEMA}}
SQL = ToolCall(id="call_0", name="sql", arguments={"q": "select 1"})
WRITTEN = '{"name": "sql", "arguments": {"q": "select 1"}}'


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serving() as server:
        yield server


@pytest.fixture
async def model(upstream: Upstream) -> AsyncIterator[OpenAIModel]:
    made = OpenAIModel(upstream.url, None, "m")
    yield made
    await made.aclose()


async def ask(model: OpenAIModel, request: ModelRequest = PLAIN) -> tuple[ModelReply, list[str]]:
    heard: list[str] = []
    reply = await model.complete(request, heard.append)
    assert "".join(heard) == reply.text
    return reply, heard


THINKING: dict[str, Act] = {
    "in tags": streams(*says("<think>Hm {x}.</think>\n\n", "He", "llo")),
    "in tags, cut anywhere": streams(*says(*"<think>Hm {x}.</think>\n\nHello")),
    "in tags, byte by byte": drips(*says("<think>Hm {x}.</think>\n\nHello")),
    "as reasoning_content": streams(
        event(delta(reasoning_content="Hm ")), event(delta(reasoning_content="{x}.")), *says("Hello")
    ),
    "as reasoning": streams(event(delta(content="", reasoning="Hm {x}.")), *says("Hello")),
    "under both names": streams(
        event(delta(reasoning_content="Hm {x}.", reasoning="Hm {x}.")), *says("Hello")
    ),
    "as a part": streams(
        event(delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm {x}."}]}])),
        *says("Hello"),
    ),
    "in one piece": whole(
        200, {"choices": [{"message": {"content": "<think>Hm {x}.</think>Hello"}, "finish_reason": "stop"}]}
    ),
    "in one piece, apart": whole(
        200,
        {"choices": [{"message": {"content": "Hello", "reasoning_content": "Hm {x}."},
                      "finish_reason": "stop"}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("act", THINKING.values(), ids=THINKING)
async def test_thoughts_are_kept_and_never_heard(
    act: Act, upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(act)
    reply, _ = await ask(model)
    assert (reply.text, reply.reasoning) == ("Hello", "Hm {x}.")


async def test_a_reasoning_object_of_unknown_shape_is_let_be(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(event(delta(reasoning={"effort": 3})), *says("Hello")))
    reply, _ = await ask(model)
    assert (reply.text, reply.reasoning) == ("Hello", "")


async def test_a_cut_thought_is_tried_again(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(
        streams(event(delta(content="<think>Hm")), then="cut"),
        streams(*says("<think></think>Hello")),
    )
    reply, _ = await ask(model)
    assert (reply.text, len(upstream.seen)) == ("Hello", 2)


async def test_a_model_that_begins_inside_its_thought_is_known_after_one_answer(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(*says("Hm {x}.", "</think>", "Hello")))
    first, _ = await ask(model)
    assert first.text == "Hm {x}.</think>Hello"
    for _ in range(2):
        reply, _ = await ask(model)
        assert (reply.text, reply.reasoning) == ("Hello", "Hm {x}.")
    call = event(delta(tool_calls=[{"id": "a", "function": {"name": "sql", "arguments": "{}"}}]))
    upstream.plays(
        streams(*says('{"x": 1}')), streams(call, *says()), streams(*says("Hm.</think>Hi"))
    )
    await ask(model, ModelRequest(model="m", messages=(USER,), response_format=FORMAT))
    await ask(model, OFFERING)
    assert (await ask(model))[1] == ["Hi"]
    upstream.plays(streams(event(delta("length", content="Hm."))))
    with pytest.raises(ModelFailed, match="before it said anything"):
        await ask(model)
    upstream.plays(streams(*says("He", "llo")))
    assert [(await ask(model))[1] for _ in range(2)] == [["Hello"], ["He", "llo"]]


CALLING = {
    "bare": [WRITTEN],
    "in pieces": [*WRITTEN],
    "in a fence": ["```json\n", WRITTEN, "\n```"],
    "in tags": ["<tool_call>", WRITTEN, "</tool_call>"],
    "after a thought": ["<think>Call {sql}.</think>\n", WRITTEN],
}


@pytest.mark.parametrize("pieces", CALLING.values(), ids=CALLING)
async def test_a_call_in_words_is_a_call_and_not_heard(
    pieces: list[str], upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(*says(*pieces)))
    reply, heard = await ask(model, OFFERING)
    assert (reply.tool_calls, reply.finish, heard) == ((SQL,), "tool_calls", [])


async def test_prose_before_a_call_is_heard_at_once(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(*says("Let me see. ", WRITTEN)))
    reply, heard = await ask(model, OFFERING)
    assert reply.tool_calls == (SQL,)
    assert heard[0] == "Let me see. "


@pytest.mark.parametrize(
    "text", ['{"name": "rm", "arguments": {}}', "```\nls\n```", "<b>Hello</b>", " "]
)
async def test_what_only_begins_like_a_call_is_heard_in_the_end(
    text: str, upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(streams(*says(*text)))
    reply, heard = await ask(model, OFFERING)
    assert (reply.tool_calls, heard) == ((), [text])


async def test_without_tools_json_is_text(upstream: Upstream, model: OpenAIModel) -> None:
    upstream.plays(streams(*says(WRITTEN)))
    reply, _ = await ask(model)
    assert (reply.text, reply.tool_calls) == (WRITTEN, ())


async def test_a_real_call_is_not_read_twice(upstream: Upstream, model: OpenAIModel) -> None:
    real = event(delta(tool_calls=[{"id": "a", "function": {"name": "sql", "arguments": "{}"}}]))
    upstream.plays(streams(event(delta(content=WRITTEN)), real, event(delta("tool_calls")), DONE))
    reply, _ = await ask(model, OFFERING)
    assert [call.id for call in reply.tool_calls] == ["a"]
    assert reply.text == WRITTEN


def toolless(status: int, message: str) -> Act:
    """Refuse requests with tools; answer others with a call in words."""

    async def act(line: Line) -> None:
        refused = "tools" in line.request.body
        answer = whole(status, problem(message)) if refused else streams(*says(WRITTEN))
        await answer(line)

    return act


REFUSALS = {
    "plainly": (400, "registry/gemma does not support tools"),
    "by a flag": (400, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
    "as a server error": (500, "tools param requires --jinja flag"),
    "as a grammar": (400, "cannot use a grammar with tools"),
    "as not found": (404, "No endpoints found that support tool use"),
    "as unimplemented": (501, "function calling is not implemented"),
}


@pytest.mark.parametrize(("status", "message"), REFUSALS.values(), ids=REFUSALS)
async def test_a_server_without_tools_is_told_of_them_in_words(
    status: int, message: str, upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(toolless(status, message))
    for _ in range(2):
        reply, _ = await ask(model, OFFERING)
        assert reply.tool_calls == (SQL,)
    assert ["tools" in seen.body for seen in upstream.seen] == [True, False, False]
    system, user = upstream.seen[-1].body["messages"]
    assert system["content"].startswith("Be brief.\n\n")
    assert '{"description":"asks","name":"sql","parameters":{}}' in system["content"]
    assert user == USER


async def test_a_refusal_of_tools_does_not_cost_the_format(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(toolless(400, "cannot use a grammar with tools"))
    both = ModelRequest(model="m", messages=(USER,), tools=(TOOL,), response_format=FORMAT)
    await ask(model, both)
    assert upstream.seen[-1].body["response_format"] == FORMAT


async def test_a_refusal_of_the_format_does_not_cost_the_tools(
    upstream: Upstream, model: OpenAIModel
) -> None:
    upstream.plays(
        whole(400, problem("response_format cannot be combined with tools")), streams(*says("{}"))
    )
    both = ModelRequest(model="m", messages=(USER,), tools=(TOOL,), response_format=FORMAT)
    await ask(model, both)
    assert upstream.seen[-1].body["tools"] == [TOOL]
    assert upstream.seen[-1].body["response_format"] == {"type": "json_object"}


async def test_another_fault_that_mentions_tools_is_no_refusal_of_them(
    upstream: Upstream, model: OpenAIModel
) -> None:
    said = (
        "maximum context length is 8192 tokens, 9000 came (8900 in the messages, 100 in the tools)"
    )
    upstream.plays(whole(400, problem(said)))
    with pytest.raises(ModelFailed) as caught:
        await ask(model, OFFERING)
    assert (caught.value.code, len(upstream.seen)) == ("model_context_length", 1)


TURNS = {
    "no system": (400, "System role not supported"),
    "as a server error": (500, "Jinja Exception: System role not supported"),
    "in turn": (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    "two roles": (400, "Only user and assistant roles are supported!"),
}


@pytest.mark.parametrize(("status", "message"), TURNS.values(), ids=TURNS)
async def test_a_template_of_two_roles_is_told_everything_in_turn(
    status: int, message: str, upstream: Upstream, model: OpenAIModel
) -> None:
    async def act(line: Line) -> None:
        roles = [entry["role"] for entry in line.request.body["messages"]]
        good = roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        await (streams(*says("Hello")) if good else whole(status, problem(message)))(line)

    upstream.plays(act)
    said = [{"role": "assistant", "content": "Hm."}, {"role": "assistant", "content": "So?"}]
    request = ModelRequest(model="m", messages=(SYSTEM, *said, USER), response_format=FORMAT)
    for _ in range(2):
        reply, _ = await ask(model, request)
        assert reply.text == "Hello"
    assert len(upstream.seen) == 3
    assert [entry["content"] for entry in upstream.seen[-1].body["messages"]] == [
        "Be brief.", "Hm.\n\nSo?", "hi"
    ]  # fmt: skip
    assert upstream.seen[-1].body["response_format"] == FORMAT


async def test_a_temperature_is_left_out_where_it_is_refused(
    upstream: Upstream, model: OpenAIModel
) -> None:
    async def act(line: Line) -> None:
        refused = whole(400, problem("Unsupported value: 'temperature' does not support 0 with m"))
        await (refused if "temperature" in line.request.body else streams(*says("Hello")))(line)

    upstream.plays(act)
    for _ in range(2):
        await ask(model, ModelRequest(model="m", messages=(USER,), temperature=0.0))
    assert ["temperature" in seen.body for seen in upstream.seen] == [True, False, False]


async def test_earlier_calls_are_told_in_words_too(upstream: Upstream, model: OpenAIModel) -> None:
    function = {"name": "sql", "arguments": "{}"}
    asked: Json = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "function": function}],
    }
    result = {"role": "tool", "tool_call_id": "a", "content": "37"}
    upstream.plays(toolless(400, "no tools here"))
    await ask(model, ModelRequest(model="m", messages=(USER, asked, result), tools=(TOOL,)))
    roles = [message["role"] for message in upstream.seen[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
