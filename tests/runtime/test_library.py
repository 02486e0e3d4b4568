"""Editions: immutable, named by their content, rebuilt from their texts."""

import pytest
from rig import codes, graph, passes, says, toml

from agent.adapters.sql.tool import QueryDb
from agent.core import controls
from agent.core.errors import BadGraph, NodeFailed, UnknownGraph
from agent.core.revisions import changed
from agent.nodes import expert
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import Workspace, shipped


def library(tmp_path, *specs, prompts=(), **more) -> Library:
    (tmp_path / "graphs").mkdir(exist_ok=True)
    (tmp_path / "prompts").mkdir(exist_ok=True)
    for spec in specs:
        (tmp_path / "graphs" / f"{spec.name}.toml").write_text(toml(spec), "utf-8")
    for name, text in dict(prompts).items():
        (tmp_path / "prompts" / f"{name}.md").write_text(text, "utf-8")
    own = {"a": passes(), "b": says("x"), "c": says("y")}
    return Library(codes(own), graphs=tmp_path / "graphs", prompts=tmp_path / "prompts", **more)


def test_the_shipped_graph_has_all_it_needs():
    shipped_library = Library(shipped(NODES), model="m")
    edition = shipped_library.edition("v3-framed")
    assert edition.program.revision == edition.manifest.revision
    assert {"graph", "tools", "model", "prompt:director", "node:input_v1"} <= edition.texts.keys()
    assert edition.manifest.parts.keys() == edition.texts.keys()


def test_an_unknown_graph_names_the_installed_ones(tmp_path):
    with pytest.raises(UnknownGraph, match="'z'; installed: one, two"):
        library(tmp_path, graph("a", name="one"), graph("a", name="two")).spec("z")


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ({"prompts": {"p": "other"}}, ["prompt:p"]),
        ({"model": "other"}, ["model"]),
        ({"tools": [["look", "", {}]]}, ["tools"]),
        ({"spec": graph("a b", "a>b", budget=5)}, ["graph"]),
    ],
    ids=lambda value: "",
)
def test_every_part_changes_the_revision_and_is_named(tmp_path, more, parts):
    spec = graph("a b", "a>b")
    old = library(tmp_path, spec, prompts={"p": "text"}).edition("g")
    new = library(tmp_path, more.pop("spec", spec), **{"prompts": {"p": "text"}, **more}).edition(
        "g"
    )
    assert old.manifest.revision != new.manifest.revision
    assert changed(old.manifest, new.manifest) == parts


