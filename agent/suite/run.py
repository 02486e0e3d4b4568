"""Holds the conversations of suites with a server, step by step, several side by side.

Each conversation has a channel of its own, so none sees another's, and the user's is untouched.
A result is reported the moment its check is judged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.cases.match import Evidence, find, judge
from agent.cases.suite import Click, Step, Suite
from agent.core.json import Json, fields
from agent.suite.door import Door
from agent.suite.errors import CannotRun
from agent.suite.results import Result

OnResult = Callable[[Result], Awaitable[None]]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How suites are to be run."""

    channel: str
    """The channel, or what the names of the conversations' channels begin with."""
    own: bool = True
    """The conversations have channels of their own."""
    graph: str = ""
    """Instead of the one a file names."""
    repeat: int = 1
    parallel: int = 1
    timeout_s: float = 60.0
    mode: str = "replay"
    """Who answers the effects of a case with a cassette: ``replay``, ``hybrid``, ``live``."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One time through one file."""

    suite: Suite
    round: int
    wording: int
    channel: str


def conversations(suites: Sequence[Suite], plan: Plan) -> list[Conversation]:
    """Return every conversation to hold, in order."""
    made: list[Conversation] = []
    for turn in range(1, plan.repeat + 1):
        for suite in suites:
            for wording in range(suite.wordings):
                channel = f"{plan.channel}-{len(made) + 1}" if plan.own else plan.channel
                made.append(Conversation(suite=suite, round=turn, wording=wording, channel=channel))
    return made


async def run(door: Door, suites: Sequence[Suite], plan: Plan, on_result: OnResult) -> list[Result]:
    """Run ``suites`` and return all results; each is posted to the server's test board, too.

    Raises:
        CannotRun: the server refused, or went away in the middle.
    """
    runner = _Runner(door, plan, on_result)
    count = sum(suite.checks for suite in suites) * plan.repeat
    name = ", ".join(suite.title for suite in suites)
    await door.report({"event": "suite_start", "suite": name, "count": count})
    limit = asyncio.Semaphore(plan.parallel)
    try:
        async with asyncio.TaskGroup() as group:
            for conversation in conversations(suites, plan):
                group.create_task(runner.hold(conversation, limit))
    except* CannotRun as failed:
        stopped: Exception = failed.exceptions[0]
        while isinstance(stopped, ExceptionGroup):
            stopped = stopped.exceptions[0]
        raise stopped from None
    finally:
        with suppress(CannotRun):  # whatever ended it, the board must not wait for more
            await door.report({"event": "suite_end"})
    return runner.results


