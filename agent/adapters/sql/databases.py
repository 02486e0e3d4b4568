"""All databases that were configured, each behind a worker process of its own."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager

from agent.adapters.sql.answer import Caps
from agent.adapters.sql.database import Database, Source
from agent.adapters.sql.nursery import Nursery
from agent.adapters.sql.sources import kind_of
from agent.core.databases import Schemas


class Databases:
    """Databases by name, the first one the most important.

    Args:
        databases: all of them.
    """

    def __init__(self, databases: Iterable[Database]) -> None:
        self._databases = {database.source.name: database for database in databases}
        self._by_any = {
            name: database
            for database in self._databases.values()
            for name in database.source.names
        }
        self._schemas = Schemas()

    @property
    def names(self) -> list[str]:
        """Every name that a database answers to, proper names first."""
        others = [name for name in self._by_any if name not in self._databases]
        return [*self._databases, *others]

    @property
    def told(self) -> Mapping[str, str]:
        """Proper name to what a model is told of the database: its kind and its aliases."""
        return {name: _told(database.source) for name, database in self._databases.items()}

    def find(self, name: str) -> Database | None:
        """Return the database that answers to ``name``."""
        return self._by_any.get(name)

    def begin(self) -> None:
        """Start workers and read schemas, in the background."""
        for database in self._databases.values():
            database.begin()

    async def schemas(self) -> Schemas:
        """Return what the databases hold; waits until each was looked at once, not for ever."""
        self.begin()
        for database in self._databases.values():
            await database.looked()
        return self._current()

    @property
    def known(self) -> Schemas | None:
        """What they held when they were last looked at; ``None`` before. Asks nobody."""
        seen = all(database.seen for database in self._databases.values())
        return self._current() if seen else None

    def _current(self) -> Schemas:
        texts = {name: _text(database) for name, database in self._databases.items()}
        if texts != self._schemas.texts:
            aliases = {name: found.source.name for name, found in self._by_any.items()}
            self._schemas = Schemas(texts=texts, aliases=aliases)
        return self._schemas

    def degraded(self) -> list[str]:
        """Return the databases that are away or that could be written to."""
        return [name for name, found in self._databases.items() if found.trouble or found.warnings]


@asynccontextmanager
async def open_databases(
    sources: Iterable[Source], *, seconds: float = Caps().seconds
) -> AsyncGenerator[Databases]:
    """Offer ``sources``; nothing starts before something is asked. Leaving kills all workers."""
    configured = tuple(sources)
    modules = sorted({name for source in configured for name in kind_of(source.url).modules})
    nursery = Nursery(modules)
    databases = [Database(source, nursery, seconds=seconds) for source in configured]
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(nursery.run(), name="spare SQL worker")]
        tasks += [
            group.create_task(database.run(), name=f"database {database.source.name}")
            for database in databases
        ]
        try:
            yield Databases(databases)
        except Exception as error:  # noqa: BLE001 - raised below, not wrapped in a group
            failure = error
        finally:
            for task in tasks:
                task.cancel()
    if failure is not None:
        raise failure


def _text(database: Database) -> str:
    if database.schema:
        return database.schema
    return f"The database cannot be asked now: {database.trouble}" if database.trouble else ""


def _told(source: Source) -> str:
    others = [name for name in source.names if name != source.name]
    also = f", also called {' and '.join(others)}" if others else ""
    return f"{kind_of(source.url).label}{also}"