def test_the_same_content_is_the_same_revision(tmp_path):
    spec = graph("a b", "a>b")
    revisions = {
        library(tmp_path, spec, prompts={"p": "x"}).edition("g").manifest.revision for _ in range(2)
    }
    assert len(revisions) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "x.toml: "),
        ('name = "g"', "x.toml:1: .*node"),
        ('name = "g"\n[[node]]\nrole = "a"\nimpl = "zz"', "x.toml:4: unknown node code 'zz'"),
        ('name = "g"\n[[node]]\nrole = "a"\nimpl = "a"\n[[edge]]\nfrom = "a"\nto = ["q"]', "x.toml:7: an edge names 'q'"),
        ('name = "g"\n[[node]]\nrole = "a"\nimpl = "a"\n[[node]]\nrole = "b"\nimpl = "c"', "x.toml:6: no data edge leads to node 'b'"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_line_and_the_old_graph_stays(tmp_path, text, message):
    found = library(tmp_path, graph("a"))
    before = found.edition("g")
    with pytest.raises(BadGraph, match=message):
        found.add(text, "x.toml")
    assert found.edition("g") is before


TOOLS = [["look", "", {}, "read", True], {"type": "function", "function": {"name": "set_it"}}]


@pytest.mark.parametrize(
    ("text", "line", "tool"),
    [
        ('[[node]]\nrole = "a"\nimpl = "a"\ntools = ["look", "lok"]', 5, "lok"),
        ("[[node]]\nrole = 'a'\nimpl = 'a'\ntools = [\n  'look',\n  'lok',\n]", 7, "lok"),
        (('[[node]]\ntools = ["b"]\nrole = "a"\nimpl = "a"\n[[node]]\nrole = "b"\nimpl = "b"\n'
         '[[edge]]\nfrom = "a"\nto = ["b"]'), 3, "b"),
        (('[[node]]\nrole = "a"\nimpl = "a"\ntools = ["set_it"]\n[[node]]\nrole = "b"\nimpl = "b"\n'
         'tools = ["look", "add"]\n[[edge]]\nfrom = "a"\nto = ["b"]'), 9, "add"),
        ('node = [{role = "a", impl = "a", tools = ["add"]}]', 2, "add"),
    ],
)  # fmt: skip
def test_a_tool_that_is_not_there_is_refused_with_its_line_and_the_old_graph_stays(
    tmp_path, text, line, tool
):
    found = library(tmp_path, graph("a"), tools=TOOLS)
    before = found.edition("g")
    said = f"x.toml:{line}: node '[ab]' names the tool '{tool}', which there is not; known: look, set_it"
    with pytest.raises(BadGraph, match=said):
        found.add(f'name = "g"\n{text}', "x.toml")
    assert found.edition("g") is before


def test_every_shipped_graph_names_tools_that_are_there(tmp_path):
    specs = [[QueryDb.name, "", {}, "read", True], *controls.SPECS]
    assert "v4-eras" in Library(shipped(NODES), tools=specs).names
    with pytest.raises(BadGraph, match=r"v4_eras\.toml:24: .*'query_db', which there is not"):
        Library(shipped(NODES), tools=controls.SPECS)


def test_a_graph_of_the_same_name_replaces_the_old_one(tmp_path):
    found = library(tmp_path, graph("a b", "a>b"))
    held = found.edition("g")
    found.add(toml(graph("a c", "a>c")), "g.toml")
    assert [n.role for n in found.edition("g").program.spec.nodes] == ["a", "c"]
    assert [n.role for n in held.program.spec.nodes] == ["a", "b"], "an edition never changes"


def test_a_workspace_wins_over_what_is_shipped(tmp_path):
    own = Workspace(prompts={"p": "mine {{ x }}"}, graphs=((toml(graph("c")), "mine.toml"),))
    found = library(tmp_path, graph("a"), prompts={"p": "shipped", "q": "q"}, workspace=own)
    edition = found.edition("g")
    assert edition.render("p", {"x": 1}) == "mine 1"
    assert edition.render("q", {}) == "q"
    assert edition.program.spec.start == "c"


def test_a_prompt_that_is_missing_or_lacks_a_value_says_so(tmp_path):
    edition = library(tmp_path, graph("a"), prompts={"p": "{{ x }}"}).edition("g")
    with pytest.raises(NodeFailed, match="no prompt 'z'; there are: p"):
        edition.render("z", {})
    with pytest.raises(Exception, match="'x' is undefined"):
        edition.render("p", {})


def test_a_prompt_is_text_for_a_model_and_escapes_nothing(tmp_path):
    edition = library(tmp_path, graph("a"), prompts={"p": "{{ x }}"}).edition("g")
    assert edition.render("p", {"x": "<b> & {{ y }}"}) == "<b> & {{ y }}"


def test_a_pinned_edition_is_what_it_was():
    found = Library(shipped(NODES), model="m")
    edition = found.edition("v3-framed")
    pinned = found.pinned(edition.manifest, edition.texts)
    assert pinned.program.revision == edition.program.revision
    assert pinned.program.spec == edition.program.spec
    assert pinned.program.nodes.keys() == edition.program.nodes.keys()
    values = {"memory": "m", "response": "r"}
    assert pinned.render("memorizer", values) == edition.render("memorizer", values)


def test_a_pinned_edition_runs_the_shared_modules_as_they_were():
    found = Library(shipped(NODES), model="m")
    edition = found.edition("v4-eras")
    assert {"node:expert_eras", "shared:agent.nodes.expert"} <= edition.texts.keys()
    old = edition.texts["shared:agent.nodes.expert"].replace("ATTEMPTS = 3", "ATTEMPTS = 7")
    texts = {**edition.texts, "shared:agent.nodes.expert": old}
    nodes = found.pinned(edition.manifest, texts).program.nodes
    for role in ("expert_eras", "expert_general"):
        call = type(nodes[role].run).__mro__[1].__call__
        assert call.__globals__["ATTEMPTS"] == 7, role
    assert expert.ATTEMPTS == 3
