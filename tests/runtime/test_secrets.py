"""A known secret that a user sends or a model says is nowhere: not in the store, the log, the answer."""

import msgspec
import pytest
from rig import ScriptedModel, ask, graph, runtime

from agent.adapters.stores.memory import MemoryStore
from agent.core.errors import ModelFailed
from agent.core.events import Topic
from agent.core.redact import MASK, Redactor

pytestmark = pytest.mark.anyio
KEY = "sk-0123456789abcdef"


async def chatty(ctx, envelope):
    reply = await ctx.model([{"role": "user", "content": ctx.message}], on_text=ctx.say)
    ctx.think(reply.text)


async def everything(opened, store, run):
    rows = await store.rows(run.n)
    lines = opened.hub.newest(Topic.TRACE, 1000) + opened.hub.newest(Topic.CHAT, 1000)
    kept = [run, rows, await opened.history(10), await opened.frames(5, None)]
    return b"".join(lines) + msgspec.json.encode(kept) + await opened.trace(run.run_id)


async def test_what_a_model_says_in_pieces_and_a_user_sends_is_masked_everywhere():
    store, model = MemoryStore(), ScriptedModel(f"your key is {KEY}")
    code, redactor = {"a": chatty}, Redactor([KEY])
    async with runtime(graph("a"), code, store=store, model=model, redactor=redactor) as opened:
        run = await ask(opened, f"is it {KEY}?", dashboard=[{"label": KEY}])
        assert run.response == f"your key is {MASK}"
        assert KEY not in model.asked[0].messages[0]["content"]
        found = await everything(opened, store, run)
        assert KEY.encode() not in found
        assert MASK.encode() in found
        assert (await opened.replay(run.run_id))["verdict"] == "exact"


async def test_a_failure_that_names_a_secret_is_masked():
    store = MemoryStore()
    model = ScriptedModel(ModelFailed("model_auth", f"{KEY} refused", partial={"text": KEY}))
    code, redactor = {"a": chatty}, Redactor([KEY])
    async with runtime(graph("a"), code, store=store, model=model, redactor=redactor) as opened:
        run = await ask(opened, "hello")
        assert run.status == "error"
        assert f"{MASK} refused" in run.error
        assert KEY.encode() not in await everything(opened, store, run)
