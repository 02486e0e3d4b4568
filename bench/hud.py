"""The page in a real Chromium while the server tells 2,000 events a second.

The events console is open and follows the end. Whenever the list changes, a probe in the page notes
the moment and the stamp of the newest event shown; since the load is even, that gives the delay of
every event from its stamp to the document.

The size of the page is compressed, in three figures: ``initial`` is what the first paint needs,
``first_view`` what a browser has fetched when a new folder's page stands there with its graph,
``in_use`` the same with a conversation, ``all`` every script and style sheet there is; any other room
is fetched by who goes there.
"""

import asyncio
import gzip
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Json, Target, percentile, report, say
from bench.served import ROOT, Server, chatter, serving, talk

TARGETS = (
    Target(figure="long_tasks", limit=0),
    Target(figure="event_to_dom_p95_ms", limit=50.0),
    Target(figure="events_per_s", limit=1_800, at_least=True),
    Target(figure="initial_gzip_bytes", limit=70_000),
    Target(figure="first_view_gzip_bytes", limit=80_000),
    Target(figure="in_use_gzip_bytes", limit=80_000),
)
DIST = ROOT / "static" / "dist"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
GROUP, PAUSE_MS = 5, 2
"""Pauses come out a little longer than asked for, so this is some 2,000 a second, evenly spread."""
PER_SECOND = 2_000
LONG_TASK_MS, FRAME_MS = 100, 1000 / 60
SETTLE_MS = 1_000
PROBE = """
() => {
  const probe = { samples: [], tasks: [], frames: [] };
  window.probe = probe;
  const list = document.querySelector(".room-events [role=listbox]");
  const midnight = new Date().setHours(0, 0, 0, 0);
  new MutationObserver(() => {
    const last = list.querySelector("[aria-setsize]");
    const row = last && document.getElementById(`event-${last.ariaSetSize - 1}`);
    if (!row) return;
    const [h, m, s] = row.querySelector("span").textContent.split(":").map(Number);
    const now = performance.timeOrigin + performance.now() - midnight;
    probe.samples.push([now, ((h * 60 + m) * 60 + s) * 1000]);
  }).observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
  new PerformanceObserver((found) => {
    for (const task of found.getEntries()) probe.tasks.push(task.duration);
  }).observe({ type: "longtask" });
  let before = performance.now();
  requestAnimationFrame(function frame(now) {
    probe.frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  });
}
"""


def delays(samples: Sequence[Sequence[float]]) -> list[float]:
    """Return how late every millisecond of an even load was shown.

    Args:
        samples: (moment, stamp of the newest event shown), in order, both in milliseconds.
    """
    found: list[float] = []
    newest = samples[0][1] if samples else 0.0
    for shown, stamp in samples:
        found += [shown - moment for moment in range(int(newest) + 1, int(stamp) + 1)]
        newest = max(newest, stamp)
    return found


def dropped(frames: Sequence[float]) -> int:
    """Count the frames that were left out, given the milliseconds between those that came."""
    return sum(max(0, round(between / FRAME_MS) - 1) for between in frames)


FETCHED = "performance.getEntriesByType('resource').map(one => one.name.split('/static/')[1])"


def bundle(dist: Path) -> Json:
    """Return the compressed size of what the first paint needs, and of everything there is."""
    manifest = dist / ".vite" / "manifest.json"
    if not manifest.is_file():
        say(f"there is no page in {dist}: start run.py once, then measure")
        return {}
    chunks = json.loads(manifest.read_text("utf-8"))
    first = {
        name for chunk in chunks.values() if chunk.get("isEntry") for name in needs(chunk, chunks)
    }
    known = sizes(dist)
    return {
        "initial_gzip_bytes": sum(known[name] for name in first),
        "all_gzip_bytes": sum(known.values()),
    }


def sizes(dist: Path) -> dict[str, int]:
    """Return the compressed size of every script and style sheet by its path in ``dist``."""
    return {
        file.relative_to(dist).as_posix(): len(gzip.compress(file.read_bytes(), mtime=0))
        for file in sorted(dist.rglob("*.*"))
        if file.suffix in (".js", ".css")
    }


def needs(chunk: dict[str, Any], chunks: dict[str, Any]) -> set[str]:
    """Return the files that ``chunk`` cannot begin without."""
    files = {chunk["file"], *chunk.get("css", ())}
    for name in chunk.get("imports", ()):
        files |= needs(chunks[name], chunks)
    return files


def chromium() -> str | None:
    """Return the browser's program."""
    found = (os.environ.get("HUD_CHROMIUM"), *map(shutil.which, PROGRAMS))
    return next((path for path in found if path), None)


async def watched(server: Server, program: str, seconds: int) -> Json:
    """Open the events console, have the server talk, and take what the probe saw."""
    from playwright.async_api import async_playwright

    root = os.geteuid() == 0
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if root else ())]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=flags)
        context = await browser.new_context(
            viewport={"width": 1440, "height": 900}, base_url=server.url
        )
        entered = await context.request.post("/auth/exchange", data={"token": server.token})
        if not entered.ok:
            raise RuntimeError(f"the page lets nobody in: {await entered.text()}")
        page = await context.new_page()
        await page.goto("/")
        await page.locator(".net").wait_for()
        await page.wait_for_timeout(SETTLE_MS)
        first_view = packed(await page.evaluate(FETCHED))
        await talk(server, "100 10 10")
        await page.wait_for_timeout(SETTLE_MS)
        in_use = packed(await page.evaluate(FETCHED))
        await page.goto("/#/events")
        await page.locator(".room-events [role=option]").first.wait_for()
        await page.evaluate(PROBE)
        await talk(server, f"{PER_SECOND * seconds} {GROUP} {PAUSE_MS}")
        await page.wait_for_timeout(SETTLE_MS)
        seen = await page.evaluate("window.probe")
        await browser.close()
    size = {"first_view_gzip_bytes": first_view, "in_use_gzip_bytes": in_use}
    return {**size, **figures(seen, PER_SECOND * seconds)}


def packed(fetched: Sequence[str]) -> int:
    """Return the compressed size of those files of the page that a browser has fetched."""
    known = sizes(DIST)
    return sum(known.get(name, 0) for name in set(fetched))


def figures(seen: dict[str, Any], events: int) -> Json:
    """Make figures of what the probe saw."""
    late = delays(seen["samples"])
    stamps = [stamp for _, stamp in seen["samples"]]
    return {
        "events_per_s": events / ((stamps[-1] - stamps[0]) / 1000),
        "event_to_dom_p50_ms": percentile(late, 0.5),
        "event_to_dom_p95_ms": percentile(late, 0.95),
        "event_to_dom_max_ms": max(late),
        "long_tasks": sum(task > LONG_TASK_MS for task in seen["tasks"]),
        "longest_task_ms": max(seen["tasks"], default=0.0),
        "dropped_frames": dropped(seen["frames"]),
        "frames": len(seen["frames"]),
        "events": events,
    }


def measure(quick: bool) -> Json:
    """Measure the size, and the page at work where there is a browser."""
    found = bundle(DIST)
    program = chromium()
    if program is None or not found:
        say(f"the page is not measured at work; it needs one of {', '.join(PROGRAMS)} and a build")
        return found
    with TemporaryDirectory() as folder, serving(options=chatter(Path(folder) / "own")) as server:
        at_work = asyncio.run(watched(server, program, 1 if quick else 10))
    say(at_work)
    return {**found, **at_work}


if __name__ == "__main__":
    report("hud", measure, TARGETS)
