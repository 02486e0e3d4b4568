"""Two runs of 1,000 frames side by side: alike, with another prompt, and with nothing in common.

What is measured is what `GET /api/diff` does in its thread once both runs are read: aligning, words
and pointers, the cause, and the JSON.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.core.effects import Effect
from agent.core.frames import Envelope, FrameRecord, FrameTrace
from agent.core.json import digest
from agent.core.state import put
from agent.debugger.diff import Side
from agent.runtime.diffs import compared
from bench.figures import Json, Target, report

TARGETS = (
    Target(figure="alike_s", limit=1.0),
    Target(figure="another_prompt_s", limit=1.0),
    Target(figure="nothing_alike_s", limit=1.0),
)
PROMPT_WORDS = 800
"""About 4 kB, as the shipped prompts are."""


def run(frames: int, prompt: str, answer: str) -> Side:
    """Make a run whose every frame asks a model and keeps something."""
    effects = [effect(n, prompt, answer) for n in range(1, frames + 1)]
    records = [record(one, answer) for one in effects]
    return Side(
        trace=FrameTrace(
            run_id="r", kind="message", channel="main", message="x", graph="g", revision="r", path="",
            total_frames=frames, total_ms=1.0, started=0.0, outcome="done", frames=(*records,),
            effects=(*effects,),
        )
    )  # fmt: skip


def effect(frame: int, prompt: str, answer: str) -> Effect:
    """Make a model call."""
    request = {"model": "m", "messages": [{"role": "system", "content": f"{prompt} {frame}"}]}
    return Effect(
        effect_id=f"{frame}.a.{frame}.0", frame=frame, node="a", visit=frame, kind="model", name="m",
        request=request, request_hash=digest(request), started=1.0, ended=2.0,
        response={"text": f"{answer} {frame}", "tool_calls": []},
    )  # fmt: skip


def record(asked: Effect, answer: str) -> FrameRecord:
    """Make the visit that made it."""
    said = Envelope(kind="x", text=f"{answer} {asked.frame}", sender="a")
    return FrameRecord(
        frame=asked.frame, node="a", visit=asked.visit, started=1.0, duration_ms=1.0, input=said,
        output=said, changes=(put("memory", "topic", value=said.text),), effects=(asked.effect_id,),
    )  # fmt: skip


def text(letter: str) -> str:
    """Return a prompt."""
    return " ".join(f"{letter}{n % 97}" for n in range(PROMPT_WORDS))


def measure(quick: bool) -> Json:
    """Compare one run with three others."""
    frames = 100 if quick else 1000
    left = run(frames, text("a"), "an answer")
    others = {
        "alike_s": run(frames, text("a"), "an answer"),
        "another_prompt_s": run(frames, text("a").replace("a50", "b50"), "an answer"),
        "nothing_alike_s": run(frames, text("b"), "something else"),
    }
    figures: Json = {"frames": frames}
    for name, right in others.items():
        began = time.perf_counter()
        size = len(compared(left, right))
        figures[name] = round(time.perf_counter() - began, 3)
        figures[name.replace("_s", "_kb")] = round(size / 1000)
    return figures


if __name__ == "__main__":
    report("diff", measure, TARGETS)
