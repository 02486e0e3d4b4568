"""A run that can leave its installation: all that it was, in one value, and what makes that whole.

Invariant: what ``check`` lets pass is text and JSON that hang together. Every hash is that of its
content, every id names one thing, and nothing in it can be run by looking at it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

import msgspec

from agent.core.effects import Effect
from agent.core.errors import BadGraph, Unprocessable
from agent.core.frames import FrameRecord, FrameTrace
from agent.core.graph import parse
from agent.core.ids import is_name, is_run_id
from agent.core.json import Json, digest
from agent.core.messages import Turn
from agent.core.revisions import Manifest
from agent.core.runs import Run

DEPTH = 64
"""Levels a free-form value may have."""
MOST_RECORDS, MOST_EFFECTS, MOST_TURNS, MOST_KEYS = 100_000, 200_000, 100, 32
BUDGET = 1000
"""Frames the graph of a short trace may allow; one that has more frames may allow as many."""
LATEST = 1e15
"""No time is after this; Unix milliseconds."""
_PART = re.compile(
    r"graph|tools|model|schemas|(?:prompt|node|shared|tool):[A-Za-z0-9][\w.-]{0,99}", re.ASCII
)
_HASH = re.compile(r"[0-9a-f]{32}")
_PLAIN = re.compile(r"[^<>\x00-\x1f]{0,200}")
"""A model's or a tool's name: free, but no markup."""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One run, and all it takes to look at it, to run it again and to compare it."""

    run: Run
    state: Json
    """The channel's state that it started from."""
    turns: tuple[Turn, ...]
    """The conversation that it was given, oldest first."""
    trace: FrameTrace
    manifest: Manifest | None
    """What it is pinned to; ``None`` when it never began or that was not kept."""
    texts: Mapping[str, str]
    """The manifest's texts by content hash."""


def check(archive: Archive) -> None:
    """Refuse an archive that does not hang together.

    Raises:
        Unprocessable: naming the first thing that is wrong.
    """
    for fault in _faults(archive):
        raise Unprocessable(f"this is no whole trace: {fault}")


def _faults(archive: Archive) -> Iterator[str]:
    yield from _run_faults(archive.run, archive.trace)
    yield from _effect_faults(archive.trace.effects)
    yield from _record_faults(archive.trace)
    yield from _value_faults(archive)
    if archive.manifest is not None:
        yield from _revision_faults(archive, archive.manifest)
    elif archive.texts:
        yield "texts of a revision that is not told"


def _run_faults(run: Run, trace: FrameTrace) -> Iterator[str]:
    ids = {"run_id": run.run_id, "origin": run.origin, "imported_from": run.imported_from}
    for name, value in ids.items():
        if (value or name == "run_id") and not is_run_id(value):
            yield f"{name}: expected a run id, got {value[:80]!r}"
    if not run.status.terminal:
        yield f"status: expected one that is terminal, got {run.status}"
    if run.graph and not is_name(run.graph):
        yield f"graph: expected a name, got {run.graph[:80]!r}"
    told = (trace.run_id, trace.outcome, trace.graph, trace.revision, trace.message)
    if told != (run.run_id, str(run.status), run.graph, run.revision, run.text):
        yield "run and trace are of different runs"
    times = (run.created, run.started or 0, run.ended or 0, run.total_ms, trace.started)
    if not all(0 <= time <= LATEST for time in times):
        yield "times: expected milliseconds since 1970"


def _effect_faults(effects: tuple[Effect, ...]) -> Iterator[str]:
    if len(effects) > MOST_EFFECTS:
        yield f"{len(effects)} effects, at most {MOST_EFFECTS} are taken"
    known: set[str] = set()
    for effect in effects:
        where = f"effect {effect.effect_id[:80]!r}"
        if effect.effect_id in known:
            yield f"{where} is there twice"
        known.add(effect.effect_id)
        if effect.effect_id != str(effect.key) or not is_name(effect.node):
            yield f"{where}: its id is not that of its place"
        if not _PLAIN.fullmatch(effect.name):
            yield f"{where}: expected a plain name, got {effect.name[:80]!r}"
        if effect.request_hash != _digest(effect.request):
            yield f"{where}: its hash is not that of its request"


