"""The texts behind a revision, kept once, so that any trace can be looked at and run as it was."""

import msgspec

from agent.core.databases import Schemas
from agent.core.errors import Conflict
from agent.core.revisions import Manifest
from agent.runtime.kept import SCHEMAS, kept_schemas
from agent.runtime.library import Edition
from agent.runtime.ports import Store

_manifest = msgspec.json.Decoder(Manifest).decode


async def keep(store: Store, edition: Edition) -> None:
    """Store manifest and texts of ``edition``."""
    manifest = edition.manifest
    for part, text in edition.texts.items():
        await store.put_blob(manifest.parts[part], text)
    name = _name(manifest.revision)
    await store.put_blob(name, msgspec.json.encode(manifest).decode())


async def keep_once(store: Store, edition: Edition) -> None:
    """Store them unless they are there."""
    if await store.blob(_name(edition.manifest.revision)) is None:
        await keep(store, edition)


async def manifest_of(store: Store, revision: str) -> Manifest | None:
    """Return what ``revision`` was made of, or ``None`` when it is not kept here."""
    text = await store.blob(_name(revision))
    return None if text is None else _manifest(text)


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
