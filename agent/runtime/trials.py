"""Cases made from runs, and cases played: one run beside the channels, judged where it ran.

What a mode changes is only who answers the run's effects: the recording, the world, or each its own
(a hybrid asks the model again and nothing else).
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from agent.cases.errors import BadSuite
from agent.cases.match import Evidence, judge
from agent.cases.parse import parse
from agent.cases.suite import Click, Suite
from agent.core.errors import Conflict, Unprocessable
from agent.core.events import Event
from agent.core.json import Json
from agent.core.runs import Run, RunStatus
from agent.core.state import at
from agent.debugger.cassette import FORMAT, Cassette, decode
from agent.debugger.evidence import evidence
from agent.debugger.replay import Rerun, Verdict, edited
from agent.debugger.testgen import Case, case_of, input_of
from agent.engine.context import Scene, World
from agent.engine.effects import EffectPort, LivePort
from agent.engine.engine import Pass
from agent.engine.mixed import MixedPort, Rule, Rules
from agent.engine.threads import in_thread
from agent.runtime.aside import Asides
from agent.runtime.foreign import own_code
from agent.runtime.library import Edition
from agent.runtime.lineage import WINDOW, state_of, turns_of
from agent.runtime.live import LiveRun
from agent.runtime.parts import Opening, Parts, opening, scene_of
from agent.runtime.pins import held_then, keep_once, manifest_of, mark_of, texts_of
from agent.runtime.recordings import recording
from agent.runtime.refits import has_prompts, refitted, refuse_foreign
from agent.runtime.replays import SealedModel

Mode = Literal["replay", "hybrid", "live"]
HYBRID: Rules = {"model": Rule(policy="live")}


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of playing a cassette."""

    seen: Evidence
    verdict: Verdict | None
    """Of a replay."""
    frames: int


class Trials:
    """Makes cases and plays them.

    Args:
        parts: what the runtime is made of.
        asides: where cases are played.
    """

    def __init__(self, parts: Parts, asides: Asides) -> None:
        self._parts = parts
        self._asides = asides

    async def case_of(self, source: Run, file: str) -> Json:
        """Make a case of a run, and its cassette, which is to be called ``file``.

        Raises:
            Conflict: it did not end well, or does not replay exactly.
        """
        if source.status is not RunStatus.DONE:
            raise Conflict(
                f"run {source.run_id} is {source.status}; a test is made of one that is done"
            )
        cassette = await self._record(source)
        if has_prompts(cassette.trace):
            raise Conflict(
                f"run {source.run_id} is a fork with prompts of its own, which no case holds; save "
                "them, and make the test of a run that was made with them"
            )
        played = await self._play(cassette, source, await self._edition(cassette), "replay")
        if played.seen.trouble:
            raise Conflict(f"run {source.run_id} was played, and {played.seen.trouble}")
        verdict = played.verdict
        if verdict is not None and verdict.divergence is not None:
            place = verdict.divergence
            raise Conflict(
                f"run {source.run_id} does not replay exactly (frame {place.frame}, {place.node}, "
                f"{place.field}), so what it did cannot be tested for"
            )
        case = await in_thread(lambda: case_of(cassette, played.seen, file), "case")
        return _written(case, cassette)

    async def try_case(self, text: str, raw: msgspec.Raw, mode: Mode, *, graph: str) -> Json:
        """Play a case from its cassette, on ``graph`` or its own, and judge each of its checks.

        Raises:
            Unprocessable: the case or the cassette is not one.
            UnknownGraph: its graph is not installed.
        """
        suite = _read(text)
        redactor = self._parts.redactor
        cassette = await in_thread(lambda: decode(raw, redactor), "cassette")
        refuse_foreign(cassette.trace)
        run = _given(suite, cassette)
        today = self._parts.library.edition(graph or suite.graph or run.graph)
        held = None if mode == "live" else cassette.schemas
        edition = today.knowing(held or await self._parts.databases.schemas())
        played = await self._play(cassette, run, edition, mode)
        return _judged(suite, played, mode)

    # Recording

    async def _record(self, source: Run) -> Cassette:
        store = self._parts.store
        trace = await recording(store, self._parts.library, source)
        ends = await store.lineage(source.parent, turns=WINDOW, snapshot=True)
        manifest = await manifest_of(store, mark_of(source))
        model = await store.blob(manifest.parts["model"]) if manifest else None
        return Cassette(
            format=FORMAT,
            run=msgspec.structs.replace(source, base=None),
            state=state_of(ends) if source.parent else source.base,
            history=turns_of(ends, WINDOW),
            model=model or self._parts.model.default_model,
            trace=trace,
            manifest=manifest,
            schemas=await held_then(store, manifest),
        )

    async def _edition(self, cassette: Cassette) -> Edition:
        """Return what the run was made of."""
        library, manifest = self._parts.library, cassette.manifest
        if manifest is None:
            raise Conflict(f"what run {cassette.run.run_id} was made of is not kept here")
        own_code(library, cassette.run, manifest)
        return library.pinned(manifest, await texts_of(self._parts.store, manifest))

    # Playing

    async def _play(self, cassette: Cassette, run: Run, edition: Edition, mode: Mode) -> Played:
        await keep_once(self._parts.store, edition)
        made = msgspec.structs.replace(run, parent=0, base=None)
        async with self._asides.begin(made, edition, kind="test") as live:
            return await self._staged(cassette, edition, mode, live)

    async def _staged(
        self, cassette: Cassette, edition: Edition, mode: Mode, live: LiveRun
    ) -> Played:
        stage = _Stage(
            cassette=cassette,
            edition=edition,
            world=self._world(cassette, edition, mode),
            scene=scene_of(live.run, cassette.history),
            start=opening(live.run, edition.program.spec, at(cassette.state, "ui")),
        )
        heard: list[Event] = []

        def emit(event: Event) -> None:
            heard.append(event)
            live.emit(event)

        rerun, going = self._set(stage, live, emit, mode)
        post = bool(cassette.trace.post_frames)
        await self._asides.drive(live, going, stage.start.pending, post=post)
        trace = await self._asides.end(live, going)
        if live.cancelled:
            seen = Evidence(run_id=live.run.run_id, trouble="the run was cancelled")
            return Played(seen=seen, verdict=None, frames=trace.total_frames)
        if rerun is not None:  # its own time tells how fast a replay is
            trace = msgspec.structs.replace(trace, total_ms=cassette.trace.total_ms)
        verdict = rerun and rerun.verdict(live.run.run_id, cassette.manifest, edition.manifest)
        seen = evidence(trace, heard, going.state)
        return Played(seen=seen, verdict=verdict, frames=trace.total_frames)

    def _world(self, cassette: Cassette, edition: Edition, mode: Mode) -> World:
        world = self._asides.world(edition)
        if mode != "replay":
            return world
        return msgspec.structs.replace(world, model=SealedModel(cassette.model))

    def _set(
        self, stage: "_Stage", live: LiveRun, emit: Callable[[Event], None], mode: Mode
    ) -> tuple[Rerun | None, Pass]:
        """Return the pass of a mode, and what watches over a replay."""
        cassette, world, scene = stage.cassette, stage.world, stage.scene
        trace, state = cassette.trace, cassette.state
        program = refitted(stage.edition, trace)
        if mode == "replay":
            rerun = Rerun(trace, program, world, scene, live, emit, state)
            return rerun, rerun.going
        port: EffectPort = LivePort(self._parts.clock, live, self._parts.redactor)
        if mode == "hybrid":
            held = {effect.effect_id: effect for effect in trace.effects}
            port = MixedPort(held, live, port, on_miss="fail", rules=HYBRID)
        going = Pass(program, world, scene, port, live, emit, emit, state)
        edited(going, trace)
        return None, going


