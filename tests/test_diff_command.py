"""``diff`` on the command line: what it tells, and its exit code."""

import json

import pytest
from click.testing import CliRunner

from agent import diff_command
from agent.cli import main

ROW = {
    "band": "changed", "frame": 2, "node": "output", "visit": 1, "post": False, "ms": [1.0, None],
    "differences": [
        {"field": "said", "left": "one two", "right": "one too",
         "words": [["=", "one "], ["-", "two"], ["+", "too"]]},
        {"field": "state/n", "left": 1, "right": 2, "words": None},
    ],
}  # fmt: skip
SAME = {"left": "r-1", "right": "r-2", "identical": True, "first_divergence": None, "cause": None,
        "frames": [{**ROW, "band": "same", "differences": []}],
        "deltas": {"tokens": 0, "ms": -1.5, "cost": None}}  # fmt: skip
FIRST = {"frame": 2, "node": "output", "field": "said", "left": "one two", "right": "one too"}
OTHER = {**SAME, "identical": False, "first_divergence": FIRST, "cause": "prompt", "frames": [ROW]}


@pytest.fixture
def run(monkeypatch, tmp_path):
    def command(answer, *options):
        monkeypatch.setattr(diff_command, "ask", lambda *_: answer)
        return CliRunner().invoke(
            main, ["diff", "r-1", "r-2", *options, "--data-dir", str(tmp_path)]
        )

    return command


@pytest.mark.parametrize(("answer", "code"), [(SAME, 0), (OTHER, 1)])
def test_it_ends_as_the_runs_compare(run, answer, code):
    done = run(answer, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (code, answer)


def test_it_tells_where_why_and_in_which_words(run):
    told = run(OTHER).stdout.splitlines()
    assert told[:3] == [
        "first divergence: frame 2, output, said",
        "cause: prompt",
        "one [-two-]{+too+}",
    ]
    assert any(row.split()[:3] == ["2", "output", "changed"] for row in told)
    assert told[-1] == "tokens +0, ms -1.5, cost unknown"


def test_values_that_are_no_texts_are_told_whole(run):
    first = {**FIRST, "field": "state/n", "left": "1", "right": "2"}
    told = run({**OTHER, "first_divergence": first, "cause": None}).stdout.splitlines()
    assert told[1:4] == ["cause: they began with something else", "[-1-]", "{+2+}"]


def test_identical_runs_are_told_shortly(run):
    assert run(SAME).stdout.splitlines() == ["identical", "tokens +0, ms -1.5, cost unknown"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = CliRunner().invoke(main, ["diff", "a", "b", "--data-dir", str(tmp_path / "none")])
    assert (done.exit_code, "does not exist" in done.stderr) == (2, True)
