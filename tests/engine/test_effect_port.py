"""The recorded port: same place and same request, or nothing at all."""

import msgspec
import pytest
from rig import Notes

from agent.core.effects import Chunk, Effect, EffectError, EffectKey
from agent.core.errors import Diverged, ModelFailed, ToolFailed
from agent.core.journal import Fold
from agent.core.json import digest
from agent.engine.effects import Ask, RecordedPort

pytestmark = pytest.mark.anyio
KEY = EffectKey(frame=1, node="a", visit=1)
ASK = Ask(kind="tool", name="look", request={"x": 1})


def recorded(**more) -> Effect:
    fields = {
        "effect_id": str(KEY), "frame": 1, "node": "a", "visit": 1, "kind": "tool", "name": "look",
        "request": {"x": 1}, "request_hash": digest({"x": 1}), "started": 1.0, "ended": 2.0,
        "response": {"rows": 3},
    }  # fmt: skip
    return Effect(**{**fields, **more})


def port(*effects: Effect) -> tuple[RecordedPort, Notes]:
    notes = Notes()
    return RecordedPort({effect.effect_id: effect for effect in effects}, notes), notes


async def never(_heard):
    pytest.fail("a recorded port does nothing")


async def perform(at: RecordedPort, ask: Ask = ASK, key: EffectKey = KEY, heard=None):
    return await at.perform(key, ask, never, heard or (lambda _: None))


async def test_it_answers_with_what_was_recorded_and_says_so():
    at, notes = port(recorded(chunks=(Chunk(1.0, "he"), Chunk(2.0, "llo"))))
    pieces: list[str] = []
    effect = await perform(at, heard=pieces.append)
    assert (effect.response, effect.policy) == ({"rows": 3}, "recorded")
    assert pieces == ["he", "llo"]
    assert (at.matched, at.miss) == (1, None)
    assert Fold(notes.rows).effects[str(KEY)] == effect


@pytest.mark.parametrize(("kind", "error"), [("model", ModelFailed), ("tool", ToolFailed)])
async def test_a_recorded_error_is_raised_again_with_code_and_partial(kind, error):
    refusal = EffectError(code="down", detail="not now", partial="he")
    at, _ = port(recorded(kind=kind, response=None, error=refusal))
    with pytest.raises(error, match="not now") as failed:
        await perform(at)
    assert (failed.value.code, failed.value.partial) == ("down", "he")
    assert at.matched == 1


async def test_another_request_in_the_same_place_is_a_miss():
    at, notes = port(recorded())
    with pytest.raises(Diverged, match="asks something else"):
        await perform(at, msgspec.structs.replace(ASK, request={"x": 2}))
    assert at.miss.expected == recorded()
    assert at.miss.asked.request == {"x": 2}
    assert (at.matched, notes.rows) == (0, [])


@pytest.mark.parametrize(
    "key", [EffectKey(frame=2, node="a", visit=1), EffectKey(frame=1, node="b", visit=1),
            EffectKey(frame=1, node="a", visit=2), EffectKey(frame=1, node="a", visit=1, index=1),
            EffectKey(frame=1, node="a", visit=1, branch="x")], ids=str,
)  # fmt: skip
async def test_the_same_request_in_another_place_is_a_miss(key):
    at, _ = port(recorded())
    with pytest.raises(Diverged, match="not in the recording"):
        await perform(at, key=key)
    assert (at.miss.key, at.miss.expected) == (key, None)


async def test_an_effect_with_an_unknown_outcome_is_no_answer():
    at, _ = port(recorded(ended=None, response=None))
    with pytest.raises(Diverged, match="without a result"):
        await perform(at)


async def test_the_first_miss_is_the_one_that_counts():
    at, _ = port(recorded())
    for frame in (5, 7):
        with pytest.raises(Diverged):
            await perform(at, key=msgspec.structs.replace(KEY, frame=frame))
    assert at.miss.key.frame == 5


async def test_an_instant_is_answered_without_looking():
    at, _ = port(recorded(kind="clock", request=None, request_hash=digest(None), response=77))
    effect = at.instant(KEY, Ask(kind="clock"), lambda: pytest.fail("a clock was read"))
    assert effect.response == 77
