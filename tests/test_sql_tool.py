"""``query_db`` as a node calls it."""

import json

import pytest
from sql_rig import ERAS, source

from agent.adapters.sql.databases import Databases, open_databases
from agent.adapters.sql.tool import QueryDb
from agent.core.errors import ToolFailed
from agent.engine.ports import Tool

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def tool(demo):
    async with open_databases([source(demo)]) as opened:
        yield QueryDb(opened)


async def call(tool, query, database=ERAS):
    lines = []
    return await tool.call({"query": query, "database": database}, lines.append), lines


async def failure(tool, arguments):
    with pytest.raises(ToolFailed) as caught:
        await tool.call(arguments, lambda line: None)
    return caught.value


async def test_it_is_a_reading_data_tool(tool):
    as_tool: Tool = tool
    assert (as_tool.name, as_tool.effect, as_tool.is_data) == ("query_db", "read", True)
    schema = as_tool.parameters
    assert schema["required"] == ["query", "database"]
    assert schema["properties"]["database"]["enum"] == ["eras2_production", "eras"]
    told = "The database to ask: eras2_production (SQLite, also called eras)."
    assert schema["properties"]["database"]["description"] == told
    assert all(field["description"] for field in schema["properties"].values())
    assert json.dumps(schema)


async def test_the_result_shows_what_ran(tool):
    result, lines = await call(tool, "select count(*) as n from eras.kunden -- all of them", "eras")
    assert result == {
        "database": "eras2_production",
        "sql": "SELECT COUNT(*) AS n FROM kunden",
        "columns": ["n"],
        "rows": [[240]],
        "row_count": 1,
        "truncated": False,
    }
    assert lines == ["SELECT COUNT(*) AS n FROM kunden", "1 row"]


async def test_a_cut_result_says_so(tool):
    result, lines = await call(tool, "SELECT id FROM geraete")
    assert (result["row_count"], result["truncated"]) == (1_000, True)
    assert lines[-1] == "1000 rows (cut off)"


async def test_describing(tool):
    result, _ = await call(tool, "DESCRIBE eras2_production.kunden")
    assert result["sql"] == "DESCRIBE kunden"
    assert result["rows"][0][:2] == ["id", "INTEGER"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ({"query": "DROP TABLE kunden", "database": ERAS}, "sql_refused", "begins with 'DROP'"),
        ({"query": "SELECT x FROM kunden", "database": ERAS}, "sql_error", "no such column: x"),
        (
            {"query": "SELECT 1", "database": "prod"},
            "sql_unknown_database",
            "Configured: eras2_production, eras.",
        ),
        ({"query": "SELECT 1"}, "bad_arguments", "'database', got None"),
        ({"database": ERAS}, "bad_arguments", "'query', got None"),
        ({"query": 5, "database": ERAS}, "bad_arguments", "'query', got 5"),
        ("SELECT 1", "bad_arguments", "needs the text"),
        (None, "bad_arguments", "needs the text"),
    ],
)
async def test_each_failure_has_its_name(tool, arguments, code, text):
    error = await failure(tool, arguments)
    assert error.code == code
    assert text in str(error)


def test_without_databases_none_is_offered():
    tool = QueryDb(Databases(()))
    assert tool.parameters["properties"]["database"]["enum"] == []


@pytest.mark.slow
def test_the_parser_is_never_imported_where_the_server_runs():
    import subprocess
    import sys

    code = "import sys, agent.serve, agent.app; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
