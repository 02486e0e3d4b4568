"""The built-in model as a client meets it: requests in, streamed or whole answers out."""

import json
import re

import pytest
from hypothesis import given, strategies as st

from agent import net
from agent.adapters.models.builtin.mind import think
from agent.adapters.models.builtin.transport import BuiltinTransport
from agent.adapters.models.openai_http import OpenAIModel
from agent.core import controls
from agent.core.messages import ModelRequest
from agent.engine.structured import decode, response_format
from agent.nodes.director_v2 import Plan
from agent.nodes.input_v1 import Perception
from agent.nodes.interpreter_v1 import Interpretation
from agent.nodes.memorizer_v1 import Distilled

pytestmark = pytest.mark.anyio

SCHEMA = """TABLE kunden -- 240 rows; customers: people
  id INTEGER PRIMARY KEY -- customer id
  name TEXT -- name of the customer
  ort TEXT -- city of the customer"""
QUERY = {
    "type": "function",
    "function": {
        "name": "query_db", "description": "Ask a database with one SQL SELECT. Reads only.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "One SQL statement"},
                "database": {"type": "string", "enum": ["eras2_production"]},
            },
            "required": ["query", "database"],
        },
    },
}  # fmt: skip
TOOLS = [QUERY, *controls.SPECS]


def ask(text, *, system="", shape=None, tools=(), history=(), extra=()):
    body = {
        "model": "builtin",
        "messages": [
            {"role": "system", "content": system},
            *history,
            {"role": "user", "content": text},
            *extra,
        ],
        "tools": list(tools),
    }
    if shape is not None:
        body["response_format"] = response_format(shape)
    return think(body)


def shaped(text, shape, **more):
    return decode(ask(text, shape=shape, **more).text, shape)


@pytest.mark.parametrize(
    ("text", "intent", "complexity", "language"),
    [
        ("hello", "social", "trivial", "en"), ("Hi there!", "social", "trivial", "en"),
        ("good evening", "social", "trivial", "en"), ("thanks a lot", "social", "trivial", "en"),
        ("Guten Morgen!", "social", "trivial", "de"), ("Vielen Dank", "social", "trivial", "de"),
        ("how are you?", "social", "trivial", "en"), ("tschüss", "social", "trivial", "de"),
        ("hi, how many customers are there?", "question", "simple", "en"),
        ("make a button", "request", "simple", "en"), ("Erstelle bitte einen Zähler", "request", "simple", "de"),
        ("wie viele kunden gibt es?", "question", "simple", "de"), ("that is wrong", "feedback", "simple", "en"),
        ("my name is Ada", "request", "simple", "en"), ("can you add a button?", "request", "simple", "en"),
    ],
)  # fmt: skip
def test_messages_are_perceived(text, intent, complexity, language):
    seen = shaped(text, Perception)
    assert (seen.intent, seen.complexity, seen.language) == (intent, complexity, language)


def planned(text, **more):
    told = "\n".join(json.dumps(tool["function"]) for tool in more.pop("told", TOOLS))
    system = more.pop("system", f"Plan.\n\n{told}\n\n{SCHEMA}")
    return [
        (step.tool, step.args) for step in shaped(text, Plan, system=system, **more).tool_sequence
    ]


def test_a_question_becomes_a_query():
    assert planned("How many customers are in Leipzig?") == [
        ("query_db", {"query": "SELECT COUNT(*) AS count FROM kunden WHERE ort LIKE 'Leipzig%'", "database": "eras2_production"})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        ("make a counter", ["set_state", "emit_display", "emit_actions"]),
        ("baue einen zähler für besucher", ["set_state", "emit_display", "emit_actions"]),
        ("I want a toggle for dark mode", ["set_state", "emit_display", "emit_actions"]),
        ("create a traffic light with red, yellow and green", ["create_machine"]),
        ("erstelle eine ampel", ["create_machine"]),
        ("make three buttons: Yes, No, Maybe", ["emit_actions"]),
        ("Could we have a counter for laps?", ["set_state", "emit_display", "emit_actions"]),
        (
            "I want a score that two buttons increase and decrease",
            ["set_state", "emit_display", "emit_actions"],
        ),
        (
            "ich möchte Punkte zählen, rauf und runter",
            ["set_state", "emit_display", "emit_actions"],
        ),
        ('make buttons "Count up" and "Count down"', ["emit_actions"]),
        ("show the value of higher and lower floors", []),
        ("build a menu from start to offers and to prices, and back", ["create_machine"]),
        ("write a poem", []),
        ("what is my name?", []),
        (
            "how many customers are there and make a counter",
            ["query_db", "set_state", "emit_display", "emit_actions"],
        ),
    ],
)
def test_wishes_become_calls(text, tools):
    assert [tool for tool, _ in planned(text)] == tools


