"""The workspace while the server runs: watched, read again when a file changes, taken whole.

A broken folder changes nothing: what was taken before stays, and every fault is told. Files are
looked at once a second by size, time and identity, in a thread; they are read when two looks agree,
so that a half-written file is rarely seen. The user's modules are loaded in a thread too, with a
limit, because an import can take for ever.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.core.errors import BadGraph
from agent.core.events import WorkspaceRead
from agent.core.json import Json
from agent.engine.threads import in_thread
from agent.runtime.hub import Hub
from agent.runtime.library import Library, Shelf
from agent.runtime.workspace import KINDS, Broken, Fault, Workspace, fault_of, read

Mark = tuple[int, int, int]
PERIOD_S, SETTLE_S = 1.0, 0.05
SHARE = 20
"""A folder of very many files is looked at less often: a twentieth of the time at most."""
LOAD_S = 5.0
"""What reading all files may take."""
SETTINGS = "agent.toml"
RESTART = f"{SETTINGS} changed: restart to apply"
NOTHING = Workspace()


class Folder:
    """A workspace that is watched; one task does it, so nothing is locked.

    Args:
        path: the folder; ``None`` for none.
        library: takes what is read.
        hub: where changes are told.
        now_ms: wall time.
    """

    def __init__(
        self, path: Path | None, library: Library, hub: Hub, now_ms: Callable[[], int]
    ) -> None:
        self._path = path
        self._library = library
        self._hub = hub
        self._now_ms = now_ms
        self._marks: Mapping[str, Mark] = {}
        self._first: Mark | None = None
        self._at = ""
        self._taken = NOTHING
        self._graphs: tuple[str, ...] = ()
        self._reloaded: int | None = None
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pause = PERIOD_S
        self.faults: tuple[Fault, ...] = ()
        """Why what is in the folder now is not taken."""
        self.notes: tuple[str, ...] = ()

    @property
    def trouble(self) -> str:
        """The first fault in a line; empty when there is none."""
        return f"{_line(self.faults[0])}{_more(len(self.faults) - 1)}" if self.faults else ""

    def status(self) -> Json:
        """Return what is taken of the folder, and why not more."""
        taken = self._taken
        return {
            "folder": str(self._path) if self._path else None,
            "errors": self._errors(),
            "notes": self.notes,
            "loaded": {
                "graphs": self._graphs,
                "nodes": sorted(taken.codes),
                "prompts": sorted(taken.prompts),
                "tools": sorted(taken.tools),
                "suites": taken.suites,
            },
            "reloaded": self._reloaded,
        }

    async def open(self) -> None:
        """Read it for the first time."""
        if self._path is not None:
            self._marks = await asyncio.to_thread(marks, self._path)
            self._first = self._marks.get(SETTINGS)
            await self._read()

    async def look(self) -> tuple[str, ...]:
        """Look whether files changed, and read them when they did; return which."""
        if self._path is None:
            return ()
        began = self._loop.time()
        seen = await asyncio.to_thread(marks, self._path)
        self._pause = max(PERIOD_S, SHARE * (self._loop.time() - began))
        if seen == self._marks:
            return ()
        before, seen = self._marks, await self._settled(self._path, seen)
        self._marks = seen
        changed = tuple(sorted(n for n in {*before, *seen} if before.get(n) != seen.get(n)))
        self.notes = (RESTART,) if seen.get(SETTINGS) != self._first else ()
        if changed != (SETTINGS,):
            await self._read()
        self._tell(changed)
        return changed

    async def run(self) -> None:
        """Look every second or so until stopped."""
        while self._path is not None and not self._stopped.is_set():
            try:
                async with asyncio.timeout(self._pause):
                    await self._stopped.wait()
            except TimeoutError:
                await self.look()

    def stop(self) -> None:
        """End the loop."""
        self._stopped.set()

    async def _settled(self, path: Path, seen: Mapping[str, Mark]) -> Mapping[str, Mark]:
        while True:
            await asyncio.sleep(SETTLE_S)
            again = await asyncio.to_thread(marks, path)
            if again == seen:
                return seen
            seen = again

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(LOAD_S):
                taken, shelf = await in_thread(self._load, "workspace")
        except TimeoutError:
            cause = f"did not load within {LOAD_S:g} s; a file may only define things"
            self.faults = (Fault(self._at, 1, cause),)
        except Broken as error:
            self.faults = error.faults
        except BadGraph as error:
            self.faults = (fault_of(str(error)),)
        except Exception as error:  # noqa: BLE001 - foreign files: none may end the server
            self.faults = (Fault(self._at, 1, f"{type(error).__name__}: {error}"),)
        else:
            self._take(taken, shelf)
        self.faults = tuple(map(_readable, self.faults))
        self._library.trouble = self.trouble

    def _load(self) -> tuple[Workspace, Shelf]:
        assert self._path is not None  # noqa: S101 - only read with a folder
        own = read(self._path, self._reading)
        return own, self._library.shelf(own)

    def _reading(self, file: Path) -> None:
        self._at = str(file)

    def _take(self, taken: Workspace, shelf: Shelf) -> None:
        self._library.use(shelf)
        self.faults, self._taken = (), taken
        self._graphs = tuple(sorted(shelf.files))
        self._reloaded = self._now_ms()

    def _tell(self, changed: tuple[str, ...]) -> None:
        event = WorkspaceRead(
            node="workspace",
            run_id="",
            channel="",
            folder=str(self._path),
            changed=tuple(map(_text, changed)),
            errors=self._errors(),
            notes=self.notes,
            graphs=self._graphs,
        )
        self._hub.publish(event)

    def _errors(self) -> tuple[Json, ...]:
        root = f"{self._path}{os.sep}"
        return tuple(
            {"file": fault.file.removeprefix(root), "line": fault.line, "cause": fault.cause}
            for fault in self.faults
        )


def marks(path: Path) -> dict[str, Mark]:
    """Return time, size and identity of every file that counts, by its name in the folder."""
    found = {SETTINGS: _mark(str(path / SETTINGS))}
    for kind, pattern in KINDS.items():
        ending = pattern.removeprefix("*")
        try:
            entries = os.scandir(path / kind)
        except OSError:
            continue
        with entries:
            files = [(entry.name, entry.path) for entry in entries if entry.name.endswith(ending)]
        found |= {f"{kind}/{name}": _mark(file) for name, file in files}
    return {name: mark for name, mark in found.items() if mark is not None}


def _mark(file: str) -> Mark | None:
    try:
        stat = os.stat(file)  # noqa: PTH116 - one call less for each of many files
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _readable(fault: Fault) -> Fault:
    return Fault(_text(fault.file), fault.line, _text(fault.cause))


def _text(text: str) -> str:
    """Return what can be sent: file names and messages of others may hold half a character."""
    return text.encode("utf-8", "replace").decode()


def _line(fault: Fault) -> str:
    return f"{fault.file}:{fault.line}: {fault.cause}"


def _more(count: int) -> str:
    return f" (and {count} more)" if count else ""
