"""The texts behind a revision, kept once, so that any trace can be looked at and run as it was."""

import msgspec

from agent.core.errors import Conflict
from agent.core.revisions import Manifest
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


def _name(revision: str) -> str:
    return f"rev:{revision}"
