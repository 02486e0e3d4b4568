"""The shipped prompts: every example is right, every field is told, and no suite was copied in."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import jinja2
import msgspec
import pytest
from suite.test_shipped import FILES, fours

from agent.core import controls, embedded
from agent.core.state import apply
from agent.nodes.director_v1 import Guidance
from agent.nodes.input_v1 import Perception
from agent.nodes.interpreter_v1 import Interpretation
from agent.nodes.memorizer_v1 import Distilled
from agent.nodes.pa_v1 import routing
from agent.nodes.plans import ExpertPlan, Plan

FOLDER = Path(__file__).parents[1] / "agent/prompts"
FOR_USERS = {"progress", "cut_off"}
"""What these say is shown, and suites look for it."""
PROMPTS = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem not in FOR_USERS)
SHAPES: dict[str, type] = {
    "input": Perception,
    "director": Plan,
    "director_v1": Guidance,
    "expert_plan": ExpertPlan,
    "interpreter": Interpretation,
    "memorizer": Distilled,
    "pa": routing(("shop", "desk")),
}
TOLD = {"expert_plan": {"schema": "TABLE x", "acts": True}}


def prompt(name):
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    return jinja2.Template(text).render(TOLD.get(name, {}))


def answers(name):
    """Return the objects that examples show as an answer."""
    return [found.json for found in embedded.objects(prompt(name)) if len(found.json) > 20
            and "op" not in msgspec.json.decode(found.json)]  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_example_is_a_whole_answer(name):
    shape = SHAPES[name]
    shown = answers(name)
    assert len(shown) >= 2
    for text in shown:
        msgspec.json.decode(text, type=shape)
        assert list(msgspec.json.decode(text)) == [
            field.name for field in msgspec.structs.fields(shape)
        ]


@pytest.mark.parametrize("name", SHAPES)
def test_every_field_is_explained_and_json_alone_is_asked_for(name):
    text = prompt(name)
    for field in msgspec.structs.fields(SHAPES[name]):
        assert re.search(rf"^- {field.name}: ", text, re.MULTILINE), field.name
    assert "one JSON object" in text
    assert "nothing else" in text


@pytest.fixture(scope="module")
def shop():
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(
            "CREATE TABLE suppliers (id, name); CREATE TABLE orders (supplier_id, year, total)"
        )
        yield database


@pytest.mark.parametrize("name", ["director", "expert_plan"])
def test_every_call_of_an_example_can_be_made(name, shop):
    ui, tools = {}, set()
    for text in answers(name):
        for step in msgspec.json.decode(text)["tool_sequence"]:
            tools.add(step["tool"])
            if step["tool"] == "query_db":
                assert set(step["args"]) == {"query", "database"}
                shop.execute(step["args"]["query"]).fetchall()
            else:
                _, changes = controls.run(step["tool"], step["args"], ui)
                ui = apply({"ui": ui}, changes)["ui"]
    assert tools == {
        "query_db",
        "set_state",
        "emit_display",
        "emit_actions",
        "create_machine",
        "add_state",
    }
    assert ui["machines"]["washing"]["states"]["rinse"]


@pytest.mark.parametrize("name", ["thinker", "thinker_v1", "thinker_audit"])
def test_who_calls_tools_is_shown_no_json_that_could_be_copied(name):
    assert not answers(name)


@pytest.mark.parametrize("name", PROMPTS)
def test_no_four_words_of_a_suite_are_in_a_prompt(name):
    told = fours((FOLDER / f"{name}.md").read_text("utf-8"))
    for file in FILES:
        shared = fours(file.read_text("utf-8")) & told
        assert not shared, (file.name, sorted(shared))
