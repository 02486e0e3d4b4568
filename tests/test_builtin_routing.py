"""The built-in model as an assistant and as an expert: who gets a job, in which words, and how."""

import json

import msgspec
import pytest

from agent.adapters.models.builtin.asked import Asked
from agent.adapters.models.builtin.mind import think
from agent.adapters.models.builtin.overview import heads_in, needed
from agent.adapters.models.builtin.purpose import mended, written
from agent.core.schemas import briefs
from agent.engine.structured import response_format
from agent.nodes.pa_v1 import routing
from agent.nodes.plans import ExpertPlan

SHOP = {
    "expert": "shop", "does": "Answers questions about the shop's database.",
    "knows": ["orders -- 90 rows; orders: what was bought", "suppliers -- 7 rows; suppliers: who delivers"],
}  # fmt: skip
DESK = {"expert": "desk", "does": "Makes buttons, counters and machines on the page."}
SCHEMA = """TABLE kunden -- 240 rows; customers: the people who own buildings
  id INTEGER PRIMARY KEY
  ort TEXT -- city

TABLE objekte -- 600 rows; objects: the buildings
  id INTEGER PRIMARY KEY
  kunde_id INTEGER REFERENCES kunden(id)

TABLE abrechnungen -- 1800 rows; billings: one a year
  id INTEGER PRIMARY KEY
  objekt_id INTEGER REFERENCES objekte(id)
  gesamtkosten REAL -- total cost"""
IN_BRIEF = "\n\n".join(brief.text() for brief in briefs(SCHEMA))


def body(text, shape, system, before=()):
    turns = [{"role": role, "content": said} for role, said in before]
    return {
        "messages": [{"role": "system", "content": system}, *turns, {"role": "user", "content": text}],
        "response_format": response_format(shape),
    }  # fmt: skip


def routed(text, *, cards=(SHOP, DESK), before=()):
    names = tuple(card["expert"] for card in cards)
    system = "Who does it?\n" + "\n".join(json.dumps(card) for card in cards)
    return json.loads(think(body(text, routing(names), system, before)).text)


@pytest.mark.parametrize(
    ("text", "expert"),
    [
        ("How many suppliers are there?", "shop"), ("list all orders", "shop"),
        ("Which tables are there?", "shop"), ("SELECT 1 FROM orders", "shop"),
        ("make a counter", "desk"), ("Erstelle einen Knopf namens Start", "desk"),
        ("(clicked Start)", "desk"), ("hello", "none"), ("my name is Ada", "none"),
        ("what is my name?", "none"), ("what can you do?", "none"), ("that is wrong", "none"),
        ("sing a song", "none"),
    ],
)  # fmt: skip
def test_a_job_goes_to_whoever_knows_about_it(text, expert):
    found = routed(text)
    assert found["expert"] == expert
    assert (found["job"], bool(found["thinking_message"])) == (
        ("", False) if expert == "none" else (text, True)
    )


def test_renamed_and_reworded_experts_are_found_all_the_same():
    cards = (
        {"expert": "zork", "can": "Has the controls: buttons, switches."},
        {"expert": "quux", "can": "Looks things up in tables.", "holds": SHOP["knows"]},
    )
    assert routed("How many suppliers are there?", cards=cards)["expert"] == "quux"
    assert routed("make a counter", cards=cards)["expert"] == "zork"
    swapped = ({**SHOP, "expert": "desk"}, {**DESK, "expert": "shop"})
    assert routed("How many suppliers are there?", cards=swapped)["expert"] == "desk"


def test_what_nobody_knows_about_goes_to_nobody():
    assert routed("How many whales are there?")["expert"] == "none"
    assert routed("make a counter", cards=(SHOP,))["expert"] == "none"


def test_what_is_said_meanwhile_is_in_the_language_of_the_message():
    assert routed("how many suppliers are there?")["thinking_message"] == "Let me look that up."
    assert routed("Wie viele Orders haben wir?", before=())["language"] == "de"


BEFORE = "How many orders are there in Leipzig?"


