"""The mixed port: what the recording holds is given, the rest is asked for, no write is repeated."""

import msgspec
import pytest
from rig import CountingClock, Notes

from agent.core.effects import Chunk, Effect, EffectError, EffectKey
from agent.core.errors import Diverged, ToolFailed, UnknownOutcome
from agent.core.journal import Fold
from agent.core.json import digest
from agent.core.redact import Redactor
from agent.engine.effects import CUT, Answer, Ask, LivePort
from agent.engine.mixed import MixedPort, Rule

pytestmark = pytest.mark.anyio
KEY = EffectKey(frame=1, node="a", visit=1)
ASK = Ask(kind="tool", name="look", request={"x": 1})
OTHER = msgspec.structs.replace(ASK, request={"x": 2})


def recorded(**more) -> Effect:
    fields = {
        "effect_id": str(KEY), "frame": 1, "node": "a", "visit": 1, "kind": "tool", "name": "look",
        "request": {"x": 1}, "request_hash": digest({"x": 1}), "started": 1.0, "ended": 2.0,
        "response": "then",
    }  # fmt: skip
    return Effect(**{**fields, **more})


class Stand:
    """A mixed port, its journal, and how often the world was asked."""

    def __init__(self, *effects: Effect, on_miss="live", **rules: Rule) -> None:
        self.notes = Notes()
        self.asked = 0
        live = LivePort(CountingClock(), self.notes, Redactor())
        recording = {effect.effect_id: effect for effect in effects}
        self.port = MixedPort(recording, self.notes, live, on_miss=on_miss, rules=rules)

    async def perform(self, ask: Ask = ASK, heard=None) -> Effect:
        async def call(_heard):
            self.asked += 1
            return Answer(response="now")

        return await self.port.perform(KEY, ask, call, heard or (lambda _: None))

    @property
    def row(self) -> Effect:
        return Fold(self.notes.rows).effects[str(KEY)]


@pytest.mark.parametrize("on_miss", ["live", "extend", "fail"])
async def test_the_same_place_and_request_is_answered_from_the_recording(on_miss):
    at = Stand(recorded(chunks=(Chunk(1.0, "th"), Chunk(2.0, "en"))), on_miss=on_miss)
    pieces: list[str] = []
    effect = await at.perform(heard=pieces.append)
    assert (effect.response, effect.policy, pieces, at.asked) == (
        "then",
        "recorded",
        ["th", "en"],
        0,
    )
    assert (at.row, at.port.matched) == (effect, 1)


async def test_a_recorded_refusal_is_raised_again():
    at = Stand(recorded(response=None, error=EffectError(code="down", detail="not now")))
    with pytest.raises(ToolFailed, match="not now"):
        await at.perform()
    assert at.asked == 0


@pytest.mark.parametrize(
    ("effects", "ask"),
    [
        ((), ASK),
        ((recorded(),), OTHER),
        ((recorded(name="peek"),), ASK),
        ((recorded(kind="model"),), ASK),
        ((recorded(ended=None),), ASK),
        ((recorded(error=CUT),), ASK),
    ],
    ids=["absent", "other request", "other name", "other kind", "no result", "cut off"],
)
async def test_a_miss_asks_the_world_or_fails(effects, ask):
    at = Stand(*effects)
    effect = await at.perform(ask)
    assert (effect.response, effect.policy, at.asked) == ("now", "live", 1)
    assert at.row == effect
    sealed = Stand(*effects, on_miss="fail")
    with pytest.raises(Diverged):
        await sealed.perform(ask)
    assert (sealed.asked, sealed.notes.rows) == (0, [])
    assert sealed.port.miss.asked == ask


async def test_going_on_behind_the_recording_never_answers_another_request():
    assert (await Stand(on_miss="extend").perform()).response == "now"
    assert (await Stand(recorded(ended=None), on_miss="extend").perform()).response == "now"
    at = Stand(recorded(), on_miss="extend")
    with pytest.raises(Diverged, match="asks something else"):
        await at.perform(OTHER)
    assert at.asked == 0


@pytest.mark.parametrize("on_miss", ["live", "extend", "fail"])
@pytest.mark.parametrize("end", [{"ended": None}, {"error": CUT}], ids=["no result", "cut off"])
async def test_a_write_with_an_unknown_outcome_is_never_repeated(on_miss, end):
    at = Stand(recorded(write=True, response=None, **end), on_miss=on_miss)
    with pytest.raises(UnknownOutcome, match="not repeated"):
        await at.perform(msgspec.structs.replace(ASK, write=True))
    assert at.asked == 0
    assert (at.row.ended, at.row.error) == (None, None)


async def test_a_write_that_ended_is_given_and_not_done():
    at = Stand(recorded(write=True))
    assert (await at.perform(msgspec.structs.replace(ASK, write=True))).response == "then"
    assert (at.asked, at.notes.secured) == (0, [])


async def test_static_takes_the_answer_of_the_place_whatever_is_asked():
    at = Stand(recorded(), on_miss="fail", tool=Rule(policy="static"))
    effect = await at.perform(OTHER)
    assert (effect.response, effect.policy, effect.request) == ("then", "static", {"x": 2})
    assert effect.request_hash == digest({"x": 2})
    with pytest.raises(Diverged):
        await Stand(on_miss="fail", tool=Rule(policy="static")).perform()


async def test_live_asks_the_world_though_the_recording_knows():
    effect = await Stand(recorded(), on_miss="fail", tool=Rule(policy="live")).perform()
    assert (effect.response, effect.policy) == ("now", "live")


async def test_a_stub_is_told_and_journalled_as_one_and_writes_nothing():
    at = Stand(recorded(), on_miss="fail", **{"tool:look": Rule(policy="stub", answer="by hand")})
    effect = await at.perform(msgspec.structs.replace(OTHER, write=True))
    assert (effect.response, effect.policy, at.asked) == ("by hand", "stub", 0)
    assert (at.row, at.notes.secured) == (effect, [])


async def test_an_answer_given_by_hand_goes_before_the_recorded_one():
    effect = await Stand(recorded(), on_miss="fail").perform(
        msgspec.structs.replace(ASK, policy="static")
    )
    assert (effect.response, effect.policy) == ("now", "static")


async def test_the_most_exact_rule_wins():
    rules = {
        "tool": Rule(policy="live"),
        "tool:look": Rule(policy="stub", answer="by name"),
        str(KEY): Rule(policy="stub", answer="by id"),
    }
    assert (await Stand(recorded(), **rules).perform()).response == "by id"
    del rules[str(KEY)]
    assert (await Stand(recorded(), **rules).perform()).response == "by name"
    del rules["tool:look"]
    assert (await Stand(recorded(), **rules).perform()).response == "now"
    assert (await Stand(recorded(), model=Rule(policy="live")).perform()).response == "then"


def test_an_instant_is_answered_by_the_same_rules():
    ask = Ask(kind="clock")
    held = recorded(kind="clock", name="", request=None, request_hash=digest(None), response=77)

    def look(at: Stand) -> object:
        return at.port.instant(KEY, ask, lambda: 99).response

    assert look(Stand(held)) == 77
    assert look(Stand()) == 99
    assert look(Stand(held, clock=Rule(policy="live"))) == 99
    assert look(Stand(held, clock=Rule(policy="stub", answer=5))) == 5
    with pytest.raises(Diverged):
        look(Stand(on_miss="fail"))
