"""Run, ``test-from``, ``suite``: the commands against a real server, and against none."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases(server, tmp_path_factory):
    """A case of a greeting, a question, controls, and a click on them."""
    folder = tmp_path_factory.mktemp("cases") / "testcases"
    server.post("/api/clear")
    for text in ("hello", "How many customers are there?", "make a counter"):
        assert server.cli("send", text).returncode == 0
    server.ended(server.post("/api/action", action="inc")["run_id"])
    made = []
    for run in reversed(server.get("/api/runs?channel=main&limit=4")["runs"]):
        done = server.cli("test-from", run["run_id"], "--out", folder / f"{run['n']}.md", "--json")
        assert done.returncode == 0, done.stderr
        made.append(json.loads(done.stdout))
    return made


def files(cases):
    return [made["file"] for made in cases]


def test_cases_of_every_kind_pass_sealed(server, cases):
    done = server.cli("suite", *files(cases), "--json", "-")
    found = json.loads(done.stdout)
    assert (done.returncode, found["failed"]) == (0, 0), found["results"]
    kept = [proof for made in cases for proof in made["checks"] if not proof["vacuous"]]
    assert found["total"] == len(kept)
    assert all(proof["fails_on"] for proof in kept)
    board = server.get("/api/tests")
    assert len(board["results"]) == len(kept)


def test_a_spoilt_case_is_red_at_its_line(server, cases, tmp_path):
    first = cases[0]
    case = Path(first["file"]).read_text("utf-8")
    (tmp_path / "x.md").write_text(case.replace("expect_frames: 2", "expect_frames: 3"))
    name = first["cassette"].rpartition("/")[2]
    (tmp_path / name).write_bytes(Path(first["cassette"]).read_bytes())
    done = server.cli("suite", tmp_path / "x.md", "--json", "-")
    assert done.returncode == 1
    [bad] = [r for r in json.loads(done.stdout)["results"] if r["status"] == "FAIL"]
    assert (bad["check"], bad["detail"]) == ("expect_frames: 3", "expected 3, got 2")


@pytest.mark.parametrize("mode", ["hybrid", "live"])
def test_asked_again_it_passes_on_the_same_data(server, cases, mode):
    done = server.cli("suite", *files(cases), "--mode", mode)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_there_is_not_written_over(server, cases):
    first = cases[0]
    again = ("test-from", "msg_1", "--out", first["file"])
    done = server.cli(*again)
    assert done.returncode == 2
    assert "already there; take --out NAME.md or --force" in done.stderr
    assert server.cli(*again, "--force").returncode == 0


def test_a_missing_or_broken_cassette_is_named(server, cases, tmp_path):
    case = Path(cases[0]["file"]).read_text("utf-8")
    (tmp_path / "x.md").write_text(case)
    done = server.cli("suite", tmp_path / "x.md")
    assert done.returncode == 2
    assert "cannot be read: No such file or directory; make the case again" in done.stderr
    name = cases[0]["cassette"].rpartition("/")[2]
    for content, told in (("{", "the cassette is not JSON"), ("{}", "`cassette`: Object missing")):
        (tmp_path / name).write_text(content)
        done = server.cli("suite", tmp_path / "x.md")
        assert done.returncode == 2
        assert told in done.stderr


def test_a_run_that_is_not_there_is_2(server):
    done = server.cli("test-from", "r-000000099999-0000")
    assert done.returncode == 2
    assert "no run 'r-000000099999-0000'" in done.stderr
