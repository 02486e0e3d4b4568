"""Prompts that a test may edit, and a store that it may open again."""

import shutil

import pytest

from agent.adapters.stores.sqlite import SqliteStore
from agent.runtime.library import PACKAGE


@pytest.fixture
def prompts(tmp_path):
    shutil.copytree(PACKAGE / "prompts", tmp_path / "prompts")
    return tmp_path / "prompts"


@pytest.fixture
def store(tmp_path):
    return lambda: SqliteStore(tmp_path / "framescope.db")
