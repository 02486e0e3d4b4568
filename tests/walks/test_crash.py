"""kill -9 at any moment: nothing acknowledged is lost, nothing runs twice, nothing has holes."""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent import crash
from agent.core.errors import BadInput
from agent.crash import STAGES

HERE = Path(__file__).resolve().parent
AGENT = Path(crash.__file__).parent
sys.path.insert(0, str(HERE))
from crashes import History, live_and_die  # noqa: E402

LIVES = 26
"""Kills that one file has to survive, one after the other."""


@pytest.fixture
def folder(tmp_path):
    """Where a kill of a process means the same, and a sync costs nothing: in memory."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.exists() else tmp_path) as made:
        yield Path(made)


@pytest.fixture
def trap():
    yield crash.set_trap
    crash.set_trap("")


def test_every_stage_is_one_place_of_the_code():
    places = re.findall(r'reached\("([\w.]+)"\)', "".join(map(_text, AGENT.rglob("*.py"))))
    assert sorted(places) == sorted(STAGES)


def test_every_stage_is_documented():
    page = _text(AGENT.parent / "docs" / "reliability.md")
    assert [f"| `{s}` | {t} |" for s, t in STAGES.items()] == re.findall(
        r"\| `\w+\.\w+` \| .* \|", page
    )


def _text(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize(
    "given", ["no.such:1", "run.begun", "run.begun:", "run.begun:0", ":1", "x"]
)
def test_a_stage_that_is_not_there_names_those_that_are(trap, given):
    with pytest.raises(BadInput, match=r"expected stage:n.*accept\.committed.*run\.begun"):
        trap(given)


def test_the_trap_closes_the_nth_time(trap, monkeypatch):
    killed = []
    monkeypatch.setattr("os.kill", lambda *given: killed.append(given))
    trap("run.begun:2")
    crash.reached("run.begun")
    crash.reached("run.answered")
    assert not killed
    crash.reached("run.begun")
    assert [number for _, number in killed] == [9]


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("family", range(10))
async def test_killed_at_any_moment_it_keeps_its_promises(folder, family):
    history = History(folder / "framescope.db")
    for life in range(LIVES):
        told, _ = live_and_die(history.file, 1000 * family + life)
        history.take(told)
        await history.check()
    assert history.has


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("stage", STAGES)
async def test_killed_at_a_stage_it_keeps_its_promises(folder, stage):
    history = History(folder / "framescope.db")
    deaths = 0
    for n in (1, 2):
        if stage in ("recover.interrupted", "resume.accepted"):
            history.take(live_and_die(history.file, n, "run.answered:1")[0])
        told, trapped = live_and_die(history.file, n, f"{stage}:{n}")
        history.take(told)
        deaths += trapped
        await history.check()
    assert deaths