def _record_faults(trace: FrameTrace) -> Iterator[str]:
    records = (*trace.frames, *trace.post_frames)
    if len(records) > MOST_RECORDS:
        yield f"{len(records)} frames, at most {MOST_RECORDS} are taken"
    known = {effect.effect_id for effect in trace.effects}
    for row in (trace.frames, trace.post_frames):
        numbers = [record.frame for record in row]
        if numbers != sorted(numbers) or any(not 1 <= n <= MOST_RECORDS for n in numbers):
            yield "frames: their numbers do not rise from 1"
    for record in records:
        where = f"frame {record.frame}"
        if not is_name(record.node) or record.visit < 1:
            yield f"{where}: expected a node's name and visit, got {record.node[:80]!r}"
        if not 0 <= record.started <= LATEST or not 0 <= record.duration_ms <= LATEST:
            yield f"{where}: expected times in milliseconds"
        if any(not 1 <= len(change.path) <= MOST_KEYS for change in record.changes):
            yield f"{where}: a change leads nowhere"
        if not known.issuperset(record.effects):
            yield f"{where}: an effect that is not there, or in two frames"
        known.difference_update(record.effects)


def _value_faults(archive: Archive) -> Iterator[str]:
    if len(archive.turns) > MOST_TURNS:
        yield f"{len(archive.turns)} turns, at most {MOST_TURNS} are taken"
    state: Json = archive.state
    if state is not None and not isinstance(state, dict):
        yield "state: expected an object"
    if any(deeper(value, DEPTH) for value in _values(archive)):
        yield f"a value is nested deeper than {DEPTH} levels"


def _values(archive: Archive) -> Iterator[Json]:
    run, trace = archive.run, archive.trace
    yield from (run.data, run.dashboard, run.base, run.sensor, archive.state)
    for effect in trace.effects:
        yield from (effect.request, effect.response, effect.error and effect.error.partial)
    for record in (*trace.frames, *trace.post_frames):
        yield from _carried(record)


def _carried(record: FrameRecord) -> Iterator[Json]:
    yield record.input.data
    yield record.output and record.output.data
    yield from (change.value for change in record.changes)


def _revision_faults(archive: Archive, manifest: Manifest) -> Iterator[str]:
    run, parts = archive.run, manifest.parts
    if (manifest.graph, manifest.revision) != (run.graph, run.revision):
        yield "the revision is not that of the run"
    for part, name in parts.items():
        if not _PART.fullmatch(part) or not _HASH.fullmatch(name):
            yield f"revision: expected a part and its hash, got {part[:80]!r}"
    if not {"graph", "tools", "model"} <= parts.keys() or {*parts.values()} != {*archive.texts}:
        yield "the revision's texts are not all there, or there are others"
    for name, text in archive.texts.items():
        if name != _digest(text):
            yield f"text {name[:40]!r}: its hash is not that of its content"
    yield from _graph_faults(archive, parts)


def _graph_faults(archive: Archive, parts: Mapping[str, str]) -> Iterator[str]:
    text = archive.texts.get(parts.get("graph", ""), "")
    codes = frozenset(part.removeprefix("node:") for part in parts if part.startswith("node:"))
    try:
        spec = parse(text, msgspec.json.decode(text), "graph", codes)
    except (BadGraph, msgspec.DecodeError, RecursionError) as error:
        yield f"its graph: {error}"
        return
    most = max(BUDGET, archive.trace.total_frames)
    if not 1 <= spec.frame_budget <= most:
        yield f"its graph allows {spec.frame_budget} frames, at most {most} are taken"


def _digest(value: Json) -> str:
    try:
        return digest(value)
    except (ValueError, OverflowError, RecursionError):
        return ""


def deeper(value: Json, levels: int) -> bool:
    """Whether ``value`` is nested deeper than ``levels``."""
    layer: list[Json] = [value]
    for _ in range(levels):
        layer = [
            inner for outer in layer for inner in _inside(outer) if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _inside(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return cast("dict[str, Json]", value).values()
    return cast("list[Json]", value) if isinstance(value, list) else ()


def mapped(archive: Archive, text: Callable[[str], str], each: Callable[[Json], Json]) -> Archive:
    """Return ``archive`` with ``each`` applied to its values and ``text`` to its texts.

    Hashes are those of the new content, so it is whole again.
    """
    plain: Json = each(msgspec.to_builtins(archive))
    for effect in plain["trace"].get("effects", ()):
        effect["request_hash"] = digest(effect.get("request"))
    manifest = archive.manifest
    if manifest is not None:
        renewed = {name: digest(text(told)) for name, told in archive.texts.items()}
        parts = {part: renewed[name] for part, name in manifest.parts.items()}
        plain["texts"] = {renewed[name]: text(told) for name, told in archive.texts.items()}
        plain["manifest"] = {"graph": manifest.graph, "parts": parts}
        revision = Manifest(graph=manifest.graph, parts=parts).revision
        plain["run"]["revision"] = plain["trace"]["revision"] = revision
    return msgspec.convert(plain, Archive)
