"""The test board: what the suite runner reports, for everybody to see.

One owner: posts arrive on the event loop's thread and are folded and published before the runner
gets its answer, so every ``/ws/test`` reader has the news queued by then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from agent.core import checks
from agent.core.checks import Post, SuiteRecord
from agent.core.events import TestsChanged
from agent.core.json import Json
from agent.engine.ports import Clock
from agent.runtime.hub import Hub

STALE_SECONDS = 60.0
"""A running suite that says nothing for this long is marked ``stale``."""

_log = logging.getLogger(__name__)


class SuiteBoard:
    """The record of the running or last suite.

    Args:
        hub: where changes are published.
        clock: for silence and the time a run finished.
        save: keeps the latest finished run beyond a restart.
        latest: what ``save`` was last given, from an earlier process.
    """

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        *,
        save: Callable[[Json], Awaitable[None]],
        latest: Json = None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._save = save
        self._latest = latest
        self._record = SuiteRecord()
        self._heard = clock.monotonic()
        self._started = asyncio.Event()

    async def take(self, post: Post) -> Json:
        """Fold ``post`` in, publish, and return the runner's answer.

        Raises:
            Unprocessable: the post's ``result`` is not an object.
        """
        if post.event not in checks.KNOWN:
            _log.warning("ignored test event %r: expected one of %s", post.event, _KNOWN)
            return {"ok": True, "ignored": post.event}
        self._heard = self._clock.monotonic()
        self._change(checks.advance(self._record, post))
        if post.event == "suite_end":
            self._latest = checks.finished(self._record, self._clock.now_ms())
            await self._save(self._latest)
        return {"ok": True}

    def status(self) -> Json:
        """Return the record, as ``GET /api/test/status`` and ``/ws/test`` show it."""
        self.tick()
        return checks.view(self._record)

    def latest(self) -> Json:
        """Return the results of the latest finished run; ``{}`` when there is none."""
        return self._latest or {}

    def tick(self) -> None:
        """Mark a silent runner as stale, once."""
        silent = self._clock.monotonic() - self._heard
        if self._record.running and not self._record.stale and silent >= STALE_SECONDS:
            self._change(msgspec.structs.replace(self._record, stale=True))

    async def watch(self) -> None:
        """Keep an eye on the runner, for ever; costs nothing while no suite runs."""
        while True:
            await self._started.wait()
            await asyncio.sleep(STALE_SECONDS / 6)
            self.tick()

    def _change(self, record: SuiteRecord) -> None:
        self._record = record
        if record.running and not record.stale:
            self._started.set()
        else:
            self._started.clear()
        self._hub.publish(
            TestsChanged(node="runtime", run_id="", channel="", record=checks.view(record))
        )


_KNOWN = ", ".join(sorted(checks.KNOWN))
