"""An archive as a zip file, and back.

Invariant: nothing is unpacked before the whole directory was read and found to be ours: known
names, each once, plain files that lie side by side, of a size and a ratio that an export can have.
Nothing is ever written to a file, so a name leads nowhere anyway.
"""

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from agent.core.errors import BadInput, TooLarge

UNPACKED = 64 << 20
"""Bytes that an archive may have, packed or not."""
MOST_FILES = 2_000
RATIO = 400
"""How much smaller than its content a packed file may be; deflate can do 1,032 with zeros only."""
SMALL = 1 << 16
"""Files up to this size may have any ratio."""
NAMES = re.compile(r"(?:manifest|run|trace|revision)\.json|texts/[0-9a-f]{32}\.txt")
_DATE = (1980, 1, 1, 0, 0, 0)
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s22xHH")
_HEADER = 400
"""Bytes an entry of the directory may take on average."""
_HARMLESS = 0x080E
"""Flags for a name in UTF-8, a length that follows, and how hard it was packed."""
_LINK, _KIND, _FILE = 0o120000, 0o170000, 0o100000
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, ValueError, OverflowError,
    OSError,
)  # fmt: skip
"""What Python's reader raises at a file that is not whole; ``RuntimeError``, or what derives from
it, when the directory asks for a version of the format that the reader does not know."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return ``files`` as a zip; the same files always give the same bytes.

    Raises:
        TooLarge: nobody could take it in again.
    """
    check_size(len(body) for body in files.values())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = (_FILE | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, body)
    return out.getvalue()


def check_size(sizes: Iterable[int]) -> None:
    """Refuse what is too large together.

    Raises:
        TooLarge: naming both sizes.
    """
    total = sum(sizes)
    if total > UNPACKED:
        raise TooLarge(f"an archive may have up to {UNPACKED} bytes unpacked, this has {total}")


def unpack(raw: bytes) -> dict[str, bytes]:
    """Return the files of a zip, in its order.

    Raises:
        BadInput: it is not one that an export makes, or it is broken; says what is wrong.
        TooLarge: it would unpack to too much.
    """
    _check_end(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as found:
            entries = found.infolist()
            _check_entries(raw, entries)
            return {entry.filename: _content(found, entry) for entry in entries}
    except _BROKEN as error:
        raise BadInput(f"the zip is broken: {error}") from None


def _check_end(raw: bytes) -> None:
    """Look at the end record first: Python's reader would take in a directory of any length."""
    if len(raw) < _END.size or raw[-_END.size :][:4] != b"PK\x05\x06":
        raise BadInput(
            "expected a zip that ends with its directory, it is cut off or has a comment"
        )
    _, disk, start, here, files, size, offset, comment = _END.unpack(raw[-_END.size :])
    if disk or start or comment or here != files or offset + size + _END.size != len(raw):
        raise BadInput("expected one zip and nothing else, its directory does not fit the file")
    if files > MOST_FILES or size > files * _HEADER:
        raise BadInput(f"a zip may have up to {MOST_FILES} files with short names, got {files}")


def _check_entries(raw: bytes, entries: list[zipfile.ZipInfo]) -> None:
    known: set[str] = set()
    for entry in entries:
        _check_entry(entry, twice=entry.filename in known)
        known.add(entry.filename)
    check_size(entry.file_size for entry in entries)
    for (_, end), (start, _) in pairwise(sorted(_spans(raw, entries))):
        if end > start:
            raise BadInput("two files of the zip lie over one another")


def _check_entry(entry: zipfile.ZipInfo, *, twice: bool) -> None:
    shown = f"{entry.orig_filename[:80]!r}"
    kind = entry.external_attr >> 16 & _KIND
    if entry.orig_filename != entry.filename or not NAMES.fullmatch(entry.filename):
        raise BadInput(f"the zip holds {shown}, which no export of a trace has")
    if twice:
        raise BadInput(f"the zip holds {shown} twice")
    if kind not in (0, _FILE):
        raise BadInput(f"{shown} is {'a link' if kind == _LINK else 'no plain file'}")
    if entry.flag_bits & ~_HARMLESS:
        raise BadInput(f"{shown} is encrypted, or packed in a way that is not taken")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"{shown} is packed by method {entry.compress_type}; expected deflate")
    if entry.file_size > max(SMALL, entry.compress_size * RATIO):
        raise BadInput(
            f"{shown} would unpack from {entry.compress_size} to {entry.file_size} bytes, "
            f"at most {RATIO} times as much is taken"
        )


def _spans(raw: bytes, entries: list[zipfile.ZipInfo]) -> Iterator[tuple[int, int]]:
    for entry in entries:
        start = entry.header_offset
        mark, name, extra = _LOCAL.unpack(raw[start : start + _LOCAL.size])
        if mark != b"PK\x03\x04":
            raise BadInput(f"{entry.filename!r} is not where the directory says")
        yield start, start + _LOCAL.size + name + extra + entry.compress_size


def _content(found: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with found.open(entry) as file:
        body = file.read(entry.file_size + 1)
    if len(body) != entry.file_size:
        raise BadInput(f"{entry.filename!r} has another size than the directory says")
    return body


def hash_of(body: bytes) -> str:
    """Return the content hash of a file."""
    return hashlib.sha256(body).hexdigest()
