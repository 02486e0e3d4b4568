"""An archive as the files of a zip, or inside a page; and back, whichever it was.

What comes in is decoded into known shapes, then checked as a whole. No pickle, no revival of
anything: JSON and text only.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.core.archive import Archive, check
from agent.core.errors import BadInput, TooLarge, Unprocessable
from agent.core.frames import FrameTrace, encoded
from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.revisions import Manifest
from agent.core.runs import Run
from agent.runtime.archive import zipped
from agent.runtime.kept import SCHEMAS, kept_controls, kept_schemas, kept_tools

FORMAT, VERSION = "framescope-trace", 1
MOST_NESTS, MOST_VALUES = 4_000_000, 8_000_000
"""Brackets and commas that JSON may have: each can be a value of a hundred bytes in memory."""
HERE = Path(__file__).resolve().parent
T = TypeVar("T")
_UNREADABLE = (msgspec.MsgspecError, LookupError, TypeError, RecursionError)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A file, as the manifest tells it."""

    sha256: str
    bytes: int


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """What an export says of itself."""

    format: str
    version: int
    framescope: str
    """Version of the program that wrote it."""
    run_id: str
    files: Mapping[str, Listed] = {}


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """``run.json``: the run, and what it started from."""

    run: Run
    state: Json
    turns: tuple[Turn, ...]


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What a page holds."""

    cover: Cover
    archive: Archive


def to_zip(archive: Archive, program: str) -> bytes:
    """Write ``archive`` as a zip."""
    files = {
        "run.json": _json(Start(run=archive.run, state=archive.state, turns=archive.turns)),
        "trace.json": encoded(archive.trace),
    }
    if archive.manifest is not None:
        files["revision.json"] = _json(archive.manifest)
    texts = sorted(archive.texts.items())
    files |= {f"texts/{name}.txt": text.encode() for name, text in texts}
    _weigh(files["trace.json"])
    listed = {
        name: Listed(sha256=zipped.hash_of(body), bytes=len(body)) for name, body in files.items()
    }
    return zipped.pack({"manifest.json": _json(_cover(archive, program, listed)), **files})


def to_page(archive: Archive, program: str) -> bytes:
    """Write ``archive`` as a page that opens from the disk."""
    inner = {
        **{name: getattr(archive, name) for name in archive.__struct_fields__},
        "trace": msgspec.Raw(encoded(archive.trace)),
    }
    data = msgspec.json.encode({"cover": _cover(archive, program, {}), "archive": inner})
    _weigh(data)
    head, tail = _viewer()
    page = head + _inert(data) + tail
    zipped.check_size([len(page)])
    return page


def _cover(archive: Archive, program: str, files: Mapping[str, Listed]) -> Cover:
    return Cover(
        format=FORMAT, version=VERSION, framescope=program, run_id=archive.run.run_id, files=files
    )


def _json(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


# Pages

_SLOT = b"@@DATA@@"
_OPENING = b'<script type="application/json" id="framescope-trace">'
_CLOSING = b"</script>"
_ESCAPES = {
    b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026",
    b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029",
}  # fmt: skip


def _inert(data: bytes) -> bytes:
    """Escape what could end a script; in JSON it stands in strings only."""
    for sign, spelt in _ESCAPES.items():
        data = data.replace(sign, spelt)
    return data


@lru_cache(1)
def _viewer() -> tuple[bytes, bytes]:
    """Return the page before and after its data; it may run its own script, and nothing else."""
    import base64
    import hashlib

    def source(text: bytes) -> bytes:
        return b"'sha256-" + base64.b64encode(hashlib.sha256(text).digest()) + b"'"

    script, style = (HERE / "viewer.js").read_bytes(), (HERE / "viewer.css").read_bytes()
    page = (HERE / "viewer.html").read_bytes()
    for slot, text in (
        (b"@@SCRIPT-HASH@@", source(script)), (b"@@STYLE-HASH@@", source(style)),
        (b"@@STYLE@@", style), (b"@@SCRIPT@@", script),
    ):  # fmt: skip
        page = page.replace(slot, text, 1)
    head, _, tail = page.partition(_SLOT)
    return head, tail


# And back


def read(raw: bytes) -> Archive:
    """Read a zip or a page that an export made, and check all of it.

    Raises:
        BadInput: it is neither, or broken.
        Unprocessable: it can be read, and does not hang together.
        TooLarge: it would unpack to too much.
    """
    if raw[:4] == b"PK\x03\x04":
        archive = _from_zip(zipped.unpack(raw))
    elif raw[:15].lower() == b"<!doctype html>":
        archive = _from_page(raw)
    else:
        raise BadInput("expected a .zip or an .html that `export` wrote, it begins like neither")
    check(archive)
    _check_kept(archive)
    return archive


def _from_zip(files: dict[str, bytes]) -> Archive:
    cover = _decode(files, "manifest.json", Cover)
    _check_cover(cover)
    listed = {name: (told.sha256, told.bytes) for name, told in cover.files.items()}
    found = {
        name: (zipped.hash_of(body), len(body))
        for name, body in files.items()
        if name != "manifest.json"
    }
    wrong = sorted(
        name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name)
    )
    if wrong:
        raise Unprocessable(f"{wrong[0][:80]}: it is not what manifest.json says of it")
    start = _decode(files, "run.json", Start)
    revision = "revision.json"
    return Archive(
        run=start.run,
        state=start.state,
        turns=start.turns,
        trace=_decode(files, "trace.json", FrameTrace),
        manifest=_decode(files, revision, Manifest) if revision in files else None,
        texts={
            name[len("texts/") : -len(".txt")]: _text(name, body)
            for name, body in files.items()
            if name.startswith("texts/")
        },
    )


def _from_page(raw: bytes) -> Archive:
    zipped.check_size([len(raw)])
    pieces = raw.split(_OPENING)
    if len(pieces) != 2:
        raise BadInput(f"expected one trace in the page, got {len(pieces) - 1}")
    data, closing, _ = pieces[1].partition(_CLOSING)
    if not closing:
        raise BadInput("the page is cut off inside its trace")
    embedded = _decode({"page": data}, "page", Embedded)
    _check_cover(embedded.cover)
    return embedded.archive


def _check_cover(cover: Cover) -> None:
    if cover.format != FORMAT:
        raise Unprocessable(f"format: expected {FORMAT!r}, got {cover.format[:80]!r}")
    if cover.version != VERSION:
        raise Unprocessable(
            f"version: this program reads {VERSION}, got {cover.version}; it was written by "
            f"Framescope {cover.framescope[:40]}"
        )


def _decode(files: Mapping[str, bytes], name: str, shape: type[T]) -> T:
    if name not in files:
        raise BadInput(f"{name} is missing")
    _weigh(files[name])
    try:
        return msgspec.json.decode(files[name], type=shape)
    except msgspec.ValidationError as error:
        raise Unprocessable(f"{name}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{name} is not JSON: {error}") from None
    except RecursionError:
        raise Unprocessable(f"{name}: it is nested too deeply") from None


def _weigh(body: bytes) -> None:
    """Refuse JSON that is small as bytes and large as values; a floor of what they take is counted.

    Raises:
        TooLarge: naming the limit.
    """
    if body.count(b"[") + body.count(b"{") > MOST_NESTS or body.count(b",") > MOST_VALUES:
        raise TooLarge(
            f"a trace may hold up to {MOST_NESTS} objects and lists and {MOST_VALUES} values, "
            "this may hold more"
        )


def _text(name: str, body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8: byte {error.start} is wrong") from None


def _check_kept(archive: Archive) -> None:
    """Refuse tools and databases that a pinned replay could not be given."""
    parts: Mapping[str, str] = archive.manifest.parts if archive.manifest else {}
    readers: dict[str, Callable[[str], Json]] = {
        "tools": lambda text: (kept_tools(text), kept_controls(text)),
        SCHEMAS: kept_schemas,
    }
    for part, reader in readers.items():
        if part not in parts:
            continue
        try:
            reader(archive.texts[parts[part]])
        except _UNREADABLE as error:
            raise Unprocessable(f"this is no whole trace: its {part}: {error!r:.200}") from None
