"""Databases for tests: real files and servers, asked through real worker processes."""

from contextlib import asynccontextmanager

from agent.adapters.sql.database import Source
from agent.adapters.sql.databases import open_databases
from agent.adapters.sql.demo_schema import COMMENTS
from agent.adapters.sql.sources import sqlite_url

ERAS = "eras2_production"
STALL = 30.0
"""Seconds after which a test is stuck, on a machine however busy."""


def source(path, *, name=ERAS, names=(), comments=COMMENTS):
    """Return the source of a SQLite file."""
    return Source(
        name=name,
        url=sqlite_url(path),
        names=names or (name, "eras"),
        comments={table: dict(columns) for table, columns in comments.items()},
    )


@asynccontextmanager
async def one(source, **options):
    """Open one database and give it alone."""
    async with open_databases([source], **options) as opened:
        yield opened.find(source.name)


async def rows(database, sql):
    """Return the rows that ``sql`` gives."""
    return (await database.ask(sql, lambda ran: None)).rows