@pytest.mark.parametrize(
    "text", ["make a counter", "create a traffic light with red and green", "make buttons A and B"]
)
def test_calls_are_accepted_by_the_tools(text):
    for tool, arguments in planned(text):
        controls.run(tool, arguments, {})


@pytest.mark.parametrize(
    ("text", "states"),
    [
        (
            "build a menu from start to offers and to prices, and back",
            ["start", "offers", "prices"],
        ),
        ("Baue eine Navigation von Start zu Angebote und zurück", ["start", "angebote"]),
        ("I need a navigation between start, offers and prices", ["start", "offers", "prices"]),
        ("make a machine with states to do, doing and done", ["to_do", "doing", "done"]),
    ],
)
def test_ways_between_pages_are_pages(text, states):
    ((_, arguments),) = planned(text)
    assert list(arguments["states"]) == states


def test_a_sentence_that_names_columns_belongs_to_the_rows_before():
    tools = "\n".join(json.dumps(tool["function"]) for tool in TOOLS)
    schema = f"{SCHEMA}\n  email TEXT -- e-mail address"
    text = "I look for the customers in Dresden. I want their names and emails."
    ((_, arguments),) = planned(text, system=f"Plan.\n\n{tools}\n\n{schema}")
    assert arguments["query"].startswith("SELECT name, email FROM kunden WHERE ort LIKE 'Dresden%'")
    two = planned("How many customers are there? How many customers are in Bonn?")
    assert [call["query"] for _, call in two] == [
        "SELECT COUNT(*) AS count FROM kunden",
        "SELECT COUNT(*) AS count FROM kunden WHERE ort LIKE 'Bonn%'",
    ]


def test_existing_controls_are_changed_not_made_again():
    button = {
        "type": "button",
        "label": "+",
        "action": "inc",
        "payload": {"op": "inc", "var": "count"},
    }
    machine = {
        "nav": {
            "id": "nav",
            "initial": "home",
            "current": "home",
            "states": {"home": {}, "shop": {}},
        }
    }
    page = f"Page: {json.dumps([button])}\n\nMachines: {json.dumps(machine)}"
    told = "\n".join(json.dumps(tool["function"]) for tool in TOOLS)
    added = planned("add a reset button", system=f"{told}\n\n{page}")
    assert [b["label"] for b in added[0][1]["actions"]] == ["+", "Reset"]
    assert added[0][1]["actions"][1]["payload"] == {"op": "set", "var": "count", "value": 0}
    assert planned("add a page contact to the navigation", system=f"{told}\n\n{page}") == [
        ("add_state", {"id": "nav", "state": "contact"})
    ]
    assert planned("delete the nav", system=f"{told}\n\n{page}") == [
        ("destroy_machine", {"id": "nav"})
    ]


def renamed(**names):
    text = json.dumps(TOOLS)
    for old, new in names.items():
        text = re.sub(rf'"{old}"', f'"{new}"', text)
    return json.loads(text)


@pytest.mark.parametrize(
    ("names", "text", "tool", "keys"),
    [
        ({"create_machine": "make_automaton"}, "create a traffic light", "make_automaton", {"id", "initial", "states"}),
        ({"create_machine": "zz", "initial": "start_state"}, "create a traffic light", "zz", {"id", "start_state", "states"}),
        ({"emit_actions": "paint", "actions": "things"}, "make buttons A and B", "paint", {"things"}),
        ({"query_db": "lookup", "query": "statement"}, "how many customers are there?", "lookup", {"statement", "database"}),
        ({"set_state": "put", "key": "name"}, "set volume to 5", "put", {"name", "value"}),
    ],
)  # fmt: skip
def test_renamed_tools_are_followed(names, text, tool, keys):
    made = planned(text, told=renamed(**names))
    assert made[0][0] == tool
    assert set(made[0][1]) == keys


