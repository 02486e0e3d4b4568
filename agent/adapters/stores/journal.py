"""The journal's table: the rows of a run lie side by side, in order, and so do those of a frame.

A key is the run's number and the row's (``n << 20 | index``). Frames rise along the rows, so the
rows of one are found by halving, whatever the run has.
"""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from agent.adapters.stores import blobs
from agent.adapters.stores.storable import encode, nearest
from agent.adapters.stores.writer import Work
from agent.core.journal import Closed, Held, Intent, Row, Settled, frame_of
from agent.core.json import Json

ROW_BITS = 20
_row = msgspec.json.Decoder(Row).decode


def row_of(n: int, index: int, row: Row) -> Work:
    """Return the write of row ``index`` of run ``n``."""

    def work(db: sqlite3.Connection) -> None:
        body = packed(row, lambda name, text: keep(db, name, text))
        db.execute("INSERT INTO journal VALUES(?,?)", (n << ROW_BITS | index, body))

    return work


def all_of(n: int, rows: Sequence[Row]) -> Work:
    """Return the write of all rows of run ``n``; what it costs to make them is paid here."""
    texts: dict[str, str] = {}
    bodies = [packed(row, texts.__setitem__) for row in rows]

    def work(db: sqlite3.Connection) -> None:
        for name, text in texts.items():
            keep(db, name, text)
        keys = (n << ROW_BITS | index for index in range(1, len(bodies) + 1))
        db.executemany("INSERT INTO journal VALUES(?,?)", zip(keys, bodies, strict=True))

    return work


def keep(db: sqlite3.Connection, name: str, text: str) -> None:
    """Write ``text`` under its content hash, once."""
    db.execute("INSERT OR IGNORE INTO blobs VALUES(?,?)", (name, text))


def of_run(db: sqlite3.Connection, n: int) -> list[Row]:
    """Read all rows of run ``n``."""
    return _read(db, n << ROW_BITS, (n + 1) << ROW_BITS)


def of_frame(db: sqlite3.Connection, n: int, frame: int) -> list[Row]:
    """Read the rows of one frame of run ``n``."""
    first = _first(db, n, frame)
    return [row for row in _read(db, first, _first(db, n, frame + 1)) if frame_of(row) == frame]


def _first(db: sqlite3.Connection, n: int, frame: int) -> int:
    """Return the key of the first row of run ``n`` that is of ``frame`` or a later one."""
    low, end = n << ROW_BITS, (n + 1) << ROW_BITS
    (last,) = db.execute("SELECT max(id) FROM journal WHERE id>=? AND id<?", (low, end)).fetchone()
    high = low if last is None else last + 1
    while low < high:
        middle = (low + high) // 2
        at, found = _frame_at(db, middle, high)
        if found is None or found >= frame:
            high = middle
        else:
            low = at + 1
    return low


def _frame_at(db: sqlite3.Connection, low: int, high: int) -> tuple[int, int | None]:
    """Return key and frame of the first row from ``low`` on that has one, none before ``high``."""
    span = (low, high)
    for key, body in db.execute(
        "SELECT id, body FROM journal WHERE id>=? AND id<? ORDER BY id", span
    ):
        frame = frame_of(_row(body))
        if frame is not None:
            return key, frame
    return high, None


def _read(db: sqlite3.Connection, start: int, end: int) -> list[Row]:
    found = db.execute("SELECT body FROM journal WHERE id>=? AND id<? ORDER BY id", (start, end))
    known: dict[str, str] = {}

    def load(name: str) -> str:
        if name not in known:
            (known[name],) = db.execute("SELECT body FROM blobs WHERE name=?", (name,)).fetchone()
        return known[name]

    return [_unpacked(body, load) for (body,) in found]


def packed(row: Row, store: Callable[[str, str], None]) -> bytes:
    """Encode ``row``; its long texts are given to ``store``."""
    try:
        return _packed(row, store)
    except (TypeError, ValueError):
        return _packed(nearest(row), store)


def _packed(row: Row, store: Callable[[str, str], None]) -> bytes:
    if isinstance(row, Closed | Held):
        return encode(row)
    plain: Json = msgspec.to_builtins(row)
    if isinstance(row, Settled):
        return encode({**plain, "response": blobs.pack(plain.get("response"), store)})
    effect = plain["effect"]
    request = blobs.pack(effect.get("request"), store)
    return encode({**plain, "effect": {**effect, "request": request}})


def _unpacked(body: bytes, load: Callable[[str], str]) -> Row:
    row = _row(body)
    if isinstance(row, Intent):
        request = blobs.unpack(row.effect.request, load)
        return Intent(effect=msgspec.structs.replace(row.effect, request=request))
    if isinstance(row, Settled):
        return msgspec.structs.replace(row, response=blobs.unpack(row.response, load))
    return row
