"""Keeps one worker process started ahead, so that a query after a kill waits for no import.

A spare belongs to nobody and has opened nothing; it is given a database when it is taken. One task
owns the starting, so there is never more than one spare, and none before somebody wants one.
"""

import asyncio
from collections.abc import Sequence

from agent.adapters.sql.process import Worker, WorkerDied


class Nursery:
    """Starts workers.

    Args:
        modules: what they import before they are ready.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = tuple(modules)
        self._wanted = asyncio.Event()
        self._ready: asyncio.Queue[Worker | WorkerDied] = asyncio.Queue()

    async def run(self) -> None:
        """Start one worker each time one is wanted, until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                self._ready.put_nowait(await self._start())
        finally:
            while not self._ready.empty():
                spare = self._ready.get_nowait()
                if isinstance(spare, Worker):
                    await spare.close()

    async def take(self) -> Worker:
        """Return a worker that is ready, and have the next one started.

        Raises:
            WorkerDied: none can be started.
        """
        while True:
            if self._ready.empty():
                self._wanted.set()
            found = await self._ready.get()
            if isinstance(found, WorkerDied):
                raise found
            if found.alive:
                self._wanted.set()
                return found

    async def _start(self) -> Worker | WorkerDied:
        try:
            return await Worker.start(self._modules)
        except WorkerDied as error:
            return error