def test_a_tool_that_is_not_offered_is_not_called():
    assert planned("make a counter", told=[QUERY]) == []
    assert planned("how many customers are there?", told=controls.SPECS) == []


def test_words_around_the_facts_do_not_matter():
    facts = "\n".join(json.dumps(tool["function"]) for tool in TOOLS)
    asked = "How many customers are in Leipzig?"
    one = planned(asked, system=f"You plan.\n\nTools\n{facts}\n\nThe database\n{SCHEMA}")
    two = planned(
        asked, system=f"Ahoy! {facts}\n\nSome tables:\n\n{SCHEMA}\n\nGood luck, be brief."
    )
    assert one == two != []


def test_a_plan_in_the_prompt_is_carried_out_and_its_end_is_told():
    plan = {"goal": "g", "tool_sequence": [{"tool": "set_state", "args": {"key": "n", "value": 1}}]}
    reply = ask("whatever", system=f"Do it: {json.dumps(plan)}", tools=TOOLS)
    assert [(call.name, call.arguments) for call in reply.calls] == [
        ("set_state", {"key": "n", "value": 1})
    ]
    call = {"id": "c", "type": "function", "function": {"name": "set_state", "arguments": "{}"}}
    extra = (
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
    )
    done = ask("whatever", system=f"Do it: {json.dumps(plan)}", tools=TOOLS, extra=extra)
    assert (done.calls, done.text) == ((), "Done: set_state.")


def results(columns, rows):
    return json.dumps(
        [{"tool": "q", "result": {"columns": columns, "row_count": len(rows), "rows": rows}}]
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("How many customers are in Leipzig?", "There are 37 customers in Leipzig."),
        ("how many customers do we have in leipzig", "There are 37 customers in Leipzig."),
        ("Wie viele Kunden gibt es in Dresden?", "Es gibt 37 Kunden in Dresden."),
        ("how many buildings were built before 1950?", "37 buildings were built before 1950."),
        ("number of devices", "There are 37 devices."),
    ],
)
def test_figures_are_quoted_in_a_sentence(text, answer):
    assert ask(text, system=f"Results: {results(['n'], [[37]])}").text == answer
    assert shaped(text, Interpretation, system=f"Raw:\n{results(['n'], [[37]])}").summary == answer


def test_other_figures_are_quoted_too():
    assert "1" in ask("how many customers are in Leipzig?", system=results(["n"], [[1]])).text
    assert (
        ask("how many customers are in Leipzig?", system=results(["n"], [[1]])).text
        == "There is 1 customer in Leipzig."
    )


def test_rows_become_a_table_and_no_rows_are_said():
    text = ask("list customers", system=results(["name", "ort"], [["A|B", None], ["C", 1.5]])).text
    assert "| A/B | – |\n| C | 1.5 |" in text
    assert "Nothing was found" in ask("list customers", system=results(["name"], [])).text


def test_a_list_that_ends_at_its_limit_is_not_called_whole():
    table = {
        "columns": ["n"],
        "rows": [[n] for n in range(50)],
        "row_count": 50,
        "sql": "SELECT n FROM t LIMIT 50",
    }
    assert ask("list all", system=json.dumps(table)).text.startswith("The first 50:")
    whole = {**table, "sql": "SELECT n FROM t"}
    assert ask("list all", system=json.dumps(whole)).text.startswith("50 results:")


def test_output_that_was_cut_off_is_read_as_far_as_it_goes():
    raw = results(["name"], [[f"name {n}"] for n in range(90)])[:600]
    read = shaped("list customers", Interpretation, system=f"Raw: {raw}")
    assert (read.row_count, read.confidence) == (90, "medium")
    assert read.key_facts[0] == "name 0"