class _Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What a cassette is played on."""

    cassette: Cassette
    edition: Edition
    world: World
    scene: Scene
    start: Opening


def _read(text: str) -> Suite:
    try:
        suite = parse(text, "case")
    except BadSuite as error:
        raise Unprocessable(f"`case`: {error}") from None
    if not suite.cassette:
        raise Unprocessable("`case`: expected `- cassette: file` in its setup, got none")
    return suite


def _given(suite: Suite, cassette: Cassette) -> Run:
    """Return the run that the case asks for.

    Raises:
        Unprocessable: it clicks where the cassette says, or the other way round.
    """
    does, run = suite.steps[0].does, cassette.run
    clicks = isinstance(does, Click)
    if clicks != run.action:
        kinds = ("a click", "a message")
        has, wants = kinds if run.action else kinds[::-1]
        raise Unprocessable(f"`case`: its step is {wants}, the cassette holds {has}")
    text = does.patterns[0] if isinstance(does, Click) else does.wordings[0]
    return msgspec.structs.replace(run, text=input_of(text, run.text))


def _written(case: Case, cassette: Cassette) -> Json:
    return {
        "case": case.text,
        "cassette": cassette,
        "checks": [msgspec.to_builtins(proof) for proof in case.checks],
    }


def _judged(suite: Suite, played: Played, mode: Mode) -> Json:
    step, checks = suite.steps[0], list[Json]()
    for check in step.checks:
        why = judge(check.expects, played.seen)
        status = "FAIL" if why else "PASS"
        row = {"line": check.line, "step": step.name, "check": check.text, "status": status}
        checks.append({**row, "detail": why})
    failed = sum(row["status"] == "FAIL" for row in checks)
    return {
        "mode": mode,
        "run_id": played.seen.run_id,
        "frames": played.frames,
        "passed": len(checks) - failed,
        "failed": failed,
        "checks": checks,
        "verdict": msgspec.to_builtins(played.verdict),
    }
