"""Every way a model's server can fail has a named code, a fixed number of tries and a clear message."""

import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from upstream import (
    DONE,
    Act,
    Upstream,
    chunk,
    delta,
    drips,
    endless,
    event,
    problem,
    raw,
    says,
    serving,
    silent,
    streams,
    whole,
)

from agent.adapters.models.limits import Limits
from agent.adapters.models.openai_http import OpenAIModel
from agent.core.errors import BadInput, ModelFailed
from agent.core.messages import ModelRequest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # real sockets, all together some seconds
KEY = "sk-canary-0123456789"
REQUEST = ModelRequest(model="m", messages=({"role": "user", "content": "hi"},))
NOW_MS = 1_700_000_000_000
HEL = event(delta(content="Hel"))


class StillClock:
    """A clock on which only pauses take time."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now_ms(self) -> int:
        return NOW_MS

    def monotonic(self) -> float:
        return sum(self.pauses)

    def random(self) -> float:
        return 0.5

    def token(self, size: int) -> str:
        return "0" * size * 2

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


@dataclass
class Fault:
    """One fault, and what is expected of it."""

    act: Act
    code: str
    tries: int = 3
    partial: str | None = None
    says: str = ""
    limits: Limits = field(default_factory=Limits)


HTML = b"<!doctype html><title>Log in to the hotel</title>"
ENDLESS = Limits(text_chars=10_000)
FAULTS = {
    "401 echoing the key": Fault(
        whole(401, problem(f"Incorrect API key provided: {KEY}")),
        "model_auth", 1, says="check AGENT_LLM_API_KEY",
    ),
    "401 with the key where quotes are cut": Fault(
        whole(401, problem("x" * 290 + KEY)), "model_auth", 1, says="answered 401",
    ),
    "402": Fault(whole(402, problem("no credit")), "model_no_credit", 1, says="top it up"),
    "403": Fault(whole(403, problem("not yours")), "model_auth", 1, says="'not yours'"),
    "404": Fault(whole(404, problem("model 'm' not found")), "model_not_found", 1, says="such as /v1"),
    "408": Fault(whole(408, {}), "model_timeout", says="answered 408"),
    "418": Fault(whole(418, b"teapot"), "model_bad_request", 1, says="'teapot'"),
    "429 seconds": Fault(
        whole(429, problem("slow down"), retry_after="7"), "model_rate_limited", says="wait 7 s"
    ),
    "429 date": Fault(
        whole(429, problem("slow down"), retry_after="Tue, 14 Nov 2023 22:13:29 GMT"),
        "model_rate_limited", says="wait 9 s",
    ),
    "429 longer than the deadline": Fault(
        whole(429, {}, retry_after="3600"), "model_rate_limited", 1, says="wait 3600 s"
    ),
    "429 out of credit": Fault(
        whole(429, problem("quota", code="insufficient_quota")), "model_no_credit", 1
    ),
    "500": Fault(whole(500, b"boom"), "model_unavailable", says="answered 500 'boom'"),
    "502 page": Fault(whole(502, HTML), "model_unavailable", says="answered 502"),
    "503": Fault(whole(503, {"detail": "loading"}), "model_unavailable", says="'loading'"),
    "504": Fault(whole(504, b""), "model_timeout"),
    "529": Fault(whole(529, problem("overloaded")), "model_unavailable"),
    "400": Fault(whole(400, problem("no such field: tools")), "model_bad_request", 1),
    "400 context length": Fault(
        whole(400, problem("maximum context length is 8192", code="context_length_exceeded")),
        "model_context_length", 1, says="token budget",
    ),
    "413": Fault(whole(413, b""), "model_context_length", 1),
    "400 content filter": Fault(
        whole(400, problem("policy", code="content_filter")), "model_content_filter", 1
    ),
    "redirect": Fault(
        whole(307, b"", location="http://127.0.0.1:1/stolen"), "model_bad_response", 1,
        says="a redirect, which is never followed",
    ),
    "slow first byte": Fault(
        silent, "model_timeout", says="sent nothing for 0.02 s", limits=Limits(first_byte_s=0.02)
    ),
    "slow body": Fault(
        streams(then="stall"), "model_timeout", says="sent nothing", limits=Limits(first_byte_s=0.05)
    ),
    "stall before text": Fault(
        streams(b": wait\n\n", then="stall"), "model_timeout", says="fell silent",
        limits=Limits(idle_s=0.02),
    ),
    "stall in text": Fault(
        streams(HEL, then="stall"), "model_timeout", 1, "Hel", "fell silent", Limits(idle_s=0.02)
    ),
    "deadline despite a drip": Fault(
        endless(b":\n"), "model_timeout", 1, says="within 0.1 s", limits=Limits(total_s=0.1)
    ),
    "cut in text": Fault(streams(HEL, then="cut"), "model_stream_cut", 1, "Hel"),
    "cut in a chunk": Fault(
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(HEL) + b"ff\r\nda"),
        "model_stream_cut", 1, "Hel",
    ),
    "cut in an event": Fault(streams(HEL, b'data: {"cho', then="cut"), "model_stream_cut", 1, "Hel"),
    "ended in an event": Fault(streams(HEL, b'data: {"cho'), "model_stream_cut", 1, "Hel"),
    "cut before text": Fault(streams(b": hello\n\n", then="cut"), "model_stream_cut"),
    "cut in tool arguments": Fault(
        streams(
            event(delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}])),
            then="cut",
        ),
        "model_stream_cut",
    ),
    "cut in JSON": Fault(
        raw(b'HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"choices":'), "model_stream_cut"
    ),
    "no answer at all": Fault(raw(b""), "model_stream_cut", says="closed the connection"),
    "no [DONE], no finish": Fault(streams(HEL), "model_stream_cut", 1, "Hel"),
    "error in stream": Fault(
        streams(HEL, event(problem(f"backend died, key {KEY}"))), "model_unavailable", 1, "Hel",
        "'backend died, key ***'",
    ),
    "error in stream before text": Fault(
        streams(event(problem("slow down", code=429))), "model_rate_limited"
    ),
    "error text in stream": Fault(streams(event({"error": "no GPU"})), "model_unavailable", says="no GPU"),
    "error as finish": Fault(streams(HEL, event(delta("error"))), "model_unavailable", 1, "Hel"),
    "error in one piece": Fault(
        whole(200, problem("bad key", code=401)), "model_auth", 1, says="'bad key'"
    ),
    "error in a choice": Fault(
        whole(200, {"choices": [{"error": {"message": "died", "code": 502}}]}), "model_unavailable"
    ),
    "refusal": Fault(
        streams(event(delta(refusal="I can't ")), event(delta(refusal="do that.")), *says()),
        "model_refused", 1, says="declined to answer: \"I can't do that.\"; rephrase",
    ),
    "refusal in one piece": Fault(
        whole(200, {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}),
        "model_refused", 1, says="'No.'",
    ),
    "refusal after text": Fault(
        streams(HEL, event(delta(refusal="No.")), *says()), "model_refused", 1, "Hel", "'No.'"
    ),
    "refusal as finish": Fault(streams(event(delta("refusal"))), "model_refused", 1, says="declined"),
    "content filter": Fault(
        streams(event(delta("content_filter"))), "model_content_filter", 1, says="rephrase"
    ),
    "content filter in text": Fault(
        streams(HEL, event(delta("content_filter"))), "model_content_filter", 1, "Hel"
    ),
    "length before text": Fault(
        streams(event(delta("length"))), "model_output_limit", 1, says="limit of tokens"
    ),
    "length in a thought": Fault(
        streams(event(delta(content="<think>Hm")), event(delta("length"))), "model_output_limit", 1
    ),
    "a thought and nothing else": Fault(
        streams(*says("<think>", "Hm", "</think>")), "model_bad_response", says="said nothing"
    ),
    "a thought apart and nothing else": Fault(
        streams(event(delta(reasoning_content="Hm")), DONE), "model_bad_response", says="said nothing"
    ),
    "cut in a thought": Fault(
        streams(event(delta(content="<think>Hm")), then="cut"), "model_stream_cut"
    ),
    "cut in a call in words": Fault(
        streams(event(delta(content='{"name": "f"')), then="cut"), "model_stream_cut", 1, '{"name": "f"'
    ),
    "HTML": Fault(whole(200, HTML), "model_bad_response", 1, says="an HTML page"),
    "empty": Fault(whole(200, b""), "model_bad_response", says="an empty answer"),
    "empty stream": Fault(streams(), "model_bad_response", says="an empty answer"),
    "only [DONE]": Fault(streams(DONE), "model_bad_response", says="an empty answer"),
    "no choices": Fault(whole(200, {"choices": []}), "model_bad_response", says="an empty answer"),
    "invalid JSON": Fault(streams(HEL, event(b"{nope}")), "model_bad_response", 1, "Hel", "'{nope}'"),
    "invalid JSON in one piece": Fault(whole(200, b"{nope}"), "model_bad_response", 1),
    "deep JSON": Fault(streams(event(b'{"usage":' + b"[" * 100_000)), "model_bad_response", 1),
    "another shape": Fault(
        streams(event({"choices": "three"})), "model_bad_response", 1, says="$.choices"
    ),
    "other JSON": Fault(whole(200, {"status": "ok"}), "model_bad_response", 1, says="no chat completion"),
    "plain text": Fault(whole(200, b"it works"), "model_bad_response", 1, says="'it works'"),
    "compressed": Fault(
        whole(200, b"\x1f\x8b", content_encoding="gzip"), "model_bad_response", 1, says="'gzip'"
    ),
    "not HTTP": Fault(raw(b"220 mail ready\r\n\r\n"), "model_bad_response", 1, says="not HTTP"),
    "never-ending text": Fault(
        endless(event(delta(content="x" * 100))), "model_stream_cut", 1, "x" * 10_000, "10000", ENDLESS
    ),
    "never-ending arguments": Fault(
        endless(event(delta(tool_calls=[{"index": 0, "function": {"arguments": "x" * 100}}]))),
        "model_stream_cut", 1, limits=ENDLESS,
    ),
    "never-ending line": Fault(
        endless(b"x" * 100, first=b"data: "), "model_stream_cut", 1, limits=ENDLESS
    ),
    "never-ending event": Fault(endless(b"data: x\n"), "model_stream_cut", 1, limits=ENDLESS),
    "never-ending JSON": Fault(endless(b"[" * 100), "model_stream_cut", 1, limits=ENDLESS),
    "never-ending blank": Fault(endless(b" " * 100), "model_stream_cut", 1, limits=ENDLESS),
}  # fmt: skip


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serving() as server:
        yield server


async def fail(
    url: str, clock: StillClock, limits: Limits | None = None
) -> tuple[ModelFailed, str]:
    """Complete against ``url``; return the failure and the text that was heard."""
    model = OpenAIModel(url, KEY, "m", limits=limits, clock=clock, sleep=clock.sleep)
    heard: list[str] = []
    try:
        with pytest.raises(ModelFailed) as caught:
            await model.complete(REQUEST, heard.append)
    finally:
        await model.aclose()
    return caught.value, "".join(heard)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_named_counted_and_keeps_the_text(
    fault: Fault, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = StillClock()
    upstream.plays(fault.act)
    failure, heard = await fail(upstream.url, clock, fault.limits)

    assert failure.code == fault.code, str(failure)
    if fault.limits.first_byte_s > 1:  # else a busy machine may not have got round to reading it
        assert len(upstream.seen) == fault.tries
    assert len(clock.pauses) == fault.tries - 1
    assert failure.partial == ({"text": fault.partial} if fault.partial else None)
    assert heard == (fault.partial or "")
    assert fault.says in str(failure)
    assert f"127.0.0.1:{upstream.port} " in str(failure)
    shown = str(failure) + caplog.text
    assert KEY[:8] not in shown
    assert "/v1/chat" not in shown


async def test_pauses_have_full_jitter_and_respect_retry_after(upstream: Upstream) -> None:
    clock = StillClock()
    upstream.plays(whole(503, {}), whole(429, {}, retry_after="7"), whole(503, {}))
    await fail(upstream.url, clock)
    assert clock.pauses == [0.25, 7.5]


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as taken:  # bound, never listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        clock = StillClock()
        failure, _ = await fail(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", clock)
    assert failure.code == "model_unreachable"
    assert "refused the connection (3 tries)" in str(failure)
    assert len(clock.pauses) == 2


async def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = StillClock()
    failure, _ = await fail("http://model.invalid/v1", clock)
    assert failure.code == "model_unreachable"
    assert "model.invalid is not a name that DNS knows (3 tries)" in str(failure)


async def test_tls_to_a_plain_port_is_not_tried_again(upstream: Upstream) -> None:
    clock = StillClock()
    failure, _ = await fail(upstream.url.replace("http:", "https:"), clock)
    assert failure.code == "model_unreachable"
    assert "over TLS" in str(failure)
    assert "http or https" in str(failure)
    assert clock.pauses == []
    assert upstream.connections == 1


async def test_broken_proxy_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    failure, _ = await fail("https://model.invalid/v1", StillClock())
    assert failure.code == "model_unreachable"
    assert "HTTPS_PROXY" in str(failure)


@pytest.mark.parametrize(
    "good",
    [streams(*says("Hello")), drips(*says("Hello"))],
    ids=["stream", "drip"],
)
@pytest.mark.parametrize(
    "bad",
    [whole(500, {}), whole(429, {}), whole(200, b""), raw(b""), streams(b": x\n\n", then="cut")],
    ids=["500", "429", "empty", "closed", "cut"],
)
async def test_a_passing_fault_is_survived(bad: Act, good: Act, upstream: Upstream) -> None:
    clock = StillClock()
    upstream.plays(bad, bad, good)
    model = OpenAIModel(upstream.url, KEY, "m", clock=clock, sleep=clock.sleep)
    heard: list[str] = []
    reply = await model.complete(REQUEST, heard.append)
    await model.aclose()
    assert (reply.text, "".join(heard), len(upstream.seen)) == ("Hello", "Hello", 3)


async def test_placeholder_keys_do_not_redact_common_words(upstream: Upstream) -> None:
    upstream.plays(whole(403, problem("none of that")))
    model = OpenAIModel(upstream.url, "none", "m")
    with pytest.raises(ModelFailed, match="'none of that'"):
        await model.complete(REQUEST, lambda _: None)
    await model.aclose()


def test_a_key_with_line_breaks_is_refused_without_showing_it() -> None:
    with pytest.raises(BadInput) as caught:
        OpenAIModel("http://localhost/v1", "sk-one\nsk-two", "m")
    assert "AGENT_LLM_API_KEY" in str(caught.value)
    assert "sk-" not in str(caught.value)
