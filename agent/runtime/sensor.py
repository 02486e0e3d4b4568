"""What can be noticed around the runtime without a model: the hour, idleness, memory, the page.

It is never dispatched. A loop looks every few seconds and publishes only what changed; a run is
given the snapshot of its start and never sees a later value.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from agent.core.events import Sensed
from agent.core.json import Json
from agent.runtime.hub import Hub

PERIOD_S = 5.0


class Sensor:
    """The loop and its latest snapshot.

    Args:
        hub: where changes are published.
        now_ms: wall time.
        memory_mb: resident memory of the process, in MB.
    """

    def __init__(self, hub: Hub, now_ms: Callable[[], int], memory_mb: Callable[[], int]) -> None:
        self._hub = hub
        self._now_ms = now_ms
        self._memory_mb = memory_mb
        self._touched = now_ms()
        self._stopped = asyncio.Event()
        self.snapshot: Json = self._look()

    def touch(self) -> None:
        """Somebody did something: idle time starts anew."""
        self._touched = self._now_ms()

    def look(self) -> Json:
        """Look now; publish and return what changed."""
        seen = self._look()
        changes = {key: value for key, value in seen.items() if self.snapshot.get(key) != value}
        if changes:
            self.snapshot = seen
            self._hub.publish(Sensed(node="sensor", run_id="", channel="", changes=changes))
        return changes

    def stop(self) -> None:
        """End the loop."""
        self._stopped.set()

    async def run(self) -> None:
        """Look every few seconds until stopped."""
        while not self._stopped.is_set():
            self.look()
            try:
                async with asyncio.timeout(PERIOD_S):
                    await self._stopped.wait()
            except TimeoutError:
                continue

    def _look(self) -> dict[str, Json]:
        now = self._now_ms()
        idle_min = (now - self._touched) // 60_000
        return {
            "clock": datetime.fromtimestamp(now // 60_000 * 60, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "idle_min": idle_min,
            "memory_mb": self._memory_mb() // 10 * 10,
        }
