"""Gates: all run, each is told, and one that fails decides."""

import sys
from itertools import product
from pathlib import Path

import pytest

from agent import devtools
from agent.devtools import Gate


def gate(name, code=0, text="", **options):
    program = f"print({text!r}); raise SystemExit({code})"
    return Gate(name=name, argv=(sys.executable, "-c", program), **options)


def test_all_gates_run_although_the_first_fails(capfd):
    assert devtools.run([gate("first", 1, "why it failed"), gate("second", text="quiet")]) == 1
    out = capfd.readouterr().out
    assert "why it failed" in out
    assert "quiet" not in out
    assert "1 of 2 gates passed" in out
    assert "failed: first\n" in out
    assert [line.split()[:2] for line in out.splitlines() if line.endswith(" s")][:2] == [
        ["first", "FAILED"],
        ["second", "ok"],
    ]


def test_all_passed_is_zero(capfd):
    assert devtools.run([gate("one"), gate("two")]) == 0
    assert "failed" not in capfd.readouterr().out


def test_a_test_runner_is_heard_also_when_it_passes(capfd):
    assert devtools.run([gate("runner", text="3 passed in 0.1s", live=True)]) == 0
    assert "-- runner\n3 passed in 0.1s\n" in capfd.readouterr().out


def test_a_gate_without_its_program_fails_and_says_so(capfd):
    assert devtools.run([Gate(name="gone", argv=("/nowhere/tool",))]) == 1
    assert "`/nowhere/tool` could not be started" in capfd.readouterr().out


@pytest.mark.parametrize(("ci", "code", "word"), [("", 0, "skipped"), ("1", 1, "FAILED")])
def test_what_is_missing_skips_with_its_reason_and_fails_in_ci(capfd, monkeypatch, ci, code, word):
    monkeypatch.setenv("CI", ci)
    assert devtools.run([gate("page", lacks="there is no Node")]) == code
    out = capfd.readouterr().out
    assert out.split()[:2] == ["page", word]
    assert "there is no Node" in out


@pytest.mark.parametrize("missing", ["node", "script"])
def test_the_gates_of_the_page_know_what_they_lack(tmp_path, monkeypatch, missing):
    script = tmp_path / "tsc"
    if missing == "node":
        script.write_text("")
    monkeypatch.setattr(devtools, "ROOT", tmp_path)
    monkeypatch.setattr(devtools, "TSC", script)
    monkeypatch.setattr(
        devtools.shutil, "which", lambda _: None if missing == "node" else "/bin/node"
    )
    (found,) = (one for one in devtools.checks() if one.name == "tsc")
    assert ("no Node" if missing == "node" else "no tsc") in found.lacks


def test_everything_selected_by_nobody_fails_but_named_files_may_lack_a_part():
    whole, named = devtools.tests([]), devtools.tests(["tests/test_devtools.py"])
    assert [devtools.NOTHING_SELECTED in one.accepts for one in whole] == [False] * 4
    assert [devtools.NOTHING_SELECTED in one.accepts for one in named] == [False, True, True, True]
    assert named[-1].argv[-1] == "tests/test_devtools.py"


def test_the_parts_leave_no_test_out_and_only_properties_run_twice():
    gates = devtools.tests([])[1:]
    expressions = [one.argv[one.argv.index("-m", 3) + 1] for one in gates]
    for slow, e2e, hypothesis in product((False, True), repeat=3):
        marks = {"slow": slow, "e2e": e2e, "hypothesis": hypothesis}
        chosen = sum(eval(part, marks) for part in expressions)
        assert chosen == (2 if hypothesis and not slow and not e2e else 1)
    assert "--hypothesis-profile=full" in gates[1].argv


def test_check_and_test_run_the_gates_they_name(monkeypatch):
    seen = []
    monkeypatch.setattr(devtools, "run", lambda gates: seen.append([g.name for g in gates]) or 0)
    assert (devtools.check(), devtools.test(["-x"])) == (0, 0)
    assert seen[0] == [
        "ruff check", "ruff format", "pyright", "lint-imports", "generated files", "tsc",
    ]  # fmt: skip
    assert seen[1] == [*seen[0], "vitest", "pytest: unit", "pytest: slow", "pytest: e2e"]


def test_tools_of_the_environment_are_used():
    assert Path(devtools.checks()[3].argv[0]).parent == Path(sys.executable).parent