@pytest.mark.parametrize(
    ("before", "text", "job"),
    [
        (BEFORE, "and in Dresden?", "How many orders are there in Dresden?"),
        (BEFORE, "what about Dresden?", "How many orders are there in Dresden?"),
        (BEFORE, "and the suppliers?", "How many suppliers are there in Leipzig?"),
        ("How many orders came in 2021?", "and in 2022?", "How many orders came in 2022?"),
        (
            "Wie viele orders gibt es in Leipzig?",
            "und in Köln?",
            "Wie viele orders gibt es in Köln?",
        ),
        (BEFORE, "how many of them are late?", "how many orders are late in Leipzig?"),
        (BEFORE, "make a counter", "make a counter"),
        (BEFORE, "and what is the number in Dresden?", "how many orders in Dresden?"),
        (
            "List the orders from Leipzig with their dates",
            "and from Dresden, only the count",
            "how many orders from Dresden?",
        ),
        (
            "What is the number of orders in Leipzig?",
            "how many of those are late?",
            "how many orders are late in Leipzig?",
        ),
        (
            BEFORE,
            "what about Dresden, how many suppliers are there?",
            "how many suppliers are there in Dresden?",
        ),
        (BEFORE, "how many suppliers are there?", "how many suppliers are there?"),
    ],
)
def test_a_job_needs_no_conversation(before, text, job):
    assert routed(text, before=[("user", before), ("assistant", "29")])["job"] == job


def test_a_job_holds_what_several_turns_said():
    before = [("user", BEFORE), ("assistant", "9"), ("user", "and in Dresden?"), ("assistant", "8")]
    assert (
        routed("and the suppliers?", before=before)["job"]
        == "How many suppliers are there in Dresden?"
    )


# The expert


@pytest.mark.parametrize("schema", [SCHEMA, IN_BRIEF])
@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("how many customers are there?", ["kunden"]),
        ("which buildings are there?", ["kunden", "objekte"]),
        ("total cost", ["kunden", "objekte", "abrechnungen"]),
        ("which customer has the highest cost?", ["kunden", "objekte", "abrechnungen"]),
        ("SELECT * FROM kunden", ["kunden"]), ("sing a song", []),
    ],
)  # fmt: skip
def test_an_expert_names_the_tables_it_needs_with_those_they_belong_to(schema, text, tables):
    plan = msgspec.json.decode(think(body(text, ExpertPlan, schema)).text)
    assert plan["tables"] == tables


def test_renamed_tables_are_found_by_what_they_hold():
    renamed = IN_BRIEF.replace("kunden", "xk").replace("kunde_id", "xk_id")
    assert needed("how many customers are there?", heads_in(renamed)) == ["xk"]
    assert needed("which buildings are there?", heads_in(renamed)) == ["xk", "objekte"]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("Run SELECT a FROM t LIMIT 3", "SELECT a FROM t LIMIT 3"),
        ("please execute `select a from t;`", "select a from t"),
        ("DESCRIBE kunden", "DESCRIBE kunden"), ("show tables", "show tables"),
        ("select one of them", ""), ("describe your day to me", ""),
    ],
)  # fmt: skip
def test_sql_that_was_written_is_taken_as_it_is(text, sql):
    assert written(text) == sql


@pytest.mark.parametrize(
    ("sql", "error", "better"),
    [
        ("SELECT nam FROM kunden", "sql_error: no such column: nam. Did you mean kunden.name?", "SELECT name FROM kunden"),
        ("SELECT k.nam FROM kunden k", "no such column: nam. Did you mean kunden.name?", "SELECT name FROM kunden k"),
        ("SELECT n FROM kundn", "no such table: kundn. Did you mean kunden?", "SELECT n FROM kunden"),
        ("SELECT n FROM kunden", "sql_timeout: too slow", "SELECT n FROM kunden"),
    ],
)  # fmt: skip
def test_an_error_that_says_what_was_meant_mends_the_query(sql, error, better):
    assert mended(sql, [error]) == better


def test_errors_are_heard_wherever_they_are_told():
    told = Asked(
        {"messages": [{"role": "system", "content": 'Errors: ["query_db: sql_error: no"]'}]}
    )
    assert told.errors == ("query_db: sql_error: no",)


@pytest.mark.parametrize("text", ["how many purple whales are there?", "and how many whales?"])
def test_a_question_about_something_else_is_not_bent(text):
    before = [("user", BEFORE), ("assistant", "29")]
    assert "orders" not in routed(text, before=before)["job"]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM kunden", "DROP TABLE kunden", "UPDATE kunden SET ort = 'x'"]
)
def test_sql_that_changes_is_handed_over_to_be_refused(sql):
    assert written(f"Run {sql}") == sql
    assert written(f"please {sql.lower()} of mine") == ""
