"""What the databases hold, as prompts show it: one text a database, and one of all."""

from collections.abc import Mapping

import msgspec

from agent.core.errors import ToolFailed


class Schemas(msgspec.Struct, frozen=True, kw_only=True):
    """Schema texts by database, in the order of their importance."""

    texts: Mapping[str, str] = {}
    aliases: Mapping[str, str] = {}
    """Other names of the databases."""

    @property
    def names(self) -> tuple[str, ...]:
        """The databases."""
        return tuple(self.texts)

    @property
    def text(self) -> str:
        """All of them; each block is headed by its database where there are several."""
        if len(self.texts) == 1:
            return next(iter(self.texts.values()))
        return "\n\n".join(f"DATABASE {name}\n\n{text}" for name, text in self.texts.items())

    def of(self, name: str) -> str:
        """Return the text of one database.

        Raises:
            ToolFailed: ``sql_unknown_database``.
        """
        text = self.texts.get(self.aliases.get(name, name))
        if text is None:
            raise unknown_database(name, self.texts)
        return text


def unknown_database(name: str, known: Mapping[str, object]) -> ToolFailed:
    """Return the failure that lists the databases there are."""
    listed = ", ".join(known) or "none"
    return ToolFailed(
        "sql_unknown_database", f"There is no database {name!r}. Configured: {listed}."
    )
