"""The sensor: a snapshot for runs, and only what changed for everybody else."""

import asyncio

import msgspec
import pytest

from agent.core.events import Topic
from agent.runtime.hub import Hub
from agent.runtime.sensor import Sensor

pytestmark = pytest.mark.anyio


class Surroundings:
    now = 1_700_000_000_000
    memory = 104


def sensor() -> tuple[Sensor, Hub, Surroundings]:
    around = Surroundings()
    hub = Hub(lambda: 0, keep=64)
    return Sensor(hub, lambda: around.now, lambda: around.memory), hub, around


def changes(hub: Hub) -> list:
    lines = hub.reader(Topic.TRACE, since=0).ready()
    return [msgspec.json.decode(line)["changes"] for line in lines]


async def test_it_knows_something_from_the_start_and_tells_nothing_yet():
    made, hub, _ = sensor()
    assert made.snapshot == {"clock": "2023-11-14 22:13 UTC", "idle_min": 0, "memory_mb": 100}
    assert made.look() == {}
    assert changes(hub) == []


async def test_it_tells_only_what_changed():
    made, hub, around = sensor()
    around.memory = 109
    assert made.look() == {}, "a little more memory is no news"
    around.memory = 111
    made.look()
    around.now += 60_000
    made.look()
    assert changes(hub) == [{"memory_mb": 110}, {"clock": "2023-11-14 22:14 UTC", "idle_min": 1}]


async def test_idle_time_starts_anew_when_somebody_does_something():
    made, _, around = sensor()
    around.now += 5 * 60_000
    assert made.look()["idle_min"] == 5
    made.touch()
    assert made.look()["idle_min"] == 0


async def test_the_snapshot_a_run_holds_never_changes():
    made, _, around = sensor()
    held = made.snapshot
    around.now += 60_000
    made.look()
    assert held["idle_min"] == 0
    assert made.snapshot["idle_min"] == 1


async def test_its_loop_ends_when_told():
    made, _, _ = sensor()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(made.run())
        await asyncio.sleep(0)
        made.stop()
