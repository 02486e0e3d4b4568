"""Names for the things we count. A ``RunId`` is never passed where a ``GraphName`` is meant."""

import re
from typing import NewType

RunId = NewType("RunId", str)
"""``r-<12 digits>-<4 hex>``: sorts by age, unique across restarts, holds its own number."""
GraphName = NewType("GraphName", str)
ChannelName = NewType("ChannelName", str)
Seq = NewType("Seq", int)
"""Place of an event in the one order everything happens in; never reused, gaps are allowed."""

MAIN = ChannelName("main")
NO_CHANNEL = ChannelName("")
"""Replays and forks belong to no channel."""

_RUN = re.compile(r"r-(\d{12})-[0-9a-f]{4}")
_ALIAS = re.compile(r"msg_([1-9]\d{0,11})")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


def run_id(number: int, salt: str) -> RunId:
    """Name run ``number``; ``salt`` is four hex digits that no restart repeats."""
    return RunId(f"r-{number:012d}-{salt}")


def number_of(name: str) -> int | None:
    """Return the run number inside a run id or a ``msg_<n>`` alias, or ``None``."""
    found = _RUN.fullmatch(name) or _ALIAS.fullmatch(name)
    return int(found[1]) if found else None


def is_run_id(text: str) -> bool:
    """Whether ``text`` is the id of a run, here or elsewhere."""
    return _RUN.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether ``text`` may name a file, a graph or a channel coming from outside."""
    return _NAME.fullmatch(text) is not None
