"""A whole server with databases that were configured: known, away, and without a word of passwords."""

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest
from sql_rig import STALL

from agent.app import open_runtime
from agent.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PASSWORD = "canary-pass@word"
AWAY = "mariadb+pymysql://reader:canary-pass%40word@127.0.0.1:9/shop"


@asynccontextmanager
async def running(folder, databases):
    settings = Settings(data_dir=folder / "data", databases=databases, graph="v3-framed")
    async with asyncio.timeout(STALL), open_runtime(settings) as opened:
        yield opened


async def ask(opened, text):
    run = await opened.runtime.send(text)
    return await opened.runtime.finished(run)


async def test_a_server_that_is_away_keeps_nothing_from_working(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path, {"shop": AWAY}) as opened:
        run = await ask(opened, "how many customers are in Leipzig?")
        assert "29" in run.response
        assert opened.runtime.degraded() == ["database shop"]
        trace = await opened.runtime.trace(run.run_id)
    text = trace.decode()
    assert "DATABASE shop" in text
    assert "//reader:***@127.0.0.1:9/shop cannot be asked" in text
    for said in (text, caplog.text, repr(opened.runtime)):
        assert PASSWORD not in said
        assert "canary" not in said
    assert "database shop: " in caplog.text


async def test_another_database_is_offered_beside_the_demo(tmp_path):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT)")
    async with running(tmp_path, {"shop": f"sqlite:///{file}"}) as opened:
        run = await ask(opened, "how many customers are there?")
        assert "240" in run.response
        assert opened.runtime.degraded() == []
        trace = await opened.runtime.trace(run.run_id)
    text = trace.decode()
    assert "DATABASE shop" in text
    assert "TABLE suppliers -- 0 rows" in text
