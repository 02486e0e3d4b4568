"""A store with 100,000 frames and a trace of 10,000: what starting, listing and looking cost then.

The store is filled through its own door with copies of runs that were recorded here, and with one
made trace of 10,000 frames that each asked a model. Then a real server is killed and started again
on it, and asked over HTTP, one request after the other; beside the large answers ``/health`` is
asked all the time, which shows whether anything holds the event loop. The same is asked for without
them, and an empty folder is started, too: that is what a busy machine adds to the figures.
"""

import asyncio
import signal
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.adapters.stores.sqlite import SqliteStore
from agent.app import STORE_FILE, open_runtime
from agent.core.effects import Chunk, Effect
from agent.core.frames import Envelope, FrameRecord, FrameTrace, Summary
from agent.core.ids import run_id
from agent.core.journal import trace_of
from agent.core.json import digest
from agent.core.messages import Usage
from agent.core.runs import Run, RunStatus
from agent.core.state import put
from agent.runtime.archives import rows_of
from agent.runtime.ports import End, RunFilter
from agent.settings import Settings
from bench.figures import Json, Target, percentile, report, say
from bench.served import serving

TARGETS = (
    Target(figure="ready_s", limit=2.0),
    Target(figure="page_ms", limit=20.0),
    Target(figure="old_page_ms", limit=20.0),
    Target(figure="skeleton_ms", limit=200.0),
    Target(figure="frame_ms", limit=20.0),
    Target(figure="health_max_ms", limit=250.0),
    Target(figure="growth_x_trace", limit=2.0),
)
GRAPH = "v3-framed"
MESSAGES = (
    "how many customers are in {}?",
    "list all properties in {}",
    "how many devices are in {}?",
)
"""Each visits five nodes."""
CITIES = ("Leipzig", "Dresden", "Berlin", "Köln", "Hamburg", "München", "Bonn")
SYSTEM = "You are one of ten thousand nodes. " * 40
LONG = "what a node hands on to the next one, as long as such things are. " * 12
REST_SECONDS = 3.0
TOGETHER = 200
"""Copies that are being written at the same time."""


async def grow(data: Path, count: int) -> Json:
    """Have ``count`` messages answered; return the bytes the file grew by, and those of the traces."""
    file = data / STORE_FILE
    async with open_runtime(Settings(data_dir=data)) as opened:
        await opened.runtime.switch_graph(GRAPH)
        await opened.runtime.finished(await opened.runtime.send(message(0)))
    before, traces, visits = file.stat().st_size, 0, 0
    async with open_runtime(Settings(data_dir=data)) as opened:
        for number in range(count):
            run = await opened.runtime.finished(await opened.runtime.send(message(number)))
            trace = await opened.runtime.trace(run.run_id)
            visits += len(msgspec.json.decode(trace, type=FrameTrace).frames)
            traces += len(trace)
    grown = file.stat().st_size - before
    say(f"{grown / count:.0f} bytes a message, its trace has {traces / count:.0f}")
    return {
        "grown_bytes": grown / count,
        "trace_bytes": traces / count,
        "growth_x_trace": grown / traces,
        "visits_a_message": visits / count,
    }


def message(number: int) -> str:
    """Return one that is unlike the one before."""
    about = MESSAGES[number % len(MESSAGES)].format(CITIES[number % len(CITIES)])
    return f"{about} Note {number} of this conversation, please."


