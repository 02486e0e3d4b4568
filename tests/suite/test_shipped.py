"""The suites that are shipped: their sizes, that they can fail, and that no model was given them."""

import re
from functools import cache
from pathlib import Path

import pytest

from agent.cases.match import Evidence, judge
from agent.cases.parse import load
from agent.cases.suite import Click, HasNo, Send

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "testcases").glob("*.md"))
BUILTIN = sorted((ROOT / "agent/adapters/models/builtin").rglob("*.py"))
EMPTY = Evidence(
    run_id="r-1",
    state={"memorizer": {"user_name": "anonymous", "facts": []}, "ui": {"state": {}, "machines": {}}},
    trace={"path": "", "total_frames": 0, "frames": [{"node": "output"}], "post_frames": []},
)  # fmt: skip
"""A run that ended well and did nothing."""


@pytest.mark.parametrize(
    ("name", "steps", "checks", "graph"),
    [
        ("smoketest", 12, 40, ""),
        ("fast", 10, 23, "v3-framed"),
        ("fast_v4", 10, 28, "v4-eras"),
        ("expert_eras", 8, 23, "v4-eras"),
        ("expert_progress", 6, 21, "v4-eras"),
    ],
)
def test_their_sizes(name, steps, checks, graph):
    suite = load(ROOT / "testcases" / f"{name}.md")
    assert (len(suite.steps), suite.checks, suite.graph) == (steps, checks, graph)


def test_the_smoke_test_counts_no_frames_and_names_no_path():
    text = (ROOT / "testcases/smoketest.md").read_text("utf-8")
    assert not re.search(r"expect_frames|expect_path|graph:", text)


def test_every_message_of_three_suites_has_three_paraphrases_with_the_same_kinds_of_checks():
    turns = [
        step
        for name in ("smoketest", "fast_v4", "expert_eras")
        for step in load(ROOT / "testcases" / f"{name}.md").steps
    ]
    other = load(ROOT / "testcases/paraphrases.md").steps
    assert len(turns) == len(other)
    for step, again in zip(turns, other, strict=True):
        assert len(step.checks) == len(again.checks), again.name
        assert type(step.does) is type(again.does)
        if isinstance(step.does, Send):
            assert len(again.does.wordings) >= 3
            assert step.does.wordings[0] not in again.does.wordings


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_step_passes_when_nothing_is_done(file):
    for step in load(file).steps:
        held = [check for check in step.checks if not judge(check.expects, EMPTY)]
        assert len(held) < len(step.checks), step.name
        for check in held:
            assert isinstance(check.expects, HasNo), check.text


def words(text):
    return re.findall(r"\w+", text.casefold())


def fours(text):
    found = words(text)
    return {tuple(found[n : n + 4]) for n in range(len(found) - 3)}


@cache
def known_fours():
    return {four for path in BUILTIN for four in fours(path.read_text("utf-8"))}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_four_words_of_a_suite_are_in_the_built_in_model(file):
    assert len(known_fours()) > 5000
    shared = fours(file.read_text("utf-8")) & known_fours()
    assert not shared, sorted(shared)


def test_clicks_never_follow_a_clear():
    for file in FILES:
        for step in load(file).steps:
            assert not (step.clear and isinstance(step.does, Click)), f"{file.name}: {step.name}"
