"""docs/suites.md says what the runner does: every line kind, every option, the examples as they stand."""

import re
from pathlib import Path

import pytest
from acceptance.processes import agent

from agent.cases.errors import BadSuite
from agent.cases.expect import EXPECTATIONS
from agent.cases.parse import load, parse
from agent.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/suites.md").read_text("utf-8")
[EXAMPLE] = re.findall(r"^```markdown greet\.md\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
[ERRORS] = re.findall(r"^```text error\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
[SHOWN] = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
_STEP = ("## Steps", "### 1. A", "- send: x", "- expect_frames: 2")
LINES = re.findall(r"^\| `(- [^`]+)` \|", PAGE, re.MULTILINE)


def test_every_line_kind_of_the_page_is_understood():
    setup = [line for line in LINES if line.startswith(("- clear", "- graph"))]
    cassette = [line for line in LINES if line.startswith("- cassette")]
    send = [line for line in LINES if line.startswith(("- send", "- or send"))]
    clicks = [line for line in LINES if line.startswith("- action")]
    checks = [line for line in LINES if line.startswith("- expect_")]
    assert parse("\n".join(["# A", "## Setup", *cassette, *_STEP]), "x.md").cassette
    assert len(setup) + len(cassette) + len(send) + len(clicks) + len(checks) == len(LINES)
    send = [send[0], send[1].replace("text", "other")]
    steps = ["\n".join([*send, *checks]), *(f"{click}\n{checks[0]}" for click in clicks)]
    text = "\n".join(f"### {n}. Step\n{step}" for n, step in enumerate(steps, 1))
    suite = parse("\n".join(["# A", "## Setup", *setup, "## Steps", text]), "x.md")
    assert len(suite.steps[0].checks) == len(checks)


def test_every_line_kind_is_on_the_page():
    kinds = {line[2:].partition(":")[0] for line in LINES}
    assert kinds == {
        "clear history",
        "graph",
        "cassette",
        "send",
        "or send",
        "action",
        *EXPECTATIONS,
    }


def test_other_predicates_of_the_page_are_understood():
    for holds in ('not contains "a" or "b"', "length > 10", "matches /[0-9]+ flats/"):
        assert f"`{holds}`" in PAGE
        for key in ("expect_response: ", "expect_state: topic ", "expect_sql: "):
            parse(f"# A\n## Steps\n### 1. A\n- send: x\n- {key}{holds}\n", "x.md")


def test_every_option_is_on_the_page():
    [table] = re.findall(r"^\| option \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`(--[a-z-]+)", table))
    assert named == {name for option in main.commands["suite"].params for name in option.opts if name.startswith("--")}  # fmt: skip


def test_the_errors_are_those_that_the_page_shows():
    broken = EXAMPLE.replace("- send: hello", "- sned: hello").replace("reflex", "Reflex?")
    with pytest.raises(BadSuite) as error:
        parse(broken, "greet.md")
    told = str(error.value).splitlines()
    assert [line for line in told if line in ERRORS.splitlines()] == ERRORS.splitlines()


def test_the_sizes_on_the_page_are_true():
    rows = re.findall(r"^\| \[(\w+\.md)\]\(\S+\) \| (.+) \|$", PAGE, re.MULTILINE)
    shipped = sorted(path.name for path in (ROOT / "testcases").glob("*.md"))
    assert sorted(name for name, _ in rows) == shipped
    for name, about in rows:
        for checks in re.findall(r"(\d+) checks", about):
            assert load(ROOT / "testcases" / name).checks == int(checks), name


@pytest.mark.slow
def test_the_example_runs_as_the_page_shows(tmp_path):
    (tmp_path / "greet.md").write_text(EXAMPLE, "utf-8")
    arguments, shown = SHOWN[0].removeprefix("python3 run.py "), SHOWN[1]
    done = agent(*arguments.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.sub(r" in [\d.]+ s", "", done.stdout) == shown
