"""Model servers on this machine: noticed by what they answer, never trusted with more than that."""

import asyncio
import json
import shlex
from contextlib import asynccontextmanager

import pytest

from agent.adapters.models import discovery
from agent.adapters.models.discovery import Discovery

pytestmark = pytest.mark.anyio


def listing(*ids):
    return json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in ids]})


def answer(body, status="200 OK", kind="application/json", more=""):
    payload = body if isinstance(body, bytes) else body.encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(payload)}\r\n{more}\r\n"
    )
    return head.encode() + payload


@asynccontextmanager
async def serving(reply):
    """A server that answers every request with ``reply``; ``None`` says nothing at all."""
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.read(4096)).decode())
        if reply is not None:
            writer.write(reply)
            await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may take its time; what is tested is not the deadline."""
    monkeypatch.setattr(discovery, "DEADLINE_S", 10.0)


async def looked(reply, **more):
    async with serving(reply) as (port, asked):
        found = await Discovery(lambda: 0.0, known=(("Ollama", port),), **more).offers()
        return found, port, asked


@pytest.mark.slow
async def test_a_server_is_offered_with_the_command_that_uses_it():
    [offer], port, asked = await looked(answer(listing("qwen3:8b", "llama3")))
    assert (offer.name, offer.base_url) == ("Ollama", f"http://127.0.0.1:{port}/v1")
    assert offer.models == ("qwen3:8b", "llama3")
    where = f"AGENT_LLM_BASE_URL=http://127.0.0.1:{port}/v1"
    assert offer.use == f"{where} AGENT_LLM_MODEL=qwen3:8b python3 run.py"
    assert asked[0].startswith("GET /v1/models HTTP/1.1")
    assert "authorization" not in asked[0].lower()


@pytest.mark.parametrize(
    "reply",
    [
        answer("<html>It works</html>", kind="text/html"), answer("{}"), answer("[]"), answer("null"),
        answer('{"data": 5}'), answer('{"data": [{"id": 5}, {"id": ""}, 7]}'), answer("{"),
        answer(listing("x"), status="404 Not Found"), answer(listing("x"), status="401 Unauthorized"),
        answer("", status="302 Found", more="location: http://127.0.0.1:9/v1/models\r\n"),
        answer(b'{"data": [{"id": "\xff\xfe"}]}'), answer("[" * 100_000), b"not http at all\r\n\r\n",
        answer(listing("two\nlines")), answer(listing("x" * 1000)), b"",
    ],
)  # fmt: skip
async def test_what_is_no_list_of_models_is_no_offer(reply):
    assert (await looked(reply))[0] == ()


@pytest.mark.slow
async def test_one_that_says_nothing_is_given_up_and_holds_nobody_else_up(monkeypatch):
    monkeypatch.setattr(discovery, "DEADLINE_S", 1.0)
    async with serving(None) as (silent, _), serving(answer(listing("m"))) as (port, _):
        known = (("vLLM", silent), ("LM Studio", port), ("nobody", 1))
        found = await Discovery(lambda: 0.0, known=known).offers()
    assert [offer.name for offer in found] == ["LM Studio"]


async def test_a_flood_is_cut_off_and_is_no_list():
    assert (await looked(answer(listing(*[f"model-{n:09}" for n in range(20_000)]))))[0] == ()
    [offer], *_ = await looked(answer(listing(*[f"m{n}" for n in range(500)])))
    assert len(offer.models) == discovery.MAX_MODELS


async def test_a_name_cannot_leave_the_command():
    [offer], *_ = await looked(answer(listing("$(rm -rf ~); 'x")))
    assert shlex.split(offer.use)[1] == "AGENT_LLM_MODEL=$(rm -rf ~); 'x"


async def test_we_never_take_ourselves_for_a_model():
    async with serving(answer(listing("m"))) as (port, asked):
        assert await Discovery(lambda: 0.0, own_port=port, known=(("vLLM", port),)).offers() == ()
        assert asked == []


async def test_an_answer_is_kept_for_a_moment():
    now = [0.0]
    async with serving(answer(listing("m"))) as (port, asked):
        there = Discovery(lambda: now[0], known=(("Ollama", port),))
        first = await there.offers()
        assert await there.offers() == first
        assert len(asked) == 1
        now[0] = discovery.KEPT_S
        await there.offers()
        assert len(asked) == 2