MEMORY = {
    "user_name": "anonymous",
    "topic": "x",
    "facts": ["Favourite colour is green", "Lives in Bonn"],
    "language": "en",
}


@pytest.mark.parametrize(
    ("text", "name", "new", "gone"),
    [
        ("my name is Ada", "Ada", ["Name is Ada"], []),
        ("Ich heiße Jürgen.", "Jürgen", ["Name is Jürgen"], []),
        ("I live in Trier", "anonymous", ["Lives in Trier"], ["Lives in Bonn"]),
        (
            "my favourite colour is red",
            "anonymous",
            ["Favourite colour is red"],
            ["Favourite colour is green"],
        ),
        ("remember that the deadline is Friday", "anonymous", ["The deadline is Friday"], []),
        ("my favourite colour is green", "anonymous", [], []),
        ("what is my name?", "anonymous", [], []),
        ("how many customers are there?", "anonymous", [], []),
        ("I am tired", "anonymous", [], []),
        ("I'm with the sales team", "anonymous", ["Is with the sales team"], []),
        ("please make a note that my car is blue", "anonymous", ["Car is blue"], []),
        ("I'm in a hurry", "anonymous", [], []),
    ],
)
def test_what_is_told_is_distilled(text, name, new, gone):
    turn = shaped(text, Distilled, system=f"Known: {json.dumps(MEMORY)}")
    assert (turn.user_name, turn.new_facts, turn.disproved_facts) == (name, new, gone)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what is my favourite colour?", "green"),
        ("where do i live?", "Bonn"),
        ("remind me of my home town", "Bonn"),
        ("what do you know about me?", "Bonn"),
    ],
)
def test_what_is_known_is_told(text, said):
    assert said in ask(text, system=f"Known: {json.dumps(MEMORY)}").text


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("where am I employed?", "Works for the city library"),
        ("what is my profession?", "Is in the maintenance team"),
        ("remind me of my department", "Job is quality control"),
        ("In welcher Abteilung arbeite ich?", "Arbeitet im Einkauf"),
    ],
)
def test_what_is_about_the_same_thing_is_recalled(text, fact):
    known = {**MEMORY, "facts": ["Favourite colour is green", fact]}
    said = ask(text, system=f"Known: {json.dumps(known)}").text
    assert fact in said
    assert "green" not in said


@pytest.mark.parametrize("text", ["what do my friends call me?", "How should you address me?"])
def test_the_name_is_asked_for_in_other_words(text):
    known = {**MEMORY, "user_name": "Grace"}
    assert ask(text, system=json.dumps(known)).text == "Your name is Grace."


def test_a_name_is_known_from_memory_or_from_the_conversation():
    known = {**MEMORY, "user_name": "Grace"}
    assert ask("what is my name?", system=json.dumps(known)).text == "Your name is Grace."
    history = ({"role": "user", "content": "call me Linus"}, {"role": "assistant", "content": "ok"})
    assert (
        ask("who am i?", system=json.dumps(MEMORY), history=history).text == "Your name is Linus."
    )
    assert "not told" in ask("what is my name?", system=json.dumps(MEMORY)).text


def test_what_it_cannot_do_it_says():
    assert ask("write a poem about spring").text.startswith("I cannot do that.")
    assert ask("Schreib mir bitte ein Gedicht").text.startswith("Das kann ich leider nicht.")
    assert "sql_error: no such table" in ask(
        "list customers", system=json.dumps([{"tool": "q", "args": {}, "error": "sql_error: no such table"}])
    ).text  # fmt: skip


def test_a_follow_up_takes_the_question_before_along():
    history = (
        {"role": "user", "content": "How many customers are in Leipzig?"},
        {"role": "assistant", "content": "37"},
    )
    ((_, arguments),) = planned("and in Dresden?", history=history)
    assert arguments["query"] == "SELECT COUNT(*) AS count FROM kunden WHERE ort LIKE 'Dresden%'"


