"""Servers of a module, and of one test; everything here is slow."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from acceptance.processes import Served


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    """The module's server."""
    served = Served(tmp_path_factory.mktemp("acceptance") / "data")
    yield served
    assert served.close() == 0, served.log.read_text()


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., Served]]:
    """Start a server of one's own: ``serve(AGENT_BUILTIN_TOKEN_MS="20")``."""
    with ExitStack() as stack:

        def start(*options: object, data: Path = tmp_path / "data", **env: str) -> Served:
            served = Served(data, *options, **env)
            stack.callback(served.close)
            return served

        yield start
