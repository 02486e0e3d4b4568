"""JSON objects are found in whatever surrounds them."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from agent.core.embedded import objects

SOME = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)


def read(text):
    return [msgspec.json.decode(found.json) for found in objects(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("no braces", []),
        ('{"a": 1}', [{"a": 1}]),
        ('Use {name}: {"a": {"b": 2}} or {"c": 3}.', [{"a": {"b": 2}}, {"c": 3}]),
        ('```json\n{"a": 1}\n```', [{"a": 1}]),
        ('{"a": 1', []),
        ('{"cut": {"a": 1}', [{"a": 1}]),
        ('{"a": "x\ny"}', [{"a": "x\ny"}]),
        ('{"a": "\\ud83d"}', [{"a": "\ufffd"}]),
        ("{" * 100_000, []),
        ('{"a":' * 5_000 + "1", []),
    ],
)
def test_objects(text, found):
    assert read(text) == found


@given(st.lists(st.tuples(SOME, st.text(alphabet="ab \n`[]<>", max_size=9))))
def test_every_object_is_found_with_its_place(parts):
    told = [msgspec.json.encode(value).decode() for value, _ in parts]
    text = "".join(one + prose for one, (_, prose) in zip(told, parts, strict=True))
    found = list(objects(text))
    assert [text[entry.start : entry.end] for entry in found] == told
    assert read(text) == [value for value, _ in parts]
