"""The settings: one table, read from files, environment and command line."""

from agent.settings.docs import settings_markdown
from agent.settings.load import Loaded, Row, load
from agent.settings.problems import BadSettings
from agent.settings.table import SETTINGS, Setting, Settings

__all__ = [
    "SETTINGS",
    "BadSettings",
    "Loaded",
    "Row",
    "Setting",
    "Settings",
    "load",
    "settings_markdown",
]
