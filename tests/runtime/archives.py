"""A run that did everything, exported once for all who spoil copies of it."""

import asyncio
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import msgspec
from rig import FunctionTool, ScriptedModel, ask, graph, runtime

from agent.adapters.stores.memory import MemoryStore
from agent.core.frames import Envelope
from agent.core.json import digest
from agent.core.revisions import Manifest
from agent.core.state import put

HOSTILE = '</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>\u2028"\\'


async def busy(ctx, envelope):
    reply = await ctx.model([{"role": "user", "content": ctx.message}], on_text=ctx.say)
    await ctx.call("look", {"at": HOSTILE})
    ctx.now()
    await ctx.call("set_state", {"key": "n", "value": HOSTILE})
    ctx.remember(put("memory", "topic", value=HOSTILE))
    return Envelope(kind="passed", text=reply.text, data={"deep": [{"x": HOSTILE}]})


async def last(ctx, envelope):
    ctx.say(envelope.text)


SPEC = graph("a b m", "a>b", post="m")
CODE = {"a": busy, "b": last, "m": last}
TOOL = FunctionTool("look", lambda arguments: {"rows": [HOSTILE, 1, None]})


def opened(store, **more):
    return runtime(
        SPEC, CODE, store=store, **{"model": ScriptedModel(HOSTILE), "tools": (TOOL,), **more}
    )


async def exported(form: str, message: str = HOSTILE) -> bytes:
    async with opened(MemoryStore()) as live:
        await ask(live, "first")
        run = await ask(live, message)
        assert run.status == "done", run.error
        return await live.export(run.run_id, form)


@lru_cache
def good(form: str) -> bytes:
    """An export of a run with everything."""
    with ThreadPoolExecutor(1) as other:  # a test's own loop may be running here
        return other.submit(lambda: asyncio.run(exported(form))).result()


def files() -> dict[str, bytes]:
    """The files of the good zip."""
    with zipfile.ZipFile(io.BytesIO(good("zip"))) as found:
        return {name: found.read(name) for name in found.namelist()}


def zipped(entries, *, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of ``(name or ZipInfo, bytes)``."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, body in entries:
            made.writestr(name, body)
    return out.getvalue()


def covered(found: dict[str, bytes], **changes) -> bytes:
    """A zip of ``found`` whose manifest tells the truth about it, but for ``changes``."""
    import hashlib

    cover = msgspec.json.decode(found["manifest.json"])
    rest = {name: body for name, body in found.items() if name != "manifest.json"}
    cover["files"] = {
        name: {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
        for name, body in rest.items()
    }
    cover |= changes
    return zipped([("manifest.json", msgspec.json.encode(cover)), *rest.items()])


def edited(name: str, change) -> bytes:
    """The good zip with one JSON file changed, and everything told rightly in the manifest."""
    found = files()
    value = msgspec.json.decode(found[name])
    change(value)
    found[name] = msgspec.json.encode(value)
    return covered(found)


def repinned(part: str, text: str) -> bytes:
    """The good zip with another text for ``part``, all hashes right."""
    found = files()
    manifest = msgspec.json.decode(found["revision.json"], type=Manifest)
    parts = {**manifest.parts, part: digest(text)}
    new = Manifest(graph=manifest.graph, parts=parts)
    texts = {name: body for name, body in found.items() if name.startswith("texts/")}
    kept = {f"texts/{mark}.txt" for mark in parts.values()}
    found = {name: body for name, body in found.items() if name not in texts or name in kept}
    found[f"texts/{digest(text)}.txt"] = text.encode()
    found["revision.json"] = msgspec.json.encode(new)
    for name, place in (("run.json", ("run",)), ("trace.json", ())):
        value = msgspec.json.decode(found[name])
        inner = value
        for key in place:
            inner = inner[key]
        inner["revision"] = new.revision
        found[name] = msgspec.json.encode(value)
    return covered(found)
