"""What every test shares: one event loop, an environment of its own, and honest skips."""

import gc
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from agent.adapters.sql.demo import ensure_demo
from agent.adapters.stores.sqlite import SqliteStore
from agent.runtime import watchdog

FOREIGN_NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY")

# The machine may be busy: a slow example says nothing about the code. The slow part of
# `run.py test` runs every property again, with all examples.
settings.register_profile("full", deadline=None)
settings.register_profile("quick", settings.get_profile("full"), max_examples=20)
settings.load_profile("quick")

# A developer's own settings must not reach a test, least of all the key of a real model.
for name in list(os.environ):
    if name.startswith("AGENT_") or name in FOREIGN_NAMES:
        del os.environ[name]

# A shell has what it starts in the background ignore Ctrl-C, and every process of a test would
# inherit that: those that are to end at a Ctrl-C could not.
signal.signal(signal.SIGINT, signal.default_int_handler)


# To reserve megabytes of the disk takes longer than most tests; those of the reserve give a size.
SqliteStore.__init__.__kwdefaults__["reserve"] = 4096

# A busy machine lets a test stand still for longer than a node may block the loop: that would be
# told among the events of its run.
watchdog.LIMIT_S = 60.0


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The product runs on asyncio alone."""
    return "asyncio"


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays anyway: thousands of collected tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo database, made once for all who only read it."""
    path = tmp_path_factory.mktemp("demo") / "deep" / "eras.db"
    ensure_demo(path)
    return path


def find_program(*names: str, debian_package: str) -> str:
    """Return the path of the first program that is installed; skip without, fail in CI."""
    for name in names:
        if path := shutil.which(name):
            return path
    reason = f"{' or '.join(names)} is not installed (Debian: apt-get install {debian_package})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_program() -> Callable[..., str]:
    """Give ``require_program("nginx", debian_package="nginx")``: its path, a skip, or a failure in CI."""
    return find_program
