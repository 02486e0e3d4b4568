"""JSON pointers (RFC 6901): read and write one place of a JSON value.

Invariant: a value is never changed; ``write`` copies along the path and shares the rest.
"""

from agent.core.errors import Unprocessable
from agent.core.json import Json, fields, items

Steps = tuple[str, ...]
LAST = "-"
"""As a step into an array: behind its last item."""


def steps(pointer: str) -> Steps:
    """Take a pointer apart; the empty one is the whole value.

    Raises:
        Unprocessable: it is no pointer.
    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise Unprocessable(f"path {pointer!r:.80}: expected a JSON pointer such as /memory/topic")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer(path: Steps) -> str:
    """Put a pointer together."""
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)


def read(value: Json, path: Steps) -> Json:
    """Return what stands at ``path``; ``None`` where there is nothing."""
    for step in path:
        if isinstance(value, list | tuple):
            place = _index(step, len(items(value)))
            value = None if place is None else items(value)[place]
        else:
            value = fields(value).get(step)
    return value


def write(value: Json, path: Steps, new: Json, *, seen: Steps = ()) -> Json:
    """Return ``value`` with ``new`` at ``path``; only the last step may name a new key or item.

    Raises:
        Unprocessable: there is nothing that the step before leads to.
    """
    if not path:
        return new
    step, rest = path[0], path[1:]
    here = (*seen, step)
    if isinstance(value, dict):
        branch = dict(fields(value))
        if rest and step not in branch:
            raise Unprocessable(f"path {pointer((*here, *rest))}: there is no {pointer(here)}")
        branch[step] = write(branch.get(step), rest, new, seen=here)
        return branch
    if isinstance(value, list | tuple):
        return _write_item(list(items(value)), path, new, seen)
    raise Unprocessable(
        f"path {pointer((*here, *rest))}: {pointer(seen) or 'the value'} holds neither an object "
        "nor an array; write it as a whole"
    )


def _write_item(row: list[Json], path: Steps, new: Json, seen: Steps) -> Json:
    step, rest = path[0], path[1:]
    if step in (LAST, str(len(row))) and not rest:
        return [*row, new]
    place = _index(step, len(row))
    if place is None:
        raise Unprocessable(
            f"path {pointer((*seen, *path))}: {pointer(seen)} has {len(row)} items; "
            f"expected an index below that, or '-' to append, got {step!r:.40}"
        )
    row[place] = write(row[place], rest, new, seen=(*seen, step))
    return row


def _index(step: str, size: int) -> int | None:
    """Return the place that ``step`` names in an array of ``size`` items."""
    if not step.isascii() or not step.isdigit() or (step != "0" and step.startswith("0")):
        return None
    if len(step) > len(str(size)):
        return None
    place = int(step)
    return place if place < size else None
