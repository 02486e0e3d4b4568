"""Node code that is a plain function: it runs in a thread, with a context whose calls wait.

Every call of the context is carried out by the node's own coroutine on the event loop, one after
the other, so a plain node asks, tells and is replayed exactly like an async one. When the run is
stopped, the call that waits and every later one raise ``Stopped``.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import msgspec

from agent.core.frames import Envelope
from agent.core.json import Json
from agent.engine.context import Context
from agent.engine.program import Node
from agent.engine.threads import Stopped, in_thread

Plain = Callable[["Blocking", Envelope], Envelope | None]


class _Asked(msgspec.Struct, frozen=True):
    """A call that the thread waits for."""

    call: Callable[[], Json]
    answer: "Future[Json]"


class Blocking:
    """All that a ``Context`` offers, without ``await``.

    Args:
        context: the visit's own.
        post: gives a call to the event loop.
    """

    def __init__(self, context: Context, post: Callable[[_Asked], None]) -> None:
        self._context = context
        self._post = post
        self._home = threading.get_ident()
        self._waiting: Future[Json] | None = None
        self._stopped = False

    def __getattr__(self, name: str) -> Json:
        """Return a value of the context, or its method as one that waits."""
        if name.startswith("_"):
            raise AttributeError(name)
        found: Json = getattr(self._context, name)
        return partial(self._call, found) if callable(found) else found

    def _call(self, method: Callable[..., Json], *args: Json, **named: Json) -> Json:
        if threading.get_ident() == self._home:  # such as on_text=ctx.say, called by the model
            return method(*args, **named)
        if self._stopped:
            raise Stopped
        answer = self._waiting = Future[Json]()
        if self._stopped:  # again, now that ``stop`` can see who waits
            raise Stopped
        self._post(_Asked(partial(method, *args, **named), answer))
        return answer.result()

    def stop(self) -> None:
        """Let the thread go: what it waits for never comes."""
        self._stopped = True
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.set_exception(Stopped())


def threaded(function: Plain) -> Node:
    """Return ``function`` as node code."""

    async def node(ctx: Context, envelope: Envelope) -> Envelope | None:
        loop = asyncio.get_running_loop()
        asked: asyncio.Queue[_Asked] = asyncio.Queue()
        blocking = Blocking(ctx, lambda one: _post(loop, asked, one))
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(_serve(asked))
            try:
                return await in_thread(partial(function, blocking, envelope), function.__name__)
            finally:
                blocking.stop()
                serving.cancel()

    node.__name__, node.__doc__, node.__module__ = (
        function.__name__,
        function.__doc__,
        function.__module__,
    )
    return node


def _post(loop: asyncio.AbstractEventLoop, asked: "asyncio.Queue[_Asked]", one: _Asked) -> None:
    try:
        loop.call_soon_threadsafe(asked.put_nowait, one)
    except RuntimeError:
        raise Stopped from None  # the loop has ended


async def _serve(asked: "asyncio.Queue[_Asked]") -> None:
    while True:
        await _answer(await asked.get())


async def _answer(one: _Asked) -> None:
    try:
        value = one.call()
        if inspect.isawaitable(value):
            value = await value
    except asyncio.CancelledError:
        raise  # the run is stopped; ``stop`` lets the thread go
    except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked
        if not one.answer.done():
            one.answer.set_exception(error)
    else:
        if not one.answer.done():
            one.answer.set_result(value)
