"""What was recorded replays exactly: over HTTP, without a network, under any hash seed."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from acceptance.processes import ROOT, STALL_S, Served, agent, surroundings

TEXTS = (
    "hello", "make a counter", "how many customers are in Leipzig?", "what can you do?",
    "list all properties in Leipzig",
    "thanks", "make a button called Go", "how many customers are in Dresden?",
    "good morning", "set count to 5", "how many devices are there?", "hi",
)  # fmt: skip
GRAPHS = ("v1-current", "v2-director-drives", "v3-framed", "v4-eras")
PATHS = {
    "reflex", "thinker", "director", "director+interpreter", "pa", "expert", "expert+interpreter",
}  # fmt: skip
# The command itself, for every run in one process: a process each would take longer than it tells.
ALL = """
import socket, sys
from click.testing import CliRunner
from agent.cli import main
folder, sealed, *names = sys.argv[1:]
if sealed == "sealed":
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 9)) == 101, "there is a network after all"
for name in names:
    done = CliRunner().invoke(main, ["replay", name, "--data-dir", folder])
    print(name, done.exit_code, done.stdout.strip() or repr(done.exception), flush=True)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A data folder with runs of all paths of all graphs, and their ids; its server has ended."""
    served = Served(tmp_path_factory.mktemp("replay") / "data")
    runs = [served.send(text, channel=served.on(graph)) for graph in GRAPHS for text in TEXTS]
    paths = [served.ended(run)["path"] for run in runs]
    assert {*paths} == PATHS
    assert served.close() == 0
    return served.data, runs


@pytest.fixture(scope="module")
def director_run(recorded):
    """A run of the longest path of v3-framed."""
    return recorded[1][GRAPHS.index("v3-framed") * len(TEXTS) + 2]


def effects(served, run: str) -> int:
    return len(served.get(f"/api/traces/{run}")["effects"])


def test_every_run_replays_exactly_over_http_and_leaves_no_trace_in_the_channel(recorded):
    data, runs = recorded
    served = Served(data)
    try:
        before = served.get("/api/history", last=1000)
        result, state = served.get("/api/result"), served.get("/api/state")
        frames = served.get("/api/frames", last=100)
        for run in runs:
            verdict = served.post(f"/api/traces/{run}/replay")
            total = effects(served, run)
            assert total > 0
            assert (verdict["verdict"], verdict["matched"], verdict["total"]) == (
                "exact",
                total,
                total,
            )
            assert (verdict["run_id"], verdict["divergence"], verdict["changed_revisions"]) == (
                run,
                None,
                [],
            )
            copy = served.get(f"/api/runs/{verdict['replay_run_id']}")
            assert (copy["kind"], copy["replay_of"]) == ("replay", run)
            assert copy.get("response") == served.get(f"/api/runs/{run}").get("response")
        assert served.get("/api/history", last=1000) == before
        assert served.get("/api/result") == result
        assert served.get("/api/state")["ui"] == state["ui"]
        assert served.get("/api/frames", last=100) == frames
    finally:
        assert served.close() == 0


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_run_replays_exactly_without_a_network_and_under_any_hash_seed(
    recorded, tmp_path, seed
):
    data, runs = recorded
    copy = shutil.copytree(data, tmp_path / "data")
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed (Debian: apt-get install util-linux)")
    alone = [unshare, "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not permit a network namespace of one's own")
    done = subprocess.run(
        [*alone, sys.executable, "-c", ALL, copy, "sealed", *runs], cwd=tmp_path,
        env=surroundings(PYTHONHASHSEED=seed), capture_output=True, text=True, timeout=2 * STALL_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == runs
    for _name, code, verdict, share in lines:
        assert (code, verdict) == ("0", "exact")
        matched, total = share.split("/")
        assert matched == total != "0"


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A workspace whose director's prompt differs from the shipped one in one byte."""

    def edit(name: str, place: float) -> str:
        folder = tmp_path_factory.mktemp("workspace")
        (folder / "prompts").mkdir()
        text = (ROOT / "agent" / "prompts" / f"{name}.md").read_text("utf-8")
        words = [
            at
            for at, letter in enumerate(text)
            if letter == "e" and "{" not in text[at - 60 : at + 60]
        ]
        at = words[int(place * (len(words) - 1))]
        (folder / "prompts" / f"{name}.md").write_text(f"{text[:at]}E{text[at + 1 :]}", "utf-8")
        return str(folder)

    return edit


