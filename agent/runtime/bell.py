"""Waking a task at once instead of with the loop's next turn.

A future that is done lets its task go on a turn later. Whoever rings a bell stands aside instead:
the task that sleeps at it runs, as itself and in its own context, until it waits again or ends;
then the one that rang goes on. It is what asyncio's eager tasks do when they start, for a task that
is there already, by the means asyncio documents for those who run tasks in ways of their own.
"""

import asyncio
from asyncio.tasks import (
    _enter_task,  # pyright: ignore[reportPrivateUsage]
    _leave_task,  # pyright: ignore[reportPrivateUsage]
)
from collections.abc import Callable
from contextvars import Context


class Bell(asyncio.Future[None]):
    """One task sleeps at it, once."""

    __slots__ = ("_sleeper",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._sleeper: tuple[Callable[[Bell], object], Context] | None = None

    def add_done_callback(
        self, fn: Callable[["Bell"], object], *, context: Context | None = None
    ) -> None:
        """Note who sleeps here; a task says so in this way, with its context."""
        if context is not None:
            self._sleeper = (fn, context)
        super().add_done_callback(fn, context=context)

    def ring(self) -> None:
        """Have the task go on until it waits again; it may be gone, or not have come yet."""
        if self.done():
            return
        sleeper, loop = self._sleeper, self.get_loop()
        if sleeper is not None:
            self.remove_done_callback(sleeper[0])
        self.set_result(None)
        if sleeper is None:
            return
        wake, context = sleeper
        ringing = asyncio.current_task(loop)
        if ringing is not None:
            _leave_task(loop, ringing)
        try:
            context.run(wake, self)
        finally:
            if ringing is not None:
                _enter_task(loop, ringing)
