"""The committed wire types and event documentation are what the source says."""

import re

import msgspec
import pytest

from agent import generate
from agent.core.effects import Effect
from agent.core.frames import Envelope, FrameRecord, FrameTrace, summary
from agent.core.messages import Usage

RECORD = FrameRecord(
    frame=1, node="input", visit=1, started=1.0, duration_ms=2.0, input=Envelope(kind="message")
)
CALL = Effect(
    effect_id="1.input.1.0", frame=1, node="input", visit=1, kind="model", request_hash="0",
    started=1.0, usage=Usage(prompt_tokens=3, completion_tokens=4), cost=0.5,
)  # fmt: skip
TRACE = FrameTrace(
    run_id="r-000000000001-0000", kind="message", channel="main", message="hi", graph="v3-framed",
    revision="abc", path="reflex", total_frames=1, total_ms=2.0, started=1.0, outcome="done",
    frames=(RECORD,), post_frames=(RECORD,), effects=(CALL,),
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"),
    [(generate.TYPES, generate.typescript), (generate.DOCS, generate.documentation)],
)
def test_the_committed_file_is_current(path, text):
    assert (generate.ROOT / path).read_text("utf-8") == text(), "run python3 -m agent.generate"


def test_every_event_has_a_type_and_a_section():
    types, docs = generate.typescript(), generate.documentation()
    for fact in generate.members():
        tag = fact.__struct_config__.tag
        assert f'  readonly event: "{tag}";' in types
        assert f"\n## {tag}\n" in docs


def test_the_wire_summary_has_exactly_the_fields_of_its_type():
    wire = msgspec.json.decode(msgspec.json.encode(summary(TRACE)))
    read = msgspec.convert(wire, generate.TraceSummary)
    assert (read.tokens, read.cost, read.frames[0].node) == (7, 0.5, "input")


def test_every_name_that_is_used_is_declared():
    text = generate.typescript()
    declared = set(re.findall(r"^export (?:interface|type) (\w+)", text, re.MULTILINE))
    used = set(re.findall(r"\b[A-Z]\w+\b", re.sub(r"/\*\*.*?\*/|//.*|\"[^\"]*\"", "", text)))
    assert used - declared <= {"Readonly", "Record"}


def test_field_documentation_is_read_from_the_source():
    assert "Middle messages that the node's token budget left out." in generate.documentation()


def test_check_names_what_is_out_of_date_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(check=True) == 1
    assert "docs/events.md is out of date" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert generate.main() == 0
    assert generate.main(check=True) == 0
