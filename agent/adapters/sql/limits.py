"""The limits a worker process puts on itself before it opens anything.

None of them can be lifted by what a database or a query does. Where the system knows one of them
not, the others stand.
"""

import ctypes
import math
import os
import resource
import signal
import sys
from contextlib import suppress

MEMORY = 512 << 20
"""Bytes of address space; a worker at rest has about a fifth of it."""
SHARED_INDEX = 1 << 20
"""Bytes of a file, once SQLite needs the index beside a file in WAL mode; else none at all."""
FILES = 64
POLITENESS = 5
"""How much the server goes before its workers where there are more tasks than processors."""
PR_SET_PDEATHSIG = 1


def confine(memory: int = MEMORY) -> None:
    """Bound memory, core dumps and files that are open, and end together with the parent."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_NOFILE, FILES)
    os.nice(POLITENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def seal() -> None:
    """Write no file and start no process any more; to be called when everything is imported."""
    _limit(resource.RLIMIT_FSIZE, 0, most=SHARED_INDEX)
    _limit(resource.RLIMIT_NPROC, 0)


def allow_index() -> None:
    """Let SQLite keep the index of a file in WAL mode."""
    _limit(resource.RLIMIT_FSIZE, SHARED_INDEX)


def spend(seconds: float) -> None:
    """From now on, end after ``seconds`` more of processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _limit(resource.RLIMIT_CPU, math.ceil(used + seconds), most=resource.RLIM_INFINITY)


def _limit(what: int, soft: int, *, most: int | None = None) -> None:
    _, allowed = resource.getrlimit(what)
    hard = soft if most is None else most
    if allowed != resource.RLIM_INFINITY:
        hard = allowed if hard == resource.RLIM_INFINITY else min(hard, allowed)
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (soft if soft <= hard or hard < 0 else hard, hard))
