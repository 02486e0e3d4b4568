"""Heavy packages are imported when they are first needed, by one thread at a time.

Two threads that import a package with circles inside it at the same moment can end in a deadlock
that the import system breaks with an error; one lock around all of them makes that impossible.
"""

import threading
from importlib import import_module

_LOCK = threading.RLock()
_loaded: set[str] = set()


def load(*names: str) -> None:
    """Import the modules ``names``, once; later calls cost a look-up."""
    if _loaded.issuperset(names):
        return
    with _LOCK:
        for name in names:
            import_module(name)
        _loaded.update(names)
