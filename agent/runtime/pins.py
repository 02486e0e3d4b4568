"""The texts behind a revision, kept once, so that any trace can be looked at and run as it was."""

from collections.abc import Mapping

import msgspec

from agent.core.databases import Schemas
from agent.core.errors import Conflict
from agent.core.revisions import Manifest
from agent.core.runs import Run
from agent.runtime.kept import SCHEMAS, kept_schemas
from agent.runtime.library import Edition
from agent.runtime.ports import Store

_manifest = msgspec.json.Decoder(Manifest).decode


async def keep(store: Store, edition: Edition) -> None:
    """Store manifest and texts of ``edition`` in one write, for which a first message waits."""
    manifest = edition.manifest
    blobs = {manifest.parts[part]: text for part, text in edition.texts.items()}
    blobs[_name(manifest.revision)] = msgspec.json.encode(manifest).decode()
    await store.put_blobs(blobs)


async def keep_once(store: Store, edition: Edition) -> None:
    """Store them unless they are there."""
    if await store.blob(_name(edition.manifest.revision)) is None:
        await keep(store, edition)


def mark_of(run: Run) -> str:
    """Return what the manifest of ``run`` is kept under: its revision.

    What came along with an imported run is kept under the run's id: it says what another
    installation ran, and never counts as something that this one did.
    """
    return run.run_id if run.imported_from else run.revision


async def manifest_of(store: Store, revision: str) -> Manifest | None:
    """Return what ``revision`` was made of, or ``None`` when it is not kept here."""
    text = await store.blob(_name(revision))
    return None if text is None else _manifest(text)


def brought(run_id: str, manifest: Manifest, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the blobs to keep of what came with an imported run."""
    return {**texts, _name(run_id): msgspec.json.encode(manifest).decode()}


async def texts_of(store: Store, manifest: Manifest) -> dict[str, str]:
    """Return the kept text of each part.

    Raises:
        Conflict: one is not kept here.
    """
    texts: dict[str, str] = {}
    for part, name in manifest.parts.items():
        text = await store.blob(name)
        if text is None:
            raise Conflict(f"part {part!r} of revision {manifest.revision!r} is not kept here")
        texts[part] = text
    return texts


async def held_then(store: Store, manifest: Manifest | None) -> Schemas | None:
    """Return what the databases held; ``None`` for a trace from before that was kept."""
    name = manifest.parts.get(SCHEMAS) if manifest else None
    text = await store.blob(name) if name else None
    return None if text is None else kept_schemas(text)


def _name(revision: str) -> str:
    return f"rev:{revision}"
