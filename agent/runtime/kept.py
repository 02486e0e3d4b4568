"""The tools of a pinned trace: described as they were, called by nobody.

A sealed replay answers every call from the recording, so a kept tool needs its words only. Traces
from before effect and kind were kept have none of these; their replays use today's words.
"""

from collections.abc import Callable

import msgspec

from agent.core.errors import ToolFailed
from agent.core.json import Json, items

PARTS = 5


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
