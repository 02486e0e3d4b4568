"""A user's folder: own names win, the first fault is named with file and line."""

from pathlib import Path

import pytest
from rig import graph, play, toml

from agent.core.errors import BadGraph
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import Workspace, read, shipped

NODE = "async def {}(ctx, envelope):\n    ctx.say('{}')\n"


def folder(base: Path, **files: str) -> Path:
    """``nodes__a_py="…"`` writes ``nodes/a.py``."""
    for name, text in files.items():
        kind, _, rest = name.partition("__")
        stem, _, ending = rest.rpartition("_")
        path = base / kind / f"{stem}.{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return base


def library(workspace: Path) -> Library:
    return Library(shipped(NODES), workspace=read(workspace))


# What is taken


def test_an_empty_folder_adds_nothing(tmp_path):
    assert read(tmp_path) == Workspace()


def test_public_functions_of_two_parameters_are_nodes(tmp_path):
    source = """
        from asyncio import sleep, wait_for
        LIMIT = 3
        def plain(ctx, envelope): ...
        def helper(left, right): ...
        async def _private(ctx, envelope): ...
        async def of_one(ctx): ...
        async def of_three(ctx, envelope, more): ...
        class Shape:
            async def method(self, envelope): ...
        async def mine(ctx, envelope): ...
    """.replace("\n        ", "\n")
    codes = read(folder(tmp_path, nodes__a_py=source)).codes
    assert list(codes) == ["plain", "mine"]
    assert codes["mine"].source == source


def test_other_files_are_left_alone(tmp_path):
    folder(tmp_path, nodes__a_txt="raise", prompts__a_html="x", graphs__a_yaml="x")
    assert read(tmp_path) == Workspace()


@pytest.mark.anyio
async def test_own_code_wins_over_shipped_code(tmp_path):
    folder(tmp_path, nodes__a_py=NODE.format("output_v1", "my own"))
    edition = library(tmp_path).edition("v3-framed")
    assert "my own" in edition.texts["node:output_v1"]
    played = await play(graph("x"), {"x": edition.program.nodes["output"].run})
    assert played.going.response == "my own"


def test_own_prompts_win_over_shipped_prompts(tmp_path):
    before = library(tmp_path).edition("v3-framed")
    folder(tmp_path, prompts__output_md="{{ name }} was here", prompts__other_md="new")
    edition = library(tmp_path).edition("v3-framed")
    assert edition.render("output", {"name": "Ada"}) == "Ada was here"
    assert edition.render("other", {}) == "new"
    assert edition.texts["prompt:input"] == before.texts["prompt:input"]
    assert edition.program.revision != before.program.revision


def test_own_graphs_win_over_shipped_graphs(tmp_path):
    own = toml(graph("a", name="v3-framed")).replace('impl = "a"', 'impl = "output_v1"')
    other = toml(graph("b", name="other")).replace('impl = "b"', 'impl = "mine"')
    folder(tmp_path, graphs__x_toml=own, graphs__y_toml=other, nodes__n_py=NODE.format("mine", "m"))
    shelf = library(tmp_path)
    assert [node.role for node in shelf.spec("v3-framed").nodes] == ["a"]
    assert shelf.spec("other").nodes[0].impl == "mine"
    assert shelf.names == ("v1-current", "v2-director-drives", "v3-framed", "v4-eras", "other")


def test_node_files_may_define_classes(tmp_path):
    source = """
from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass
class Plain:
    value: int = 1


class Inner(msgspec.Struct):
    value: int


class Outer(msgspec.Struct):
    inner: Inner


async def node(ctx, envelope):
    return msgspec.json.decode(b'{"inner": {"value": 3}}', type=Outer).inner.value + Plain().value
"""
    run = read(folder(tmp_path, nodes__shapes_py=source)).codes["node"].run
    with pytest.raises(StopIteration) as stopped:
        run(None, None).send(None)
    assert stopped.value.value == 4


# What is refused


def test_a_name_in_two_files_is_refused(tmp_path):
    folder(
        tmp_path, nodes__a_py=NODE.format("one", "x"), nodes__b_py="\n" + NODE.format("one", "y")
    )
    with pytest.raises(BadGraph, match=r"nodes/b\.py:2: node 'one' is already in another file"):
        read(tmp_path)


# ``nodes`` by itself


@pytest.mark.anyio
async def test_an_object_with_an_async_call_is_a_node_with_its_configuration(tmp_path):
    source = """
class Greeter:
    def __init__(self, word):
        self.word = word
    async def __call__(self, ctx, envelope):
        ctx.say(self.word)
hello = Greeter("hi")
plain = Greeter
"""
    codes = read(folder(tmp_path, nodes__a_py=source)).codes
    assert list(codes) == ["hello"]
    played = await play(graph("x"), {"x": codes["hello"].run})
    assert played.going.response == "hi"


# Broken files


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("async def node(ctx, envelope):\n    return 1 +\n", 2, "invalid syntax"),
        ("async def node(ctx, envelope):\n    return 1\n  x = 2\n", 3, "unindent"),
        ("x = 1\0", 1, "null bytes"),
        ("\n\nimport time\n", 3, "'time' reaches past the context; use ctx.now()"),
        ("\nx = 1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError('deep')\n\n\nf()\n", 2, "ValueError: deep"),
        ("\nimport no_such_module\n", 2, "No module named 'no_such_module'"),
        ("x = 1\nraise SystemExit(3)\n", 2, "SystemExit: 3"),
        ("import msgspec\n\nmsgspec.json.decode(b'{')\n", 3, "DecodeError"),
    ],
)
def test_a_broken_node_file_is_named_with_its_line(tmp_path, source, line, said):
    folder(tmp_path, nodes__a_py="async def fine(ctx, envelope): ...\n", nodes__b_py=source)
    with pytest.raises(BadGraph) as refused:
        read(tmp_path)
    where = f"{tmp_path / 'nodes' / 'b.py'}:{line}: "
    assert str(refused.value).startswith(where)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["nodes/a.py", "prompts/a.md", "graphs/a.toml"])
def test_what_is_no_text_is_named_with_its_line(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(b"# one\n# tw\xff\n")
    with pytest.raises(BadGraph) as refused:
        read(tmp_path)
    assert str(refused.value).startswith(f"{path}:2: expected UTF-8 text")


def test_a_broken_graph_is_named_with_its_line(tmp_path):
    folder(tmp_path, graphs__g_toml='name = "g"\n\n[[node]]\nrole = "a"\nimpl = "nobody"\n')
    with pytest.raises(BadGraph) as refused:
        library(tmp_path)
    assert str(refused.value).startswith(
        f"{tmp_path / 'graphs' / 'g.toml'}:5: unknown node code 'nobody'"
    )


def test_a_graph_that_is_no_toml_is_named_with_its_line(tmp_path):
    folder(tmp_path, graphs__g_toml='name = "g"\n[[node]\n')
    with pytest.raises(BadGraph) as refused:
        library(tmp_path)
    assert str(tmp_path / "graphs" / "g.toml") in str(refused.value)
    assert "line 2" in str(refused.value)
