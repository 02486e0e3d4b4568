"""What the databases hold, as prompts show it: one text a database, and one of all."""

from collections.abc import Iterable, Mapping

import msgspec


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
        """Return the text of one database, or the sentence that there is none of that name."""
        known = self.texts.get(self.aliases.get(name, name))
        return unknown(name, self.texts) if known is None else known


NOTHING_HELD = Schemas()


def unknown(name: str, known: Iterable[str]) -> str:
    """Return the sentence that lists the databases there are."""
    listed = ", ".join(known) or "none"
    return f"There is no database {name!r}. Configured: {listed}."