@pytest.mark.parametrize(
    ("name", "frame", "node"),
    [("input", 1, "input"), ("director", 2, "director"), ("thinker", 3, "thinker"), ("interpreter", 4, "interpreter"), ("output", 5, "output")],
)  # fmt: skip
def test_one_changed_byte_is_named_as_the_first_divergence(
    recorded, director_run, edited, tmp_path, name, frame, node
):
    data, _ = recorded
    copy = shutil.copytree(data, tmp_path / "data")
    here = ("--data-dir", copy, "--workspace", edited(name, 0.0), "--json")
    now = agent("replay", director_run, *here, cwd=tmp_path)
    verdict = json.loads(now.stdout)
    assert (now.returncode, verdict["verdict"]) == (1, "diverged")
    assert verdict["changed_revisions"] == [f"prompt:{name}"]
    found = verdict["divergence"]
    assert (found["frame"], found["node"]) == (frame, node)
    assert found["field"] == f"effect {frame}.{node}.1.0 request/messages/0/content"
    differing = [(a, b) for a, b in zip(found["expected"], found["got"], strict=True) if a != b]
    assert differing == [("e", "E")]
    pinned = agent("replay", director_run, "--pinned", *here, cwd=tmp_path)
    exact = json.loads(pinned.stdout)
    assert (pinned.returncode, exact["verdict"], exact["divergence"]) == (0, "exact", None)
    assert exact["matched"] == exact["total"] > verdict["matched"]


def test_a_change_at_the_end_of_a_long_prompt_is_shown(recorded, director_run, edited, tmp_path):
    data, _ = recorded
    copy = shutil.copytree(data, tmp_path / "data")
    place = ("--data-dir", copy, "--workspace", edited("director", 1.0))
    done = agent("replay", director_run, *place, cwd=tmp_path)
    assert done.returncode == 1
    assert "first divergence: frame 2, director, " in done.stdout
    assert "[-" in done.stdout
    assert "{+" in done.stdout


def test_what_cannot_be_replayed_is_2(recorded, tmp_path):
    data, _ = recorded
    done = agent("replay", "msg_999", "--data-dir", data, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "msg_999" in done.stderr


def test_a_run_replays_exactly_after_the_databases_have_changed(recorded, tmp_path):
    data, runs = recorded
    expert = runs[GRAPHS.index("v4-eras") * len(TEXTS) + 2]
    copy = shutil.copytree(data, tmp_path / "data")
    with closing(sqlite3.connect(copy / "eras.db")) as demo, demo:
        demo.execute("CREATE TABLE vertraege (id INTEGER PRIMARY KEY, nummer TEXT)")
        demo.execute("ALTER TABLE kunden ADD COLUMN telefon TEXT")
    alone = agent("replay", expert, "--data-dir", copy, "--json", cwd=tmp_path)
    verdict = json.loads(alone.stdout)
    assert (verdict["verdict"], verdict["changed_revisions"]) == ("exact", [])
    served = Served(copy)
    try:
        asked = served.ask("how many customers are in Leipzig?", channel=served.on("v4-eras"))
        trace = json.dumps(served.get(f"/api/traces/{asked['run_id']}"))
        assert "TABLE vertraege" in trace
        verdict = served.post(f"/api/traces/{expert}/replay")
        assert (verdict["verdict"], verdict["changed_revisions"]) == ("exact", ["schemas"])
        pinned = served.post(f"/api/traces/{expert}/replay", pinned=True)
        assert (pinned["verdict"], pinned["changed_revisions"]) == ("exact", [])
    finally:
        assert served.close() == 0
