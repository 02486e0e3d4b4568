"""What fits a JSON schema, and how what does not is named."""

from typing import Annotated, Literal

import msgspec
import pytest

from agent.core.control_specs import SPECS
from agent.core.json_schema import misfit

QUERY = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1},
        "database": {"enum": ["eras", "shop"]},
        "rows": {"type": ["integer", "null"], "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "more": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/More"}]},
    },
    "required": ["query"],
    "additionalProperties": False,
    "$defs": {"More": {"type": "object", "required": ["n"], "properties": {"n": {"const": 1}}}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"query": "x"},
        {"query": "x", "database": "shop", "rows": 2.0, "tags": ["a", "b"], "more": True},
        {"query": "x", "rows": None, "more": {"n": 1, "other": 2}},
    ],
)
def test_what_fits(value):
    assert misfit(value, QUERY) == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], ": expected object, got []"),
        ({}, "/query: missing"),
        ({"query": 1}, "/query: expected string, got 1"),
        ({"query": ""}, '/query: minLength is 1, got ""'),
        (
            {"query": "x", "database": "none"},
            '/database: expected one of "eras", "shop", got "none"',
        ),
        ({"query": "x", "rows": True}, "/rows: expected integer or null, got true"),
        ({"query": "x", "rows": 0}, "/rows: minimum is 1, got 0"),
        ({"query": "x", "rows": 1.5}, "/rows: expected integer or null, got 1.5"),
        ({"query": "x", "tags": ["a", 2]}, "/tags/1: expected string, got 2"),
        ({"query": "x", "tags": ["a", "b", "c"]}, '/tags: maxItems is 2, got ["a","b","c"]'),
        ({"query": "x", "sql": 1}, "/sql: unknown; there are: query, database, rows, tags, more"),
        (
            {"query": "x", "more": {"n": 2}},
            '/more: expected boolean, got {"n":2}; or /more/n: expected one of 1, got 2',
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value, told):
    assert misfit(value, QUERY) == told


def test_a_place_is_told_from_where_the_value_stands():
    assert misfit({}, QUERY, ("tool", "arguments")) == "/tool/arguments/query: missing"


@pytest.mark.parametrize("schema", [None, {}, {"type": "thing"}, {"format": "date"}, True])
def test_what_is_not_known_refuses_nothing(schema):
    assert misfit({"x": [1]}, schema) == ""


class Made(msgspec.Struct, forbid_unknown_fields=True):
    n: Annotated[int, msgspec.Meta(gt=0, le=9)]
    kind: Literal["a", "b"] | None = None
    name: Annotated[str, msgspec.Meta(pattern="^x")] = "x"
    others: list["Made"] = []


@pytest.mark.parametrize("other", [{}, {"kind": "b"}, {"name": "xy", "others": [{"n": 2}]}])
@pytest.mark.parametrize("n", [-1, 0, 1, 9, 10, "1", None, 1.5, True])
def test_it_agrees_with_what_schemas_are_made_of(n, other):
    value, schema = {"n": n, **other}, msgspec.json.schema(Made)
    try:
        msgspec.convert(value, Made)
        good = True
    except msgspec.ValidationError:
        good = False
    assert (misfit(value, schema) == "") is good


def test_the_control_tools_describe_what_they_take():
    by_name = {spec["function"]["name"]: spec["function"]["parameters"] for spec in SPECS}
    assert misfit({"key": "n", "value": 1}, by_name["set_state"]) == ""
    assert misfit({"key": 1}, by_name["set_state"]).startswith("/")
