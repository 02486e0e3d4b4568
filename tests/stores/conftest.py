"""Stores on a folder of the test's own, closed at its end."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.stores.sqlite import SqliteStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "framescope.db"


@pytest.fixture
async def sqlite(file: Path) -> AsyncGenerator[Callable[[], Any]]:
    """Give ``sqlite()``: another opened store on the same file."""
    opened: list[SqliteStore] = []

    def another() -> SqliteStore:
        store = SqliteStore(file)
        store.loaded = store.load()
        opened.append(store)
        return store

    yield another
    for store in opened:
        await store.close()
