"""Stops node code that reaches for the world past its context, at the moment it does.

An audit hook looks at sockets, processes and files, but only while a context variable says that
a graph's frames run, between which the engine does nothing of the kind; the effect port clears it
around the real work. Hooks cannot be removed, so there is one for the life of the process, and it
costs a look-up per audited event.
"""

import sys
from contextvars import ContextVar
from functools import cache

from agent.core.errors import NotDeterministic

INSIDE: ContextVar[bool] = ContextVar("inside_node", default=False)
"""Whether the code that runs now is a node's, or the engine's between two of them."""
WATCHED = frozenset(
    {
        "open",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "socket.__new__",
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
    }
)


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event in WATCHED and INSIDE.get() and not _imports():
        raise NotDeterministic(
            f"node code did {event} {arguments[:1]!r:.120} past its context, "
            "which no replay could answer; use ctx.call() with a tool"
        )


def _imports() -> bool:
    """Whether the import system is at work: a module that a node imports late may be read."""
    caller = sys._getframe(2).f_code.co_filename  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return caller.startswith("<frozen importlib")


@cache
def install() -> None:
    """Watch from now on; further calls do nothing."""
    sys.addaudithook(_look)
