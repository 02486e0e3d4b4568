"""What a query may take and what it gives, on every database; all of it can be written as JSON."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import cast

import msgspec

from agent.core.json import Json

EXACT = 1 << 63
"""Whole numbers from here on are given as text: not every reader takes them."""


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """How much one query may take and give."""

    seconds: float = 2.0
    """The wall, guard included; then the worker is killed."""
    rows: int = 1_000
    size: int = 1 << 20
    """Bytes of the rows as JSON."""

    @property
    def engine_seconds(self) -> float:
        """When the database itself gives up: a little earlier, so that the worker can live on."""
        return self.seconds * 0.9


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a query gave."""

    columns: list[str]
    rows: list[list[Json]]
    truncated: bool = False


class Stopped(Exception):  # noqa: N818 - an outcome, not a defect
    """The query was ended by the clock."""


class Deadline:
    """Until when a query may run.

    Args:
        seconds: from now on.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = monotonic() + seconds

    def over(self) -> bool:
        """Whether the time is used up."""
        return self._monotonic() > self._until


def collect(
    columns: list[str], found: Iterable[Iterable[Json]], deadline: Deadline, caps: Caps
) -> Answer:
    """Take rows from ``found`` until a cap is reached.

    Raises:
        Stopped: the time is used up.
    """
    rows: list[list[Json]] = []
    size = 0
    for one in found:
        if deadline.over():
            raise Stopped
        row = [plain(value) for value in one]
        size += len(msgspec.json.encode(row)) + 1
        if len(rows) == caps.rows or size > caps.size:
            return Answer(columns=columns, rows=rows, truncated=True)
        rows.append(row)
    return Answer(columns=columns, rows=rows)


def plain(value: Json) -> Json:
    """Return a value of a driver as JSON has it; fractions become doubles, dates ISO text."""
    match value:
        case None | bool() | str():
            return value
        case int() | float() | Decimal():
            return _number(value)
        case bytes():
            return f"0x{value.hex()}"
        case date() | time():
            return str(value)
        case timedelta():
            return _span(value)
        case list() | tuple():
            return [plain(item) for item in cast("Iterable[Json]", value)]
        case dict():
            items = cast("Mapping[Json, Json]", value).items()
            return {str(key): plain(item) for key, item in items}
        case _:
            return str(value)


def _number(value: float | Decimal) -> Json:
    match value:
        case int():
            return value if -EXACT <= value < EXACT else str(value)
        case Decimal() if value.is_finite() and value.as_tuple().exponent == 0:
            return _number(int(value))
        case _ if math.isfinite(value):
            return float(value)
        case _ if math.isnan(value):
            return "NaN"
        case _:
            return "Infinity" if value > 0 else "-Infinity"


def _span(value: timedelta) -> str:
    """``hours:minutes:seconds``, as every server writes it; hours may pass 24."""
    total = round(value.total_seconds())
    hours, rest = divmod(abs(total), 3600)
    return f"{'-' if total < 0 else ''}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
