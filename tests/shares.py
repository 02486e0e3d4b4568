"""The whole tree in several processes: each collects and runs a share of the files, and only that.

Left alone, every process of xdist collects every file. Invariants: a file belongs to exactly one
share, whoever computes it; named files or tests are left to xdist; a process that dies ends the
run (``--max-worker-restart=0``), because nobody else has collected its share.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from xdist.scheduler import EachScheduling

KEY = "share"


def deal(files: Iterable[Path], count: int) -> list[list[Path]]:
    """Deal ``files`` to ``count`` shares of about the same size, the largest first."""
    sized = sorted(((path.stat().st_size, path) for path in files), reverse=True)
    shares: list[list[Path]] = [[] for _ in range(count)]
    filled = [0] * count
    for size, path in sized:
        least = filled.index(min(filled))
        shares[least].append(path)
        filled[least] += size
    return shares


class Shares(EachScheduling):
    """Every process runs all that it collected."""

    def schedule(self) -> None:
        super().schedule()
        session = self.config.pluginmanager.getplugin("session")
        session.testscollected = sum(map(len, self.node2collection.values()))


def _whole(config: pytest.Config) -> bool:
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Shares | None:
    return Shares(config, log) if _whole(config) and config.option.dist == "load" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    if not _whole(node.config) or node.config.option.dist != "load":
        return
    root = node.config.rootpath
    files = [path for name in node.config.args for path in (root / name).rglob("test_*.py")]
    count = node.workerinput["workercount"]
    mine = deal(files, count)[int(node.gateway.id.removeprefix("gw"))]
    node.workerinput[KEY] = [str(path) for path in mine]


def pytest_configure(config: pytest.Config) -> None:
    share: Sequence[str] | None = getattr(config, "workerinput", {}).get(KEY)
    if share is not None:
        config.pluginmanager.register(Mine(frozenset(share)))


class Mine:
    """The share of this process."""

    def __init__(self, share: frozenset[str]) -> None:
        self._share = share

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out the test files of others."""
        return (
            True
            if collection_path.name.startswith("test_")
            and collection_path.suffix == ".py"
            and str(collection_path) not in self._share
            else None
        )
