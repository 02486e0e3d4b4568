"""A real server for suites, and a folder to write them in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance.processes import Served


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    """The module's server."""
    served = Served(tmp_path_factory.mktemp("suites") / "data")
    yield served
    assert served.close() == 0, served.log.read_text()


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Write steps as a suite in a folder ``testcases``: ``write("send: hi\\n- expect_frames: 2")``."""

    def suite(*steps: str, setup: str = "", name: str = "mine.md") -> Path:
        folder = tmp_path / "testcases"
        folder.mkdir(exist_ok=True)
        text = f"# Mine\n## Setup\n- clear history\n{setup}## Steps\n"
        for number, step in enumerate(steps, 1):
            text += f"### {number}. Step\n- {step}\n"
        path = folder / name
        path.write_text(text, "utf-8")
        return path

    return suite
