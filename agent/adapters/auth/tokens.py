"""The local token: a secret in a file that only its owner can read, stable across starts."""

import os
from collections.abc import Callable
from pathlib import Path


def load_or_create(path: Path, new: Callable[[], str]) -> str:
    """Return the token in ``path``; write what ``new`` makes when there is none.

    The file is created with mode 0600, and an existing one is brought back to it. Two starts at
    once agree: whoever comes second reads what the first one wrote.
    """
    token = _read(path) if path.exists() else ""
    if token:
        return token
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write(draft, new())
    try:
        os.link(draft, path)
    except FileExistsError:
        if not _read(path):
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return _read(path)


def _read(path: Path) -> str:
    path.chmod(0o600)
    return path.read_text("utf-8").strip()


def _write(path: Path, token: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")
