"""One worker process as the server sees it: frames in, frames out, and a kill that always works."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.adapters.sql import wire

MODULE = "agent.adapters.sql.worker"
ROOT = Path(__file__).resolve().parents[3]
"""Where the package is found."""
KEPT = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV",
)  # fmt: skip
"""Variables that a worker is given; keys and tokens are not among them."""
LAST_WORDS = 2_000
START_SECONDS = 30.0
"""How long importing may take, on a machine however busy."""


class WorkerDied(Exception):  # noqa: N818 - an outcome, not a defect
    """The process ended, or said what it must not; the text says how."""


class Worker:
    """A process that was started by ``start`` and is gone for good once it is killed.

    Args:
        process: the process, its three streams are pipes.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._killed = False

    @classmethod
    async def start(cls, modules: Sequence[str]) -> "Worker":
        """Start one and return when it has imported ``modules``.

        Raises:
            WorkerDied: it could not be started or ended at once.
        """
        command = (sys.executable, "-P", "-m", MODULE, *modules)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd="/", env=_environment()
            )
        except OSError as error:
            raise WorkerDied(f"it could not be started: {error.strerror}") from error
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.receive()
        except TimeoutError:
            worker.kill()
            raise WorkerDied(f"it was not ready after {START_SECONDS:g} s") from None
        except asyncio.CancelledError:
            await worker.close()
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, as far as is known."""
        return self._process.returncode is None and not self._killed

    def send(self, request: wire.Request) -> None:
        """Ask it; a dead one answers with ``WorkerDied`` when it is listened to."""
        if self._process.stdin is not None:
            self._process.stdin.write(wire.frame(request))

    async def receive(self) -> wire.Word:
        """Return its next word.

        Raises:
            WorkerDied: there is none and will be none.
        """
        out = self._process.stdout
        assert out is not None  # noqa: S101 - it is a pipe
        try:
            size = wire.length(await out.readexactly(wire.HEAD.size))
            return wire.word_of(await out.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerDied(await self._story()) from None
        except (ValueError, msgspec.DecodeError) as error:
            self.kill()
            raise WorkerDied(f"it sent {error}") from error

    def kill(self) -> None:
        """End it now, whatever it does; the second time does nothing."""
        self._killed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End it and wait until it is gone, however often that is cancelled: it takes no time."""
        self.kill()
        cancelled: asyncio.CancelledError | None = None
        while self._process.returncode is None:
            try:
                await self._process.wait()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _story(self) -> str:
        """Say how it ended, with what it last wrote to stderr."""
        errors = self._process.stderr
        assert errors is not None  # noqa: S101 - it is a pipe
        told = (await errors.read(LAST_WORDS)).decode("utf-8", "replace").strip()
        code = await self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{how}: {told.splitlines()[-1]}" if told else how


def _environment() -> dict[str, str]:
    """Return what a worker may know: where to find things, and no secret."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}