def test_schemas_are_filled_by_what_their_properties_ask_for():
    schema = {
        "type": "object",
        "properties": {
            "purpose": {"enum": ["question", "social", "request"]},
            "tongue": {"type": "string", "description": "ISO 639-1 code"},
            "todo": {
                "type": "array", "description": "the tool calls it takes",
                "items": {"type": "object", "properties": {"fn": {"type": "string"}, "with": {"type": "object"}}},
            },
            "n": {"type": "integer"}, "flag": {"type": "boolean"}, "other": {"type": "object", "properties": {"x": {"type": "string"}}},
        },
    }  # fmt: skip
    told = "\n".join(json.dumps(tool["function"]) for tool in TOOLS)
    body = {
        "messages": [
            {"role": "system", "content": told},
            {"role": "user", "content": "mach bitte drei knöpfe: a, b, c"},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "any", "schema": schema},
        },
    }
    filled = json.loads(think(body).text)
    assert (filled["purpose"], filled["tongue"], filled["n"], filled["flag"]) == (
        "request",
        "de",
        0,
        False,
    )
    assert filled["todo"][0]["fn"] == "emit_actions"
    assert filled["other"] == {"x": ""}


@given(st.text(max_size=200), st.sampled_from([Perception, Plan, Interpretation, Distilled]))
def test_any_text_gets_a_valid_answer(text, shape):
    told = "\n".join(json.dumps(tool["function"]) for tool in TOOLS)
    shaped(text, shape, system=f"{told}\n\n{SCHEMA}\n\n{json.dumps(MEMORY)}")
    assert ask(text, system=SCHEMA).text
    ask(text, system=SCHEMA, tools=TOOLS)


@given(st.text(max_size=300))
def test_any_prompt_gets_an_answer(prompt):
    assert ask("how many customers are in Leipzig?", system=prompt).text


# Over the protocol


def model(**more):
    return OpenAIModel("http://builtin/v1", None, "builtin", transport=BuiltinTransport(**more))


async def test_answers_stream_in_pieces_with_usage_and_no_cost():
    built_in, heard = model(), []
    request = ModelRequest(
        model="builtin", messages=({"role": "user", "content": "what can you do?"},)
    )
    reply = await built_in.complete(request, heard.append)
    await built_in.aclose()
    assert len(heard) > 3
    assert "".join(heard) == reply.text
    assert reply.usage is not None
    assert reply.usage.completion_tokens > 10
    assert reply.cost == 0


async def test_tool_calls_come_through_the_client():
    built_in = model()
    request = ModelRequest(
        model="builtin",
        messages=({"role": "user", "content": "make a counter"},),
        tools=tuple(TOOLS),
    )
    reply = await built_in.complete(request, lambda _: None)
    await built_in.aclose()
    assert [call.name for call in reply.tool_calls] == ["set_state", "emit_display", "emit_actions"]
    assert reply.tool_calls[0].arguments == {"key": "count", "value": 0}
    assert reply.finish == "tool_calls"


async def test_a_paced_stream_says_the_same():
    slow, fast = model(token_ms=1), model()
    request = ModelRequest(model="builtin", messages=({"role": "user", "content": "hello"},))
    heard = []
    said = await slow.complete(request, heard.append)
    assert said.text == (await fast.complete(request, lambda _: None)).text
    assert len(heard) == len(said.text.split())
    await slow.aclose()
    await fast.aclose()


async def raw(method, path, body=None):
    target = net.target("http://builtin/v1", setting="test")
    client = net.client(target, transport=BuiltinTransport())
    answer = await client.request(method, target.join(path), content=body)
    await client.aclose()
    return answer


async def test_whole_answers_models_and_refusals():
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]})
    whole = (await raw("POST", "chat/completions", body)).json()
    assert whole["choices"][0]["message"]["content"].startswith("Hello")
    assert whole["usage"]["total_tokens"] > 0
    assert (await raw("GET", "models")).json()["data"][0]["id"] == "builtin"
    assert (await raw("POST", "chat/completions", "{oops")).status_code == 400
    assert (
        (await raw("POST", "chat/completions", "{}"))
        .json()["error"]["message"]
        .startswith("messages")
    )
    assert (await raw("GET", "nowhere")).status_code == 404
