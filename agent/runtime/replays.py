"""Sealed replays beside the live runs: no channel, a new trace, a verdict."""

from collections.abc import Callable

import msgspec

from agent.core.errors import Conflict, Diverged
from agent.core.frames import FrameTrace
from agent.core.json import Json
from agent.core.messages import ModelReply, ModelRequest
from agent.core.revisions import Manifest
from agent.core.runs import Run
from agent.core.state import at
from agent.debugger.replay import Rerun, Verdict
from agent.engine.context import World
from agent.runtime.aside import Asides
from agent.runtime.foreign import own_code
from agent.runtime.library import Edition
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import Parts, opening, scene_of
from agent.runtime.pins import held_then, keep_once, manifest_of, mark_of, texts_of
from agent.runtime.recordings import recording
from agent.runtime.refits import refitted, refuse_foreign


class SealedModel:
    """The model an edition was made for; nobody can ask it anything.

    Args:
        default_model: its id.
    """

    def __init__(self, default_model: str) -> None:
        self.default_model = default_model
        self.label = default_model

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelReply:
        """Refuse."""
        del request, on_text
        raise Diverged("a sealed replay asks no model")


class Replays:
    """Re-runs recorded runs.

    Args:
        parts: what the runtime is made of.
        asides: where replays run.
    """

    def __init__(self, parts: Parts, asides: Asides) -> None:
        self._parts = parts
        self._asides = asides

    async def replay(self, source: Run, *, pinned: bool) -> Verdict:
        """Run ``source`` again, sealed, and compare.

        Raises:
            Conflict: it has not ended yet, never began, or its own revision is not kept; or the
                replay was cancelled.
        """
        if not source.status.terminal:
            raise Conflict(f"run {source.run_id} is {source.status}; it can be replayed when ended")
        if not source.revision:
            raise Conflict(f"run {source.run_id} never began; there is nothing to replay")
        trace = await recording(self._parts.store, self._parts.library, source)
        if source.imported_from:
            refuse_foreign(trace)
        old = await manifest_of(self._parts.store, mark_of(source))
        edition, now = await self._editions(source, old, pinned=pinned)
        await keep_once(self._parts.store, edition)
        begun = self._asides.begin(source, edition, kind="replay", replay_of=source.run_id)
        async with begun as live:
            name = live.run.run_id
            rerun = await self._rerun(source, trace, edition, live)
            verdict = rerun.verdict(name, old, now)
            if not live.cancelled:
                await self._parts.store.save_record(f"verdict:{name}", msgspec.to_builtins(verdict))
            await self._asides.end(live, rerun.going)
        if live.cancelled:
            raise Conflict(f"replay {name} was cancelled before it had a verdict")
        return verdict

    async def _editions(
        self, source: Run, old: Manifest | None, *, pinned: bool
    ) -> tuple[Edition, Manifest]:
        """Return what runs, and what the recording is compared with.

        What the databases held is taken from the recording, also where code and prompts are
        today's: a database is part of the world, and the world is not touched. What they were
        seen to hold since is compared, where this process has seen them at all.
        """
        library, databases, store = self._parts.library, self._parts.databases, self._parts.store
        held = await held_then(store, old)
        if not pinned:
            today = library.edition(source.graph)
            if held is None:
                return today.knowing(await databases.schemas()), today.manifest
            return today.knowing(held), today.knowing(databases.known or held).manifest
        if old is None:
            raise Conflict(f"revision {source.revision!r} of {source.run_id} is not kept here")
        own_code(library, source, old)
        edition = library.pinned(old, await texts_of(store, old))
        if held is None:
            edition = msgspec.structs.replace(edition, schemas=await databases.schemas())
        return edition, old

    async def _rerun(
        self, source: Run, trace: FrameTrace, edition: Edition, live: LiveRun
    ) -> Rerun:
        ends = await self._parts.store.lineage(source.parent, turns=WINDOW, snapshot=True)
        state: Json = state_of(ends) if source.parent else source.base
        start = opening(source, edition.program.spec, at(state, "ui"))
        rerun = Rerun(
            trace,
            refitted(edition, trace),
            self._sealed(edition),
            scene_of(live.run, turns_of(ends, WINDOW)),
            live,
            live.emit,
            state,
        )
        post = bool(trace.post_frames)
        await self._asides.drive(live, rerun.going, start.pending, post=post)
        return rerun

    def _sealed(self, edition: Edition) -> World:
        """What nodes reach in a replay: the model is only a name, that of the edition."""
        model = SealedModel(edition.texts["model"])
        world = self._parts.world(edition)
        return msgspec.structs.replace(world, model=model)
