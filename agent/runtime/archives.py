"""Runs that leave this installation, and runs that come from another one.

Invariant: a run that comes in is a new run of its own number, in no channel, and nothing that came
with it is ever executed. Its pinned replay uses code that is installed here, where all that code is
the same by hash; else it is refused and says what is missing.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Literal

import msgspec

from agent.core.archive import Archive, mapped
from agent.core.effects import Effect
from agent.core.errors import Conflict
from agent.core.events import FrameTraced
from agent.core.frames import FrameRecord, FrameTrace, Summary
from agent.core.ids import NO_CHANNEL, RunId
from agent.core.journal import Closed, Intent, Row, settled, summary_of
from agent.core.json import Json, digest
from agent.core.redact import Redactor, Stream
from agent.core.runs import Run
from agent.engine.engine import ENGINE
from agent.runtime.archive import files
from agent.runtime.aside import Number
from agent.runtime.foreign import missing
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.parts import Parts, status_event, turns_of_run
from agent.runtime.pins import brought, manifest_of, mark_of, texts_of
from agent.runtime.ports import End
from agent.runtime.recordings import recording

Form = Literal["html", "zip"]


class Archives:
    """Takes runs out and in.

    Args:
        parts: what the runtime is made of.
        number: gives the next run number and its id.
    """

    def __init__(self, parts: Parts, number: Number) -> None:
        self._parts = parts
        self._number = number

    async def export(self, run: Run, form: Form) -> bytes:
        """Return ``run`` as a file, secrets masked.

        Raises:
            Conflict: it has not ended yet.
            TooLarge: it is too large to be taken in again.
        """
        if not run.status.terminal:
            raise Conflict(f"run {run.run_id} is {run.status}; it can be exported when ended")
        archive = await self._archive(run)
        return await asyncio.to_thread(self._write, archive, form)

    def _write(self, archive: Archive, form: Form) -> bytes:
        redactor = self._parts.redactor
        if redactor.secrets:
            archive = mapped(masked_chunks(archive, redactor), redactor.text, redactor.json)
        write = files.to_page if form == "html" else files.to_zip
        return write(archive, self._parts.version)

    async def _archive(self, run: Run) -> Archive:
        store = self._parts.store
        ends = await store.lineage(run.parent, turns=WINDOW, snapshot=True)
        manifest = await manifest_of(store, mark_of(run))
        texts = {} if manifest is None else await texts_of(store, manifest)
        return Archive(
            run=run,
            state=state_of(ends) if run.parent else run.base,
            turns=turns_of(ends, WINDOW),
            trace=await recording(store, self._parts.library, run),
            manifest=manifest,
            texts={digest(text): text for text in texts.values()},
        )

    async def take(self, raw: bytes) -> Json:
        """Take in what an export wrote; it is on disk when this returns.

        Raises:
            BadInput: it is no export, or broken; nothing of it is kept.
            Unprocessable: it does not hang together; nothing of it is kept.
        """
        archive = await asyncio.to_thread(files.read, raw)
        before, _ = self._number()
        n, name = self._number()
        run = adopted(archive.run, n, name, before)
        rows, summary = await asyncio.to_thread(_told, run, archive.trace)
        manifest, texts = archive.manifest, archive.texts
        kept = {} if manifest is None else brought(name, manifest, texts)
        await self._parts.store.adopt(run, rows, _ends(run, archive), summary, kept)
        self._announce(run, summary)
        lacking = ["revision"] if manifest is None else missing(self._parts.library, manifest)
        return {
            "run_id": name,
            "imported_from": run.imported_from,
            "frames": archive.trace.total_frames,
            "effects": len(archive.trace.effects),
            "missing": lacking,
        }

    def _announce(self, run: Run, summary: Summary) -> None:
        publish = self._parts.hub.publish
        publish(status_event(run))
        publish(FrameTraced(node=ENGINE, run_id=run.run_id, channel=NO_CHANNEL, trace=summary))


def adopted(run: Run, n: int, name: RunId, before: int) -> Run:
    """Return ``run`` as it is here: number ``n``, in no channel, after the end ``before``."""
    return msgspec.structs.replace(
        run,
        n=n,
        run_id=name,
        kind="import",
        channel=NO_CHANNEL,
        alias="",
        parent=before,
        base=None,
        resumed_from="",
        replay_of="",
        fork_of="",
        origin=run.origin or run.run_id,
        imported_from=run.imported_from or run.run_id,
    )


def _ends(run: Run, archive: Archive) -> dict[int, End]:
    """Return what the run started from, as if another had left it, and what it left itself."""
    turns, trace = archive.turns, archive.trace
    said = turns_of_run(run, local=trace.path == "local")
    records = (*trace.frames, *trace.post_frames)
    return {
        run.parent: End(
            parent=0, history_len=len(turns), since_snapshot=0, turns=turns,
            snapshot={} if archive.state is None else archive.state,
        ),
        run.n: End(
            parent=run.parent, history_len=len(turns) + len(said), since_snapshot=1, turns=said,
            changes=tuple(change for record in records for change in record.changes),
        ),
    }  # fmt: skip


def _told(run: Run, trace: FrameTrace) -> tuple[list[Row], Summary]:
    """Return the rows of ``run`` and its summary, encoded."""
    summary = summary_of(run, trace.frames, trace.post_frames, trace.effects)
    summary.encoded()
    return [*rows_of(trace)], summary


def rows_of(trace: FrameTrace) -> Iterator[Row]:
    """Return the journal that folds to ``trace`` again: each frame's effects, then the frame."""
    effects = {effect.effect_id: effect for effect in trace.effects}
    for post, records in ((False, trace.frames), (True, trace.post_frames)):
        for _, tick in groupby(records, key=lambda record: record.frame):
            yield from _tick(tuple(tick), effects, post=post)
    for effect in effects.values():
        yield from _pair(effect)


def _tick(
    records: tuple[FrameRecord, ...], effects: dict[str, Effect], *, post: bool
) -> Iterator[Row]:
    for record in records:
        for name in record.effects:
            yield from _pair(effects.pop(name))
    yield Closed(records=records, post=post)


def _pair(effect: Effect) -> Iterator[Row]:
    yield Intent(effect=effect)
    if effect.ended is not None:
        yield settled(effect)


def masked_chunks(archive: Archive, redactor: Redactor) -> Archive:
    """Mask secrets that streams hold across their pieces."""
    mask = partial(_masked, redactor)
    trace = archive.trace
    trace = msgspec.structs.replace(trace, effects=tuple(map(mask, trace.effects)))
    return msgspec.structs.replace(archive, trace=trace)


def _masked(redactor: Redactor, effect: Effect) -> Effect:
    stream = Stream(redactor)
    told = [msgspec.structs.replace(c, text=stream.feed(c.text)) for c in effect.chunks]
    rest = stream.end()
    if rest:
        told[-1] = msgspec.structs.replace(told[-1], text=told[-1].text + rest)
    return msgspec.structs.replace(effect, chunks=tuple(told)) if told else effect
