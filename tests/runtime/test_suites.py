"""The test board: folded, published, saved, and watched for silence."""

import asyncio

import pytest

from agent.core.checks import Post
from agent.core.errors import Unprocessable
from agent.core.events import Topic
from agent.runtime import suites
from agent.runtime.hub import Hub
from agent.runtime.suites import SuiteBoard

pytestmark = pytest.mark.anyio

START = Post(event="suite_start", suite="smoke", count=1)
GREEN = Post(event="step_result", result={"step": "a", "check": "b", "status": "PASS"})
END = Post(event="suite_end")


class Clock:
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return 42

    def random(self) -> float:
        return 0.0

    def token(self, size: int) -> str:
        return "0" * size


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(clock: Clock) -> Hub:
    return Hub(lambda: clock.now_ms() * 1_000_000)


@pytest.fixture
def saved() -> list:
    return []


@pytest.fixture
def board(hub: Hub, clock: Clock, saved: list) -> SuiteBoard:
    async def save(record) -> None:
        saved.append(record)

    return SuiteBoard(hub, clock, save=save)


async def test_a_post_is_published_before_the_answer(board, hub):
    reader = hub.reader(Topic.TEST)
    assert await board.take(START) == {"ok": True}
    assert await board.take(GREEN) == {"ok": True}
    lines = reader.ready()
    assert len(lines) == 2
    assert b'"current":"ab"' in lines[1]


async def test_an_unknown_event_is_answered_and_warned_of(board, hub, caplog):
    assert await board.take(Post(event="lunch")) == {"ok": True, "ignored": "lunch"}
    assert "lunch" in caplog.text
    assert hub.last == 0


async def test_a_refused_post_changes_nothing(board, hub):
    with pytest.raises(Unprocessable):
        await board.take(Post(event="step_result"))
    assert hub.last == 0


async def test_the_finished_run_is_saved_and_shown(board, saved):
    assert board.latest() == {}
    for post in (START, GREEN, END):
        await board.take(post)
    assert saved == [board.latest()]
    assert (board.latest()["passed"], board.latest()["finished"]) == (1, 42)
    await board.take(START)
    assert board.latest()["passed"] == 1


async def test_the_run_of_an_earlier_process_is_known(hub, clock):
    assert SuiteBoard(hub, clock, save=None, latest={"passed": 3}).latest() == {"passed": 3}


async def test_a_silent_runner_is_marked_once_and_comes_back(board, hub, clock):
    await board.take(START)
    clock.seconds = 59.9
    assert "stale" not in board.status()
    clock.seconds = 60.0
    assert board.status()["stale"] is True
    assert board.status()["stale"] is True
    assert hub.last == 2
    await board.take(GREEN)
    assert "stale" not in board.status()


async def test_a_suite_that_ended_never_grows_stale(board, clock):
    for post in (START, END):
        await board.take(post)
    clock.seconds = 1000.0
    assert "stale" not in board.status()


async def test_the_watch_tells_readers_of_the_silence(board, hub, clock, monkeypatch):
    monkeypatch.setattr(suites, "STALE_SECONDS", 0.006)
    reader = hub.reader(Topic.TEST)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        watching = group.create_task(board.watch())
        await board.take(START)
        await reader.next()
        clock.seconds = 1.0
        assert b'"stale":true' in (await reader.next())[0]
        watching.cancel()