class _Runner:
    def __init__(self, door: Door, plan: Plan, on_result: OnResult) -> None:
        self._door = door
        self._plan = plan
        self._on_result = on_result
        self.results: list[Result] = []

    async def hold(self, talk: Conversation, limit: asyncio.Semaphore) -> None:
        async with limit:
            suite = talk.suite
            if suite.cassette:
                await self._play(talk)
                return
            await self._door.prepare(
                talk.channel,
                clear=suite.clear or self._plan.own,
                graph=self._plan.graph or suite.graph,
            )
            shown: tuple[Json, ...] = ()
            for step, counts in suite.steps_of(talk.wording):
                if step.clear:
                    await self._door.prepare(talk.channel, clear=True, graph="")
                    shown = ()
                shown = await self._step(talk, step, shown, counts=counts)

    async def _play(self, talk: Conversation) -> None:
        """Have the server play the case's one step from its cassette and judge it."""
        suite, step = talk.suite, talk.suite.steps[0]
        begun = time.monotonic()
        case, cassette = await asyncio.to_thread(_files, suite)
        judged = await self._judged(suite, case, cassette)
        took = (time.monotonic() - begun) * 1000
        for place, row in enumerate(judged["checks"]):
            result = Result(
                file=suite.file,
                step=step.name,
                check=row["check"],
                status=row["status"],
                detail=row["detail"],
                run_id=judged["run_id"],
                line=row["line"],
                said=_said(step),
                round=talk.round,
                took_ms=0.0 if place else round(took, 1),
            )
            self.results.append(result)
            await self._on_result(result)

    async def _judged(self, suite: Suite, case: str, cassette: bytes) -> Json:
        plan = self._plan
        try:
            async with asyncio.timeout(
                plan.timeout_s
            ):  # who does not wait any more cancels the run
                return await self._door.play(
                    case, cassette, mode=plan.mode, graph=plan.graph, suite=suite.file
                )
        except TimeoutError:
            failed = {"status": "FAIL", "detail": f"no end within {plan.timeout_s:g} s; cancelled"}
            checks = suite.steps[0].checks
            rows = [{"line": check.line, "check": check.text, **failed} for check in checks]
            return {"run_id": "", "checks": rows}

    async def _step(
        self, talk: Conversation, step: Step, shown: tuple[Json, ...], *, counts: bool
    ) -> tuple[Json, ...]:
        """Do a step and judge it; return the buttons shown afterwards."""
        begun = time.monotonic()
        said, seen = await self._do(talk, step, shown)
        seen = msgspec.structs.replace(seen, actions=_buttons(seen, shown))
        took = (time.monotonic() - begun) * 1000
        for place, check in enumerate(step.checks if counts else ()):
            why = judge(check.expects, seen)
            result = Result(
                file=talk.suite.file,
                step=step.name,
                check=check.text,
                status="FAIL" if why else "PASS",
                detail=why,
                run_id=seen.run_id,
                line=check.line,
                said=said,
                round=talk.round,
                took_ms=0.0 if place else round(took, 1),
            )
            self.results.append(result)
            await self._door.report({"event": "step_result", "result": result.post()})
            await self._on_result(result)
        return seen.actions

    async def _do(
        self, talk: Conversation, step: Step, shown: tuple[Json, ...]
    ) -> tuple[str, Evidence]:
        timeout_s, does = self._plan.timeout_s, step.does
        if isinstance(does, Click):
            button = find(does, shown)
            if button is None:
                labels = ", ".join(repr(b.get("label")) for b in shown) or "none"
                wanted = " or ".join(repr(p) for p in does.patterns)
                return wanted, Evidence(trouble=f"no button is {wanted}; shown: {labels}")
            body = {"action": button["action"], "data": _data(button)}
            turn = self._door.turn("/api/action", body, talk.channel, timeout_s=timeout_s)
            return str(button["action"]), await turn
        text = does.wordings[talk.wording if talk.wording < len(does.wordings) else 0]
        body = {"text": text, "queue": True}
        turn = self._door.turn("/api/send", body, talk.channel, timeout_s=timeout_s)
        return text, await turn


def _files(suite: Suite) -> tuple[str, bytes]:
    """Return the text of a case and what its cassette holds."""
    path = Path(suite.file)
    cassette = path.parent / suite.cassette
    try:
        return path.read_text("utf-8-sig"), cassette.read_bytes()
    except OSError as error:
        raise CannotRun(
            f"{error.filename}: cannot be read: {error.strerror}; make the case again: "
            "python3 run.py test-from"
        ) from None


def _said(step: Step) -> str:
    does = step.does
    return does.patterns[0] if isinstance(does, Click) else does.wordings[0]


def _buttons(seen: Evidence, before: tuple[Json, ...]) -> tuple[Json, ...]:
    """Return the buttons shown after a run; those from before stay until others are sent."""
    sent = [e["controls"] for e in seen.events if e["event"] == "controls"]
    if not sent:
        return before
    return tuple(c for c in sent[-1] if fields(c).get("type", "button") == "button")


def _data(button: Json) -> Json:
    """Return what a page sends with a click: the machine, else the button's exact payload."""
    if button.get("machine_id") is None:
        return button.get("payload")
    return {key: button.get(key) for key in ("machine_id", "go", "payload") if key in button}
