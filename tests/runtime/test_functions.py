"""A user's functions as tools: schema from the signature, arguments checked, faults named."""

import asyncio
import threading
from typing import Annotated, Literal

import msgspec
import pytest

from agent.core.errors import BadGraph, ToolFailed
from agent.runtime.functions import BadToolError, tool_of
from agent.runtime.library import Library
from agent.runtime.workspace import read
from agent.tools import tool

pytestmark = pytest.mark.anyio


def heard(_line: str) -> None: ...


def weather(
    city: Annotated[str, msgspec.Meta(description="Where.", min_length=1)],
    days: int = 1,
    unit: Literal["C", "F"] = "C",
) -> dict[str, object]:
    """Tell the weather.

    Of a city.
    """
    return {"city": city, "days": days, "unit": unit}


async def test_the_signature_is_the_schema_and_the_docstring_the_words():
    made = tool_of(weather, "read")
    assert (made.name, made.effect, made.is_data) == ("weather", "read", True)
    assert made.description == "Tell the weather.\n\nOf a city."
    assert made.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "description": "Where."},
            "days": {"type": "integer", "default": 1},
            "unit": {"enum": ["C", "F"], "default": "C"},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    assert await made.call({"city": "Köln", "days": "2"}, heard) == {
        "city": "Köln",
        "days": 2,
        "unit": "C",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "missing required field `city`"),
        (None, "missing required field `city`"),
        ({"city": 1}, "Expected `str`, got `int` - at `$.city`"),
        ({"city": ""}, "`$.city`"),
        ({"city": "x", "unit": "K"}, "Invalid enum value 'K' - at `$.unit`"),
        ({"city": "x", "more": 1}, "unknown field `more`"),
        ([], "Expected `object`, got `array`"),
        ("x", "Expected `object`, got `str`"),
    ],
)
async def test_a_wrong_argument_is_named(arguments, said):
    with pytest.raises(ToolFailed) as refused:
        await tool_of(weather, "read").call(arguments, heard)
    assert refused.value.code == "bad_arguments"
    assert str(refused.value).startswith("weather: ")
    assert said in str(refused.value)


async def test_a_plain_function_runs_in_a_thread_and_its_lines_arrive_in_order():
    where, lines = [], []

    def work(n: int, log) -> int:
        """Work."""
        where.append(threading.current_thread())
        for i in range(n):
            log(f"{i}")
        return n

    made = tool_of(work, "pure")
    assert "log" not in made.parameters["properties"]
    assert await made.call({"n": 3}, lines.append) == 3
    assert lines == ["0", "1", "2"]
    assert where != [threading.main_thread()]


async def test_an_async_function_is_awaited_and_takes_lines_too():
    async def work(log) -> str:
        """Work."""
        log("on it")
        await asyncio.sleep(0)
        return "done"

    lines = []
    assert await tool_of(work, "pure").call({}, lines.append) == "done"
    assert lines == ["on it"]


async def test_a_call_that_is_stopped_lets_its_thread_end():
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        """Work for ever."""
        try:
            begun.set()
            while True:
                pass
        finally:
            ended.set()

    async with asyncio.TaskGroup() as group:
        call = group.create_task(tool_of(work, "pure").call({}, heard))
        assert await asyncio.to_thread(begun.wait, 20)
        call.cancel()
    assert await asyncio.to_thread(ended.wait, 20)


@pytest.mark.parametrize(
    ("raises", "code", "said"),
    [
        (KeyError("x"), "tool_error", "work: KeyError: 'x'"),
        (ToolFailed("too_far", "there is no way"), "too_far", "there is no way"),
        (None, "tool_error", "work: TypeError: "),
    ],
)
async def test_what_it_raises_or_cannot_be_recorded_is_a_failed_call(raises, code, said):
    def work() -> object:
        """Work."""
        if raises:
            raise raises
        return object()

    with pytest.raises(ToolFailed) as failed:
        await tool_of(work, "pure").call({}, heard)
    assert failed.value.code == code
    assert str(failed.value).startswith(said)


def _no_doc(a: int) -> None: ...


def _no_type(a) -> None:
    """A."""


def _many(*a: int) -> None:
    """A."""


@pytest.mark.parametrize(("function", "said"), [(_no_doc, "docstring"), (_no_type, "'a' needs a type"), (_many, "named parameters")])  # fmt: skip
async def test_what_cannot_be_a_tool_says_why(function, said):
    with pytest.raises(BadToolError, match=said):
        tool_of(function, "pure")


async def test_an_effect_that_is_none_is_refused():
    with pytest.raises(ValueError, match="expected 'pure', 'read' or 'write'"):
        tool(effect="none")


# Files


def tools(folder, **files):
    (folder / "tools").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "tools" / f"{name}.py").write_text(text)
    return read(folder).tools


DOC = '    """Does it."""\n'


async def test_a_file_that_reaches_the_world_must_say_what_each_tool_touches(tmp_path):
    source = f"import os\n\n\ndef look(name: str) -> str:\n{DOC}    return os.getcwd()\n"
    with pytest.raises(BadGraph, match=r"tools/a.py:4: say what 'look' touches: @tool\(effect=…\)"):
        tools(tmp_path, a=source)
    marked = source.replace(
        "def look", 'from agent.tools import tool\n\n\n@tool(effect="write")\ndef look'
    )
    assert tools(tmp_path, a=marked)["look"].tool.effect == "write"
    assert tools(tmp_path, a=f"def look() -> int:\n{DOC}")["look"].tool.effect == "pure"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": f"def set_state() -> int:\n{DOC}"}, "a.py:1: 'set_state' is a control tool"),
        ({"a": f"def f() -> int:\n{DOC}", "b": f"\ndef f() -> int:\n{DOC}"}, "b.py:2: tool 'f' is already in"),
        ({"a": f"def f(x: dict = {{1: 2}}) -> int:\n{DOC}"}, "a.py:1: tool 'f': "),
        ({"a": "def f() -> int: ...\n"}, "a.py:1: tool 'f' needs a docstring"),
        ({"a": f"def f(x: 'Nobody') -> int:\n{DOC}"}, "a.py:1: tool 'f': name 'Nobody' is not defined"),
    ],
)  # fmt: skip
async def test_a_tool_that_cannot_be_is_named_with_its_line(tmp_path, files, said):
    with pytest.raises(BadGraph) as refused:
        tools(tmp_path, **files)
    assert said in str(refused.value)


async def test_a_shipped_tool_is_not_shadowed(tmp_path):
    tools(tmp_path, a=f"def query_db() -> int:\n{DOC}")
    with pytest.raises(BadGraph, match=r"a\.py:1: tool 'query_db' is already there"):
        Library(
            {},
            tools=[["query_db", "", {}]],
            graphs=tmp_path,
            prompts=tmp_path,
            workspace=read(tmp_path),
        )


async def test_helpers_and_imports_are_no_tools(tmp_path):
    source = f"from json import dumps\n\n\ndef _help(): ...\n\n\ndef real() -> int:\n{DOC}"
    assert [*tools(tmp_path, a=source)] == ["real"]
