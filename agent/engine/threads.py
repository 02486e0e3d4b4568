"""Foreign code that blocks, in a thread of its own that can be told to stop.

A thread cannot be ended from outside. What can be done is done: whoever waits is let go at once,
and an exception is raised inside the thread at its next line of Python, which ends a loop without
an end. Threads are daemons, so code that waits in C for ever does not keep the process alive.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class Stopped(BaseException):
    """Raised inside a thread that nobody waits for any more."""


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Run ``work`` in a new thread with the caller's context variables; return what it returns."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def run() -> None:
        try:
            value = context.run(work)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the thread
            _tell(loop, done, lambda caught=error: done.set_exception(_portable(caught)))
        else:
            _tell(loop, done, lambda: done.set_result(value))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        return await done
    except asyncio.CancelledError:
        _stop(thread)
        raise


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[T], end: Callable[[], None]
) -> None:
    def settle() -> None:
        if not done.done():
            end()

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, and with it whoever waited
        return


def _portable(error: BaseException) -> BaseException:
    """A future refuses StopIteration; a foreign CancelledError would look like our own."""
    if isinstance(error, StopIteration | asyncio.CancelledError):
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _stop(thread: threading.Thread) -> None:
    if thread.ident is not None and thread.is_alive():
        ident, raised = ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, raised)
