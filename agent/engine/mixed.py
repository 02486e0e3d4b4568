"""The port of a run that goes on from a recording: what it holds is given, the rest is asked for.

Invariant: a write whose outcome is unknown is never done again. It raises, whatever else is
permitted, and stands in the journal without a result as before.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from agent.core.effects import Effect, EffectKey
from agent.core.errors import Diverged, UnknownOutcome
from agent.core.json import NOTHING, Json, digest
from agent.engine.effects import (
    CUT,
    Answer,
    Ask,
    Call,
    EffectPort,
    Journal,
    Miss,
    OnText,
    story,
    tell,
)

Policy = Literal["recorded", "static", "live", "stub"]
OnMiss = Literal["live", "extend", "fail"]
"""Where the recording does not answer: ask the world; ask it only behind the recording's end, so
that another request in a recorded place diverges; or never ask it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers."""

    policy: Policy
    """``recorded``: the same place and request. ``static``: the same place, whatever is asked.
    ``live``: the world. ``stub``: ``answer``."""
    answer: Json = None
    """What a stub says, in the shape of the effect's response."""


Rules = Mapping[str, Rule]
"""By an effect's id, by kind and name (``tool:query_db``), or by kind; the first wins."""
RECORDED = Rule(policy="recorded")


def rule_of(rules: Rules, key: EffectKey, ask: Ask) -> Rule:
    """Return the most exact rule for an effect; what none is about is ``recorded``."""
    for name in (str(key), f"{ask.kind}:{ask.name}", ask.kind):
        if name in rules:
            return rules[name]
    return RECORDED


class MixedPort:
    """Answers from a recording, by rule, and has a live port answer the rest.

    Args:
        recording: effect id → effect.
        journal: where the rows of what the recording answers go.
        live: the way to the world, which writes its own rows.
        on_miss: what to do where the recording does not answer.
        rules: who answers what.
    """

    def __init__(
        self,
        recording: Mapping[str, Effect],
        journal: Journal,
        live: EffectPort,
        *,
        on_miss: OnMiss,
        rules: Rules = NOTHING,
    ) -> None:
        self._recording = recording
        self._journal = journal
        self._live = live
        self._on_miss = on_miss
        self._rules = rules
        self.matched = 0
        """Effects that the recording answered."""
        self.miss: Miss | None = None
        """The first that it could not answer and nobody else was allowed to."""

    async def perform(self, key: EffectKey, ask: Ask, call: Call, on_text: OnText) -> Effect:
        """Answer by rule.

        Raises:
            EffectFailed: the world refused, now or when it was recorded.
            Diverged: nobody may answer.
            UnknownOutcome: it is a write that was begun and perhaps done.
        """
        if ask.policy != "live":  # an operator gave the answer
            return await self._live.perform(key, ask, call, on_text)
        rule = rule_of(self._rules, key, ask)
        if rule.policy == "stub":
            return await self._live.perform(key, _stubbed(ask), _says(rule.answer), on_text)
        effect = self._recorded(key, ask, rule)
        if effect is None:
            return await self._live.perform(key, ask, call, on_text)
        return tell(effect, on_text)

    def instant(self, key: EffectKey, ask: Ask, value: Callable[[], Json]) -> Effect:
        """Answer by rule what never waits."""
        rule = rule_of(self._rules, key, ask)
        if rule.policy == "stub":
            return self._live.instant(key, _stubbed(ask), lambda: rule.answer)
        effect = self._recorded(key, ask, rule)
        return self._live.instant(key, ask, value) if effect is None else effect

    def _recorded(self, key: EffectKey, ask: Ask, rule: Rule) -> Effect | None:
        """Return what the recording says; ``None`` when the world is to be asked."""
        if rule.policy == "live":
            return None
        found = self._recording.get(str(key))
        if found is None or not _fits(found, ask, rule):
            self._missed(key, ask, found)
            return None
        if found.ended is None or found.error == CUT:
            self._unknown(key, ask, found)
            return None
        self.matched += 1
        effect = msgspec.structs.replace(
            found, request=ask.request, request_hash=digest(ask.request), policy=rule.policy
        )
        self._journal.intent(effect)
        self._journal.result(effect)
        return effect

    def _unknown(self, key: EffectKey, ask: Ask, found: Effect) -> None:
        if not found.write:
            if self._on_miss == "fail":
                self._missed(key, ask, found)
            return
        self._journal.intent(msgspec.structs.replace(found, ended=None, error=None))
        raise UnknownOutcome(
            f"tool {ask.name!r} ({key}) writes and was cut off; whether it did its work is not "
            "known, so it is not repeated: look, then fork the run and give its result by hand"
        )

    def _missed(self, key: EffectKey, ask: Ask, found: Effect | None) -> None:
        if self._on_miss == "live" or (self._on_miss == "extend" and found is None):
            return
        if self.miss is None:
            self.miss = Miss(key=key, expected=found, asked=ask)
        raise Diverged(story(key, ask, found))


def _fits(found: Effect, ask: Ask, rule: Rule) -> bool:
    if (found.kind, found.name) != (ask.kind, ask.name):
        return False
    return rule.policy == "static" or found.request_hash == digest(ask.request)


def _stubbed(ask: Ask) -> Ask:
    return msgspec.structs.replace(ask, policy="stub", write=False)


def _says(answer: Json) -> Call:
    async def call(_heard: OnText) -> Answer:
        return Answer(response=answer)

    return call
