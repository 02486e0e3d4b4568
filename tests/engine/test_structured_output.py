"""JSON in whatever a model wrapped it in."""

from typing import Literal

import msgspec
import pytest

from agent.engine.structured import decode, response_format


class Inner(msgspec.Struct):
    n: int


class Shape(msgspec.Struct):
    kind: Literal["x", "y"]
    inner: Inner | None = None


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "x"}',
        '  \n{"kind": "x"}\n',
        '```json\n{"kind": "x"}\n```',
        '```\n{"kind": "x"}\n```',
        'Sure! Here it is:\n```json\n{"kind": "x"}\n```\nAnything else?',
        'My answer is {"kind": "x"}, as asked.',
        '{"kind": "x", "extra": [1, {"deep": true}]}',
    ],
)
def test_the_object_is_found(text):
    assert decode(text, Shape) == Shape(kind="x")


def test_a_number_in_quotes_is_a_number():
    assert decode('{"kind": "y", "inner": {"n": "7"}}', Shape).inner == Inner(n=7)


@pytest.mark.parametrize(
    ("text", "names"),
    [('{"kind": "z"}', "kind"), ('{"kind": "x", "inner": {}}', "inner"), ("{}", "kind")],
)
def test_another_shape_is_refused_by_field(text, names):
    with pytest.raises(msgspec.ValidationError, match=names):
        decode(text, Shape)


@pytest.mark.parametrize("text", ["", "   ", "no", "{", '{"kind": "x"', "} {", "{kind: x}"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(msgspec.DecodeError):
        decode(text, Shape)


def test_the_schema_holds_the_shapes_it_refers_to():
    schema = response_format(Shape)["json_schema"]["schema"]
    assert schema["properties"]["kind"]["enum"] == ["x", "y"]
    assert schema["$defs"]["Inner"]["required"] == ["n"]
    assert "$defs" not in response_format(Inner)["json_schema"]["schema"]


@pytest.mark.parametrize(
    "text",
    [
        'Like {"kind": "z"}, but right: {"kind": "x"}',
        '```json\n{"kind": "z"}\n```\nNo, wait:\n```json\n{"kind": "x"}\n```',
        'Set {kind}.\n{"kind": "x"}',
        '[{"kind": "x"}]',
        'I think {"kind": "y"} is wrong.</think>{"kind": "x"}',
        '{"kind": "x", "note": "</think>"}',
    ],
)
def test_the_right_object_is_found_behind_wrong_ones(text):
    assert decode(text, Shape) == Shape(kind="x")


def test_of_several_wrong_objects_the_longest_is_explained():
    with pytest.raises(msgspec.ValidationError, match=r"inner\.n"):
        decode('{} or {"kind": "x", "inner": {"n": "many"}} or {"kind": "z"}', Shape)
