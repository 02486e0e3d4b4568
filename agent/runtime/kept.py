"""What a pinned trace knew of the world: tools described as they were, databases as they held it.

A sealed replay answers every call from the recording, so a kept tool needs its words only. Traces
from before effect and kind were kept have none of these; their replays use today's words.
"""

from collections.abc import Callable

import msgspec

from agent.core.databases import Schemas
from agent.core.errors import ToolFailed
from agent.core.json import Json, fields, items

PARTS = 5
SCHEMAS = "schemas"
"""The part that holds what the databases held."""


class KeptTool(msgspec.Struct, frozen=True):
    """What a tool was."""

    name: str
    description: str
    parameters: Json
    effect: str
    is_data: bool

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        """Refuse: what it answered is in the recording.

        Raises:
            ToolFailed: always.
        """
        del arguments, log
        raise ToolFailed("unknown_tool", f"tool {self.name!r} is only kept, and cannot be called")


def kept_tools(text: str) -> dict[str, KeptTool]:
    """Return the data tools of an edition's ``tools`` text, in its order."""
    entries = [items(entry) for entry in items(msgspec.json.decode(text))]
    return {entry[0]: KeptTool(*entry) for entry in entries if len(entry) == PARTS}


def kept_controls(text: str) -> dict[str, Json]:
    """Return the control tools of an edition's ``tools`` text, in its order."""
    entries = [fields(entry) for entry in items(msgspec.json.decode(text))]
    return {entry["function"]["name"]: entry for entry in entries if entry}


def schemas_text(schemas: Schemas) -> str:
    """Return ``schemas`` as a part: in their order, which is one of importance."""
    return msgspec.json.encode(schemas).decode()


def kept_schemas(text: str) -> Schemas:
    """Return what the databases held, from the text of that part."""
    return msgspec.json.decode(text, type=Schemas)