async def fill(data: Path, frames: int) -> Json:
    """Copy the runs of the store until it holds ``frames`` visits."""
    store = SqliteStore(data / STORE_FILE)
    n = store.load().next_n
    runs = [run for run in await store.runs(RunFilter(limit=200)) if run.status is RunStatus.DONE]
    patterns = [(run, await store.rows(run.n), await store.end(run.n)) for run in runs[:20]]
    held, copies = 0, 0
    waiting: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        while held < frames:
            run, rows, end = patterns[copies % len(patterns)]
            copy = msgspec.structs.replace(
                run, n=n, run_id=run_id(n, "0000"), alias="", channel="old"
            )
            trace = folded(copy, rows)
            left = msgspec.structs.replace(end, parent=0)
            write = store.adopt(copy, rows, {n: left}, Summary(lambda trace=trace: trace), {})
            waiting.append(group.create_task(write))
            held += len(trace.frames)
            n, copies = n + 1, copies + 1
            if len(waiting) >= TOGETHER:
                await asyncio.wait(waiting)
                waiting.clear()
    await store.close()
    return {"frames": held, "runs": copies + len(runs)}


def folded(run: Run, rows) -> FrameTrace:
    """Return the trace that ``rows`` add up to."""
    from agent.core.journal import Fold

    fold = Fold(rows)
    return trace_of(run, fold.frames, fold.post_frames, fold.effects.values())


async def add_large(data: Path, frames: int) -> str:
    """Write one run of ``frames`` frames that each asked a model; return its id."""
    store = SqliteStore(data / STORE_FILE)
    n = store.load().next_n
    run = Run(
        n=n, run_id=run_id(n, "0000"), status=RunStatus.DONE, channel="old", text="a large one",
        graph=GRAPH, created=1.0, started=1.0, ended=2.0, total_frames=frames, path="loop",
    )  # fmt: skip
    records = tuple(record(frame) for frame in range(1, frames + 1))
    trace = trace_of(run, records, (), [effect(frame) for frame in range(1, frames + 1)])
    end = End(parent=0, history_len=0, since_snapshot=0)
    await store.adopt(run, [*rows_of(trace)], {n: end}, Summary(lambda: trace), {})
    await store.close()
    return run.run_id


def record(frame: int) -> FrameRecord:
    """One visit."""
    return FrameRecord(
        frame=frame, node="loop", visit=frame, started=1.0 + frame, duration_ms=1.0,
        input=Envelope(kind="passed", text=LONG, data={"frame": frame}, sender="loop"),
        output=Envelope(kind="passed", text=LONG, data={"frame": frame + 1}, sender="loop"),
        route="loop", changes=(put("ui", "state", "frame", value=frame),),
        effects=(f"{frame}.loop.{frame}.0",),
    )  # fmt: skip


def effect(frame: int) -> Effect:
    """What it asked."""
    request = {
        "model": "m",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"{frame} {LONG}"},
        ],
    }
    return Effect(
        effect_id=f"{frame}.loop.{frame}.0", frame=frame, node="loop", visit=frame, kind="model",
        name="m", request=request, request_hash=digest(request), started=1.0 + frame,
        ended=2.0 + frame, chunks=(Chunk(0.1, LONG[:300]), Chunk(0.5, LONG[300:])),
        response={"text": LONG}, usage=Usage(prompt_tokens=500, completion_tokens=200), cost=0.0,
    )  # fmt: skip


def killed_and_ready(data: Path) -> float:
    """Kill a server at work, and return the seconds from the next command to its first answer."""
    with serving(data) as server:
        asyncio.run(send(server))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    begin = time.perf_counter()
    with serving(data):
        return time.perf_counter() - begin


async def send(server) -> None:
    """Leave a message at work."""
    async with server.client() as web:
        (await web.post("/api/send", json={"text": message(0)})).raise_for_status()


async def timed(web, path: str, rounds: int) -> tuple[list[float], int]:
    """Ask again and again; return milliseconds each, and the bytes of an answer."""
    taken: list[float] = []
    size = 0
    for _ in range(rounds):
        begin = time.perf_counter()
        answer = (await web.get(path)).raise_for_status()
        taken.append((time.perf_counter() - begin) * 1000)
        size = len(answer.content)
    return taken, size


