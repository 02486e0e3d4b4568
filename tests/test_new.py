"""``new`` makes an agent that runs at once; what the page of each example promises is tried."""

import asyncio
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.app import open_runtime
from agent.cli import main
from agent.new import EXAMPLES, names
from agent.settings import load

STEP = re.compile(r"- send: (.+)\n- expect_response: contains \"(.+?)\"")


def new(*arguments: object):
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def test_it_writes_a_folder_under_its_name_and_prints_how_to_start_it(tmp_path):
    done = new(tmp_path / "my-agent")
    assert done.exit_code == 0
    files = {
        str(path.relative_to(tmp_path / "my-agent"))
        for path in (tmp_path / "my-agent").rglob("*")
        if path.is_file()
    }
    assert {
        ".gitignore", "README.md", "agent.toml", "graphs/my-agent.toml", "nodes/counting.py",
        "prompts/talk.md", "testcases/my-agent.md", "tools/text.py",
    } == files  # fmt: skip
    assert "starter" not in "".join(p.read_text() for p in (tmp_path / "my-agent").rglob("*.*"))
    assert f"python3 run.py --workspace {tmp_path}/my-agent --graph my-agent" in done.output


def test_an_empty_folder_may_be_there(tmp_path):
    assert new(tmp_path).exit_code == 2 or new(tmp_path / "x").exit_code == 0
    (tmp_path / "empty").mkdir()
    assert new(tmp_path / "empty").exit_code == 0


@pytest.mark.parametrize("name", ["-x y", "a b", ".hidden", "ü", "x" * 65, "a/.."])
def test_what_is_no_name_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    done = new("--", name)
    assert done.exit_code == 2
    assert "is not a name; expected letters, digits" in done.output
    assert not [*tmp_path.iterdir()]


def test_what_is_there_is_never_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("keep")
    (tmp_path / "file").write_text("keep")
    for name in ("mine", "file"):
        done = new(tmp_path / name)
        assert done.exit_code == 2
        assert "is there and not empty" in done.output
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    done = new(tmp_path / "file" / "mine")
    assert done.exit_code == 2
    assert "cannot write to" in done.output


def test_an_unknown_example_names_those_there_are():
    done = new("x", "--example", "nonsense")
    assert done.exit_code == 2
    assert "starter" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("example", names())
def test_an_example_does_what_its_suite_says(tmp_path, example):
    assert new(tmp_path / "mine", "--example", example).exit_code == 0
    suite = (tmp_path / "mine/testcases/mine.md").read_text()
    steps = STEP.findall(suite)
    assert len(steps) >= 2
    answers = asyncio.run(_answers(tmp_path, [text for text, _ in steps]))
    for (text, expected), answer in zip(steps, answers, strict=True):
        assert expected.lower() in answer.lower(), text


async def _answers(base: Path, texts: list[str]) -> list[str]:
    given = {"workspace": str(base / "mine"), "data_dir": str(base / "data")}
    settings = load(given, {}, base).settings
    assert settings.graph == "mine"
    async with open_runtime(settings) as opened:
        status = opened.runtime.workspace()
        assert (status["errors"], status["loaded"]["suites"]) == ((), ("mine.md",))
        runs = [await opened.runtime.send(text) for text in texts]
        ended = [await opened.runtime.finished(run) for run in runs]
        verdicts = [await opened.runtime.replay(run.run_id, pinned=True) for run in ended]
    assert {verdict["verdict"] for verdict in verdicts} == {"exact"}
    return [run.response for run in ended]


def test_the_examples_keep_their_names_for_what_is_renamed():
    for example in names():
        assert (EXAMPLES / example / f"graphs/{example}.toml").is_file()
