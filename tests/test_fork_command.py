"""``fork`` on the command line: what is changed, the price told first, the exit code."""

import json

import pytest
from click.exceptions import Exit
from click.testing import CliRunner

from agent import fork_command
from agent.cli import main
from agent.fork_command import edit_of, told

GUESS = {
    "run_id": None, "status": "", "dirty": [{"frame": 4, "node": "output", "why": "model: x"}], "reused": 4,
    "model_calls": 1, "cost": 0.0125, "writes": [],
}  # fmt: skip
DONE = {**GUESS, "run_id": "r-2", "status": "done"}


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("prompt:output=Be brief.", {"target": "prompt", "path": "output", "value": "Be brief."}),
        ("prompt:a=x=1", {"target": "prompt", "path": "a", "value": "x=1"}),
        ("model=7b", {"target": "model", "value": "7b"}),
        ("model:pa=7", {"target": "model", "node": "pa", "value": "7"}),
        (
            "params:pa/temperature=0.5",
            {"target": "params", "node": "pa", "path": "/temperature", "value": 0.5},
        ),
        (
            "tool_result:3.thinker.1.b/0/rows/0/n=7",
            {"target": "tool_result", "effect": "3.thinker.1.b/0", "path": "/rows/0/n", "value": 7},
        ),
        (
            "tool_result:3.thinker.1.0=[]",
            {"target": "tool_result", "effect": "3.thinker.1.0", "value": []},
        ),
        ("memory/topic=tea", {"target": "memory", "path": "/topic", "value": "tea"}),
        ("memory/topic=null", {"target": "memory", "path": "/topic", "value": None}),
        (
            "envelope:pa/text=a\nb",
            {"target": "envelope", "node": "pa", "path": "/text", "value": "a\nb"},
        ),
    ],
)
def test_a_change_is_written_in_one_word(text, edit):
    assert edit_of(text) == edit


def test_a_value_is_read_from_a_file(tmp_path):
    file = tmp_path / "p.md"
    file.write_text("{{ message }}\n")
    assert edit_of(f"prompt:output=@{file}")["value"] == "{{ message }}\n"
    with pytest.raises(Exit) as ended:
        edit_of(f"prompt:output=@{tmp_path}/none")
    assert ended.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "model", "=x", "a b=1", "memory topic=1"])
def test_what_is_no_change_is_refused(text):
    with pytest.raises(Exit) as ended:
        edit_of(text)
    assert ended.value.exit_code == 2


def test_the_price_is_told_in_one_line():
    assert told(GUESS) == "1 of 5 node visits dirty, 1 model call, $0.0125"
    free = {**GUESS, "model_calls": 2, "cost": None}
    assert told(free) == "1 of 5 node visits dirty, 2 model calls, price unknown"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command against answers; what was asked is in ``asked``."""
    asked: list[tuple[str, dict]] = []

    def command(answers, *arguments):
        def answer(_settings, run_id, body):
            asked.append((run_id, body))
            return answers[body["dry_run"]]

        monkeypatch.setattr(fork_command, "_fork", answer)
        return CliRunner().invoke(main, ["fork", *arguments, "--data-dir", str(tmp_path)])

    command.asked = asked
    return command


@pytest.mark.parametrize(("status", "code"), [("done", 0), ("error", 1)])
def test_it_tells_first_and_then_does(run, status, code):
    made = {**DONE, "status": status}
    done = run({True: GUESS, False: made}, "r-1", "--frame", "3", "--set", "model=m", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (code, made)
    assert done.stderr.strip() == told(GUESS)
    body = {
        "frame": 3, "post": False, "confirm": False, "dry_run": True,
        "edits": [{"target": "model", "value": "m"}],
    }  # fmt: skip
    assert run.asked == [("r-1", body), ("r-1", {**body, "dry_run": False})]


def test_a_dry_run_only_tells(run):
    done = run({True: GUESS}, "r-1", "--dry-run")
    assert (done.exit_code, len(run.asked)) == (0, 1)
    assert "output" in done.stdout


def test_a_tool_that_writes_is_not_called_unasked(run):
    guess = {**GUESS, "writes": [{"frame": 2, "node": "a", "tool": "book"}]}
    done = run({True: guess, False: DONE}, "r-1")
    assert (done.exit_code, len(run.asked)) == (2, 1)
    assert "book; add --confirm" in done.stderr
    assert run({True: guess, False: DONE}, "r-1", "--confirm").exit_code == 0
    assert run.asked[-1][1]["confirm"] is True
