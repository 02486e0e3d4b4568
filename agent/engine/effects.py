"""The port through which every touch of the world goes: live, or answered from a recording.

Invariant: nothing a node learns from outside comes past ``EffectPort.perform``. A live port writes
the intent down before the call and the result after it; a recorded port opens nothing at all.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from agent.core.effects import Chunk, Effect, EffectError, EffectKey, EffectKind
from agent.core.errors import Diverged, EffectFailed, ModelFailed, ToolFailed
from agent.core.json import Json, digest
from agent.core.messages import Usage
from agent.core.redact import Redactor, Stream
from agent.engine.police import INSIDE
from agent.engine.ports import Clock


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a node wants of the world."""

    kind: EffectKind
    name: str = ""
    request: Json = None
    write: bool = False
    again: bool = False
    """It repeats a request whose answer could not be used."""
    policy: str = "live"
    """Who answers when it is performed."""
    resend: "Callable[[Json], Call] | None" = None
    """Makes the call for another request; ``None`` where the request cannot be edited."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the world said."""

    response: Json
    usage: Usage | None = None
    cost: float | None = None


OPERATOR = "operator"
"""Branch of the edits that an operator makes in a visit."""
OnText = Callable[[str], None]
Call = Callable[[OnText], Awaitable[Answer]]


class Journal(Protocol):
    """Where intents and results are written, in order."""

    def intent(self, effect: Effect) -> None:
        """Note that ``effect`` is about to happen."""
        ...

    async def secure(self, effect: Effect) -> None:
        """Note it and return once it is on disk."""
        ...

    def result(self, effect: Effect) -> None:
        """Note how it ended."""
        ...


CUT = EffectError(code="cancelled", detail="cut off before it ended")
"""How an effect ends when its run is stopped from outside."""


class EffectPort(Protocol):
    """One run's way to the world."""

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Have ``ask`` answered; ``on_text`` hears streamed pieces.

        Raises:
            EffectFailed: the world refused; the same again in a replay.
            Diverged: a sealed port does not hold this effect.
        """
        ...

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Have an effect answered that never waits: clock, chance, a new id."""
        ...


def _effect(key: EffectKey, ask: Ask, started: float) -> Effect:
    return Effect(
        effect_id=str(key),
        frame=key.frame,
        node=key.node,
        visit=key.visit,
        branch=key.branch,
        index=key.index,
        kind=ask.kind,
        name=ask.name,
        request=ask.request,
        request_hash=digest(ask.request),
        write=ask.write,
        started=started,
        policy=ask.policy,
    )


class LivePort:
    """Really does it."""

    def __init__(self, clock: Clock, journal: Journal, redactor: Redactor) -> None:
        self._clock = clock
        self._journal = journal
        self._redactor = redactor

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Write the intent, call, write the result."""
        begin = self._clock.monotonic()
        effect = _effect(key, ask, self._clock.now_ns() / 1e6)
        chunks: list[Chunk] = []

        def elapsed() -> float:
            return round((self._clock.monotonic() - begin) * 1000, 3)

        stream = Stream(self._redactor)

        def tell(text: str) -> None:
            if text:
                chunks.append(Chunk(elapsed(), text))
                on_text(text)

        def heard(text: str) -> None:
            tell(stream.feed(text))

        def close(answer: Answer | None, error: EffectError | None) -> Effect:
            done = msgspec.structs.replace(
                effect,
                ended=round(effect.started + elapsed(), 3),
                chunks=tuple(chunks),
                response=answer.response if answer else None,
                usage=answer.usage if answer else None,
                cost=answer.cost if answer else None,
                error=error,
            )
            self._journal.result(done)
            return done

        if ask.write:
            await self._journal.secure(effect)
        else:
            self._journal.intent(effect)
        answer = None
        error: EffectError | None = CUT
        inside = INSIDE.set(False)
        try:
            answer = self._masked(await call(heard))
            tell(stream.end())
            error = None
        except EffectFailed as failure:
            detail = self._redactor.text(str(failure))
            partial = self._redactor.json(failure.partial)
            error = EffectError(code=failure.code, detail=detail, partial=partial)
            raise type(failure)(failure.code, detail, partial=partial) from None
        finally:
            INSIDE.reset(inside)
            done = close(answer, error)
        return done

    def _masked(self, answer: Answer) -> Answer:
        if not self._redactor.secrets:
            return answer
        return msgspec.structs.replace(answer, response=self._redactor.json(answer.response))

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Take the value and write it down."""
        effect = _effect(key, ask, self._clock.now_ns() / 1e6)
        done = msgspec.structs.replace(effect, ended=effect.started, response=value())
        self._journal.intent(effect)
        self._journal.result(done)
        return done


def tell(effect: Effect, on_text: OnText) -> Effect:
    """Have a node hear a recorded effect as it was heard then.

    Raises:
        EffectFailed: it failed.
    """
    for chunk in effect.chunks:
        on_text(chunk.text)
    if effect.error is not None:
        failed = ModelFailed if effect.kind == "model" else ToolFailed
        raise failed(effect.error.code, effect.error.detail, partial=effect.error.partial)
    return effect


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replay first asked for something else than the recording holds."""

    key: EffectKey
    expected: Effect | None
    """The recorded effect of that place, or ``None`` when there was none."""
    asked: Ask


class RecordedPort:
    """Answers from a recording. Opens no socket, runs no tool, reads no clock."""

    def __init__(self, recording: Mapping[str, Effect], journal: Journal) -> None:
        self._recording = recording
        self._journal = journal
        self.matched = 0
        self.miss: Miss | None = None

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Answer with the recorded effect of the same place and the same request."""
        del call
        return tell(self._find(key, ask), on_text)

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Answer with the recorded value."""
        del value
        return self._find(key, ask)

    def _find(self, key: EffectKey, ask: Ask) -> Effect:
        effect = self._recording.get(str(key))
        unfinished = effect is not None and effect.ended is None
        if effect is None or unfinished or effect.request_hash != digest(ask.request):
            if self.miss is None:
                self.miss = Miss(key=key, expected=effect, asked=ask)
            raise Diverged(story(key, ask, effect))
        self.matched += 1
        recorded = msgspec.structs.replace(effect, policy="recorded")
        self._journal.intent(recorded)
        self._journal.result(recorded)
        return recorded


def story(key: EffectKey, ask: Ask, effect: Effect | None) -> str:
    """Say why a recording does not answer."""
    if effect is None:
        return f"effect {key} ({ask.kind} {ask.name!r}) is not in the recording"
    if effect.ended is None:
        return f"effect {key} ({ask.kind} {ask.name!r}) was recorded without a result"
    return f"effect {key} ({ask.kind} {ask.name!r}) asks something else than was recorded"
