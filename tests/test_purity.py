"""What node source may not mention; each kind of reach is found, and honest code is left alone."""

import ast
import textwrap

import pytest
from hypothesis import given, strategies as st

from agent.core.purity import CALLS, MODULES, faults

HONEST = '''
"""A node."""
from __future__ import annotations

import asyncio
import json
import math
import re
import urllib
import urllib.parse
from datetime import UTC, datetime, timedelta
from urllib import parse

from agent.core.frames import Envelope
from agent.engine.context import Context

timer = {"open": 1, "input": 2}


class Door:
    def open(self) -> None: ...
    def now(self) -> None: ...


async def node(ctx: Context, envelope: Envelope) -> Envelope:
    """Ask the context, and nothing else."""
    at = datetime.fromtimestamp(ctx.now() / 1000, UTC) + timedelta(days=1)
    Door().open()
    Door().now()
    time, random, uuid = ctx.now(), ctx.random(), ctx.new_id()
    await asyncio.sleep(0)
    found = await ctx.call("open", {"input": time})
    return Envelope(kind="x", text=f"{at} {random} {uuid} {found} {parse.quote('open()')}")
'''


def found(source: str) -> list[tuple[int, str]]:
    return list(faults(textwrap.dedent(source)))


def test_honest_code_passes():
    assert found(HONEST) == []


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "form",
    [
        "import {}",
        "import json, {}",
        "import {} as something_else",
        "import {}.inner",
        "from {} import anything",
        "from {}.inner import anything as other",
        "async def node(ctx, envelope):\n    import {}",
        "class Shape:\n    def method(self):\n        from {} import anything",
        "try:\n    pass\nexcept ValueError:\n    import {}",
    ],
)
def test_every_denied_module_is_found_in_every_form(module, form):
    source = form.format(module)
    [(line, said)] = found(source)
    assert line == source.count("\n", 0, source.index("import")) + 1
    assert module in said
    assert MODULES[module] in said


def test_a_submodule_is_found_when_its_parent_is_fine():
    [(line, said)] = found("from urllib import parse\nfrom urllib import parse, request as r")
    assert (line, "'urllib.request'" in said) == (2, True)


@pytest.mark.parametrize("module", ["timeit", "osmosis", "iot", "randomness", "urllib", "sockets"])
def test_a_name_that_only_begins_alike_is_fine(module):
    assert found(f"import {module}\nfrom {module} import x") == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("form", ["{}('x')", "y = [{}('x') for _ in z]", "f(g=lambda: {}('x'))"])
def test_every_denied_call_is_found_wherever_it_stands(name, form):
    [(line, said)] = found("x = 1\n" + form.format(name))
    assert (line, said.startswith(f"{name}()")) == (2, True)
    assert CALLS[name] in said


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nx = datetime.datetime.now()",
        "import datetime\nx = datetime.datetime.utcnow()",
        "import datetime\nx = datetime.date.today()",
        "import datetime as dt\nx = dt.datetime.now(dt.UTC)",
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import datetime as moment\nx = moment.now()",
        "from datetime import date as day\nx = f(lambda: day.today())",
    ],
)
def test_the_clock_is_found_under_every_name(source):
    [(line, said)] = found(source)
    assert (line, "ctx.now()" in said) == (2, True)


def test_the_first_line_comes_first_however_deep_it_stands():
    assert [line for line, _ in found("def a():\n    def b():\n        open('x')\nimport os")] == [
        3,
        4,
    ]


def test_what_is_no_python_is_said_so():
    with pytest.raises(SyntaxError):
        found("async def node(ctx:")


@given(st.sampled_from(sorted({*MODULES, "json", "math"})), st.integers(0, 5))
def test_depth_hides_nothing(module, depth):
    source = "".join(f"{'  ' * n}if x:\n" for n in range(depth)) + f"{'  ' * depth}import {module}"
    ast.parse(source)
    assert [line for line, _ in found(source)] == ([depth + 1] if module in MODULES else [])


# What a node may not keep


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("class Mine:\n    async def __call__(self, ctx, envelope):\n        self.n = 1\n", 3),
        ("class Mine:\n    def __call__(self, ctx, envelope): ...\n    def f(me):\n        me.n += 1\n", 4),
        ("class Mine(ExpertNode):\n    def f(self):\n        self.a, b = 1, 2\n", 3),
        ("def f():\n    global seen\n    seen = 1\n", 2),
    ],
)  # fmt: skip
def test_state_in_a_node_is_found(source, line):
    [(where, fault)] = found(source)
    assert where == line
    assert "keeps nothing between two visits; use ctx.remember()" in fault


def test_configuration_and_helpers_of_one_visit_are_left_alone():
    assert not found("""
        class Mine(ExpertNode):
            limit = 3
            def __init__(self, limit):
                self.limit = limit
            async def __call__(self, ctx, envelope):
                other = Reader()
                other.place = self.limit
        class Reader:
            def go_on(self):
                self.place += 1
    """)
