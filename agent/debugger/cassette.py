"""One run with all it started from, in one JSON value: what a case is played from, anywhere.

Invariant: a cassette stands for itself. Whoever plays it needs the graph, prompts and nodes that
are to be tried, and nothing else of the installation it was recorded on.
"""

import msgspec

from agent.core.databases import Schemas
from agent.core.errors import Unprocessable
from agent.core.frames import FrameTrace
from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.redact import Redactor
from agent.core.revisions import Manifest
from agent.core.runs import Run

FORMAT = 1


class Cassette(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recorded run, its beginning and its effects."""

    format: int
    """Of this shape; ``FORMAT``."""
    run: Run
    """As it ended."""
    state: Json
    """The channel's state that it started from."""
    history: tuple[Turn, ...] = ()
    """The conversation that its nodes were given."""
    model: str = ""
    """Id of the default model it was recorded with."""
    trace: FrameTrace
    manifest: Manifest | None = None
    """What it was made of, by content."""
    schemas: Schemas | None = None
    """What the databases held, as its prompts told."""


def decode(raw: bytes | msgspec.Raw, redactor: Redactor) -> Cassette:
    """Read a cassette that came from outside; secrets of this installation are masked in it.

    Raises:
        Unprocessable: naming the place that is wrong.
    """
    try:
        if redactor.secrets:
            cassette = msgspec.convert(redactor.json(msgspec.json.decode(raw)), Cassette)
        else:
            cassette = msgspec.json.decode(raw, type=Cassette)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unprocessable(f"`cassette`: {error}") from None
    if cassette.format != FORMAT:
        raise Unprocessable(
            f"`cassette.format`: {cassette.format} is not read here, {FORMAT} is; "
            "make the case again: python3 run.py test-from"
        )
    return cassette