async def ask(data: Path, large: str, frames: int, rounds: int) -> Json:
    """Ask a server on the full store."""
    with serving(data) as server:
        async with server.client() as web:
            await timed(web, "/api/traces", 3)
            floor, _ = await timed(web, "/health", rounds)
            alone, _ = await beside(server, asyncio.sleep(REST_SECONDS))
            page, page_size = await timed(web, "/api/traces", rounds)
            old, _ = await timed(web, f"/api/traces?before={run_id(200, '0000')}", rounds)
            search, _ = await timed(web, f"/api/traces?q={quote('path:reflex zzz')}", 3)
            skeleton, skeleton_size = await timed(web, f"/api/traces/{large}?skeleton=1", 5)
            whole = f"/api/traces/{large}"
            one, _ = await timed(web, f"{whole}/frames/{frames // 2}", rounds)
            health, (trace_ms, trace_size) = await beside(server, timed(web, whole, 2))
            export, (export_ms, export_size) = await beside(
                server, timed(web, f"{whole}/export?format=zip", 1)
            )
            raw = (await web.get(f"{whole}/export?format=zip")).content
            taking, import_ms = await beside(server, taken(web, raw))
        medians = {"page": page, "old_page": old, "frame": one}
        return {
            "health_ms": statistics.median(floor),
            **{
                f"{name}_x_health": statistics.median(times) / statistics.median(floor)
                for name, times in medians.items()
            },
            "health_alone_max_ms": max(alone),
            "page_ms": statistics.median(page),
            "page_p95_ms": percentile(page, 0.95),
            "page_bytes": page_size,
            "old_page_ms": statistics.median(old),
            "search_nothing_ms": statistics.median(search),
            "skeleton_ms": statistics.median(skeleton),
            "skeleton_bytes": skeleton_size,
            "frame_ms": statistics.median(one),
            "frame_p95_ms": percentile(one, 0.95),
            "whole_trace_ms": statistics.median(trace_ms),
            "whole_trace_bytes": trace_size,
            "export_ms": statistics.median(export_ms),
            "export_bytes": export_size,
            "import_ms": import_ms,
            "health_beside_trace_max_ms": max(health),
            "health_beside_export_max_ms": max(export),
            "health_beside_import_max_ms": max(taking),
            "health_max_ms": max(*health, *export, *taking),
            "resident_mb": server.resident_mb(),
        }


async def taken(web, raw: bytes) -> float:
    """Import; return the milliseconds."""
    begin = time.perf_counter()
    headers = {"content-type": "application/zip"}
    (await web.post("/api/import", content=raw, headers=headers)).raise_for_status()
    return (time.perf_counter() - begin) * 1000


async def beside(server, work):
    """Do ``work`` while another client asks ``/health``; return its times and what came of it."""
    asked: list[float] = []

    async def look() -> None:
        async with server.client() as other:
            while True:
                times, _ = await timed(other, "/health", 1)
                asked.extend(times)
                await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        found = await work
        looking.cancel()
    return asked, found


def measure(quick: bool) -> Json:
    """Fill a store, then start and ask."""
    frames, large_frames, rounds = (2_000, 500, 10) if quick else (100_000, 10_000, 200)
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        figures = asyncio.run(grow(data, 20 if quick else 200))
        say(f"filling the store with {frames} frames")
        figures |= asyncio.run(fill(data, frames))
        large = asyncio.run(add_large(data, large_frames))
        ready = [killed_and_ready(data) for _ in range(1 if quick else 3)]
        empty = [killed_and_ready(Path(folder) / f"empty{n}") for n in range(len(ready))]
        figures |= {"ready_s": statistics.median(ready), "ready_empty_s": statistics.median(empty)}
        figures["ready_x_empty"] = figures["ready_s"] / figures["ready_empty_s"]
        figures["large_frames"] = large_frames
        figures |= asyncio.run(ask(data, large, large_frames, rounds))
        size = (data / STORE_FILE).stat().st_size
    return {**figures, "store_mb": size / (1 << 20)}


if __name__ == "__main__":
    report("scale", measure, TARGETS)
