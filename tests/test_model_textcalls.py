"""Tool calls in words: told to servers without tools, read from models that write them as text."""

import pytest

from agent.adapters.models.textcalls import found, may_begin, retold, rule
from agent.core.messages import ToolCall

OFFERED = frozenset({"sql", "say"})
SQL = {"q": "select 1"}


def read(text):
    calls, rest = found(text, OFFERED)
    return [(call.name, call.arguments) for call in calls], rest


@pytest.mark.parametrize(
    ("text", "calls", "rest"),
    [
        ('{"name": "sql", "arguments": {"q": "select 1"}}', [("sql", SQL)], ""),
        ('<tool_call>{"name": "sql", "arguments": {"q": "select 1"}}</tool_call>', [("sql", SQL)], ""),
        ('<tool_call>\n{"name": "say", "arguments": {}}', [("say", {})], ""),
        ('```json\n{"name": "sql", "parameters": {"q": "select 1"}}\n```', [("sql", SQL)], ""),
        ('Sure!\n```\n{"tool": "sql", "args": {"q": "select 1"}}\n```', [("sql", SQL)], "Sure!"),
        ('[TOOL_CALLS][{"name": "say", "arguments": {}}, {"name": "sql", "arguments": {"q": "select 1"}}]',
         [("say", {}), ("sql", SQL)], ""),
        ('{"tool_calls": [{"function": {"name": "say", "arguments": "{}"}}, {"name": "rm"}]}',
         [("say", {})], ""),
        ('{"function": "say"}', [("say", {})], ""),
        ('{"name": "say", "arguments": null}', [("say", {})], ""),
        ('{"name": "sql", "arguments": "{\\"q\\": \\"select 1\\"}"}', [("sql", SQL)], ""),
        ('{"name": "rm", "arguments": {}}', [], None),
        ('{"name": "sql", "description": "asks", "parameters": {"type": "object"}}', [], None),
        ('{"sql": {"q": "select 1"}}', [], None),
        ('{"name": ["sql"]}', [], None),
        ("plain words", [], None),
        ('{"name": "sql", "arguments":', [], None),
    ],
)  # fmt: skip
def test_a_call_is_an_object_with_the_name_of_an_offered_tool(text, calls, rest):
    assert read(text) == (calls, text if rest is None else rest)


@pytest.mark.parametrize(("given", "raw"), [('"{oops"', "{oops"), ("[1]", "[1]"), ('"[1]"', "[1]")])
def test_arguments_that_are_no_object_are_kept_as_written(given, raw):
    calls, _ = found(f'{{"name": "sql", "arguments": {given}}}', OFFERED)
    assert calls == (ToolCall(id="call_0", name="sql", arguments=None, raw=raw),)


def test_calls_are_numbered():
    text = '{"tool_calls": [{"name": "rm"}, {"name": "say"}]} {"name": "sql"}'
    assert [call.id for call in found(text, OFFERED)[0]] == ["call_0", "call_1"]


def test_what_may_begin_a_call():
    assert all(map(may_begin, ["", " \n", "{", " [", "```", "<tool_call>"]))
    assert not may_begin("Sure")


def test_calls_and_results_are_told_again_as_text():
    function = {"name": "sql", "arguments": '{"q":"select 1"}'}
    told = retold(
        [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "function": function}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": "so?"},
        ]
    )
    assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]
    assert read(told[2]["content"]) == ([("sql", SQL)], "")
    assert told[3]["content"] == (
        "<tool_response>\n1\n</tool_response>\n\n<tool_response>\n2\n</tool_response>\n\nso?"
    )
    assert all(set(message) == {"role", "content"} for message in told)


def test_the_rule_shows_every_tool_and_no_call():
    tool = {
        "type": "function",
        "function": {"name": "sql", "description": "asks", "parameters": {}},
    }
    text = rule([tool])
    assert '{"description":"asks","name":"sql","parameters":{}}' in text
    assert found(text, OFFERED)[0] == ()
