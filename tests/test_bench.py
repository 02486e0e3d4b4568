"""Measurements print what they promise; how fast this machine is today is nobody's test."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bench.__main__ as driver
from bench import contestant, figures, floor, growth, hud, latency, replay, served, startup
from bench.figures import Target

ROOT = Path(__file__).resolve().parents[1]
STALL_SECONDS = 120
QUICK = {
    "engine": {
        "memory_x_floor",
        "durable_x_floor",
        "written_bytes",
        "memory",
        "engine_x_floor",
        "engine",
        "durable",
    },
    "growth": {"cost_ratio", "written_ratio", "written_bytes", "by_history"},
    "backlog": {"drained_per_s", "accept_10000_s", "lost", "drained_not_done"},
    "latency": {"chat_p50_ms", "chat_p95_ms", "post_p50_ms", "slowest_path_p50_ms", "paths"},
    "fanout": {"p95_ms", "deaf_x_alone", "rss_growth_mb", "idle_processor"},
    "startup": {"server_s", "floor_s", "idle_mb", "after_message_mb", "imports_ms"},
    "sql": {"guard_p50_ms", "worker_p50_ms", "ended_after_s", "loop_lag_ms", "query_p50_ms"},
    "diff": {"alike_s", "another_prompt_s", "nothing_alike_s"},
    "cases": {"frames_per_s", "played", "failed", "unproved", "checks", "vacuous"},
    "scale": {"ready_s", "page_ms", "skeleton_ms", "frame_ms", "growth_x_trace", "health_max_ms"},
    "crash": {"kills", "acknowledged", "runs", "resumed", "broken_promises", "stages"},
    "replay": {"recorded", "replayed", "not_exact", "frames_per_s", "without_network"},
}

REPLAYED = {"reflex", "director", "director+interpreter", "pa", "expert", "expert+interpreter"}


def run(name: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / f"{name}.py"), "--quick"],
        capture_output=True, text=True, timeout=STALL_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def check(line: dict, name: str, expected: set[str]) -> None:
    assert line.keys() == {"name", "quick", "machine", "figures", "targets", "ok"}
    assert (line["name"], line["quick"]) == (name, True)
    assert expected <= line["figures"].keys()
    judged = {target["figure"]: target["value"] for target in line["targets"]}
    assert judged.keys() == {target.figure for target in import_module(f"bench.{name}").TARGETS}
    assert judged.items() >= {
        (figure, value) for figure, value in line["figures"].items() if figure in judged
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_quick_run_prints_one_line_of_figures_and_targets(name):
    line = run(name)
    check(line, name, QUICK[name])
    counted = line["figures"]
    if name == "replay":
        assert counted["not_exact"] == 0
        assert counted["replayed"] == counted["recorded"] * counted["hash_seeds"] > 0
        assert set(counted["runs_by_path"]) == REPLAYED
    if name == "cases":
        assert (counted["failed"], counted["unproved"]) == (0, 0)
        assert counted["checks"] > counted["cases"] == 5
    if name == "backlog":
        assert (counted["lost"], counted["drained_not_done"]) == (0, 0)
    if name == "fanout":
        assert counted["answers_after_resets"] == 1


@pytest.mark.slow
@pytest.mark.e2e
def test_a_quick_run_looks_at_the_page():
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if hud.chromium() is None or not (hud.DIST / ".vite").is_dir():
        reason = "this needs chromium and a built page"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    check(run("hud"), "hud", {"long_tasks", "event_to_dom_p95_ms", "initial_gzip_bytes"})


def test_every_script_is_run_by_the_driver():
    scripts = {
        path.stem for path in (ROOT / "bench").glob("*.py") if "TARGETS = " in path.read_text()
    }
    assert scripts == {*driver.NAMES} == {*QUICK, "hud"}


# Figures


def test_a_target_is_judged_by_its_limit():
    most, least = Target(figure="a", limit=4), Target(figure="a", limit=4, at_least=True)
    assert most.judge({"a": 4})["ok"] is True
    assert most.judge({"a": 4.1}) == {"figure": "a", "at_most": 4, "value": 4.1, "ok": False}
    assert least.judge({"a": 4})["ok"] is True
    assert least.judge({"a": 3.9}) == {"figure": "a", "at_least": 4, "value": 3.9, "ok": False}


def test_what_was_not_measured_is_not_judged():
    assert Target(figure="a", limit=4).judge({})["ok"] is None


def test_a_block_is_divided_by_the_mean_of_its_neighbours():
    assert figures.ratios([1.0, 3.0, 1.0], [4.0, 8.0]) == [2.0, 4.0]


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.1, 1), (0.0, 1), (1.0, 10)])
def test_percentile_is_a_value_that_was_seen(share, value):
    assert figures.percentile([*range(10, 0, -1)], share) == value


def test_numbers_are_rounded_wherever_they_stand():
    found = figures.rounded({"a": 1.23456, "b": [{"c": 98765.4}], "d": 7, "e": float("inf")})
    assert found == {"a": 1.235, "b": [{"c": 98770.0}], "d": 7, "e": None}


@pytest.mark.anyio
async def test_alternating_compares_neighbours_and_starts_and_ends_with_the_floor():
    floors, blocks = iter([1.0, 3.0, 1.0]), iter([4.0, 8.0])
    told = []

    async def floor_block():
        told.append("floor")
        return next(floors)

    async def subject():
        told.append("subject")
        return next(blocks)

    found = await figures.alternate(floor_block, subject, 2)
    assert told == ["floor", "subject", "floor", "subject", "floor"]
    assert (found["x_floor"], found["us"], found["floor_us"]) == (3.0, 6e6, 1e6)


@pytest.mark.anyio
async def test_a_block_never_repeats_a_number():
    seen = []

    async def once(number):
        seen.append(number)

    block = figures.repeated(once, 3)
    await block()
    await block()
    assert seen == [0, 1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_both_floors_do_the_same_work(tmp_path):
    committed = floor.Committed(tmp_path / "floor.db")
    message = contestant.pad("hello")
    assert await committed.run(message) == await floor.Plain().run(message)
    assert 3_500 < committed.trace_bytes < 5_500
    (rows,) = committed._db.execute("SELECT count(*) FROM traces").fetchone()
    committed.close()
    assert rows == 1


def test_growth_compares_rounds_for_time_and_sums_for_bytes(tmp_path):
    short, long = growth.Session(tmp_path, 10), growth.Session(tmp_path, 1000)
    short.costs, long.costs = [1.0, 2.0, 10.0], [1.0, 4.0, 30.0]
    short.written, long.written = [100.0, 300.0], [100.0, 340.0]
    assert growth.compared(short, long) == {"cost_ratio": 2.0, "written_ratio": 1.1}


def test_latency_sums_up_doors_and_names_the_slowest_path():
    found = {"chat a": [1.0, 3.0], "chat b": [5.0, 9.0], "post a": [4.0, 4.0], "health": [2.0]}
    summed = latency.summed(found)
    assert (summed["chat_p50_ms"], summed["post_p50_ms"]) == (4.0, 4.0)
    assert (summed["slowest_path_p50_ms"], summed["chat_x_health"]) == (7.0, 2.0)
    assert summed["paths"]["chat b"] == {"p50_ms": 7.0, "p95_ms": 9.0}


# Start-up


def test_import_times_are_read_and_sorted():
    told = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       120 |        120 |   zlib\n"
        "a warning\n"
        "import time:      4500 |       9000 | ssl\n"
    )
    assert startup.import_times(told) == [(4.5, "ssl"), (0.12, "zlib")]


def test_a_served_program_inherits_no_settings(monkeypatch):
    monkeypatch.setenv("AGENT_LLM_BASE_URL", "http://elsewhere")
    monkeypatch.setenv("LANG", "C")
    inherited = served.plain_environment()
    assert "AGENT_LLM_BASE_URL" not in inherited
    assert inherited["LANG"] == "C"


def test_the_talking_workspace_is_taken_by_the_library(tmp_path):
    from agent.runtime.library import Library
    from agent.runtime.workspace import read

    options = served.chatter(tmp_path / "own")
    library = Library({}, workspace=read(Path(options[1])), graphs=tmp_path, prompts=tmp_path)
    assert library.edition("chatter").program.order == {"chatter": 0}


def test_without_unshare_replays_keep_the_network(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert replay.isolation() == ()


# The page


def test_every_millisecond_has_the_delay_of_the_view_that_first_held_it():
    assert hud.delays([(10.0, 0.0), (20.0, 2.0), (25.0, 2.0), (30.0, 3.0)]) == [19.0, 18.0, 27.0]
    assert hud.delays([]) == []


def test_frames_that_were_left_out_are_counted():
    assert hud.dropped([16.6, 16.7, 33.4, 17.0, 100.0]) == 1 + 5


def test_the_initial_bundle_is_what_the_first_paint_needs(tmp_path):
    parts = {"a.js": b"a" * 500, "b.js": b"b" * 700, "c.css": b"c" * 10, "later.js": b"d" * 900}
    for name, body in parts.items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / ".vite").mkdir()
    manifest = {
        "main": {"file": "a.js", "isEntry": True, "imports": ["b"], "css": ["c.css"]},
        "b": {"file": "b.js"},
        "later": {"file": "later.js", "isDynamicEntry": True},
    }
    (tmp_path / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    packed = {name: len(gzip.compress(body, mtime=0)) for name, body in parts.items()}
    assert hud.bundle(tmp_path) == {
        "initial_gzip_bytes": sum(packed.values()) - packed["later.js"],
        "all_gzip_bytes": sum(packed.values()),
    }


def test_without_a_build_there_is_no_size(tmp_path, capsys):
    assert hud.bundle(tmp_path) == {}
    assert "there is no page" in capsys.readouterr().err


# The driver


def line(value, *, good):
    target = {"figure": "a", "at_most": 4, "value": value, "ok": good}
    return {"name": "x", "targets": [target], "ok": good is not False}


def test_the_driver_says_how_it_went():
    good, missed, failed = line(3, good=True), line(5, good=False), {"failed": "ended with 1"}
    assert driver.verdict({"x": good}) == 0
    assert driver.verdict({"x": good, "y": missed}) == 1
    assert driver.verdict({"x": missed, "y": failed}) == 2
    told = driver.summary({"x": good, "y": missed, "z": failed, "u": line(None, good=None)})
    assert [row.split()[-1] for row in told.splitlines()] == ["ok", "MISSED", "1", "measured"]


def driven(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=STALL_SECONDS, check=False,
    )  # fmt: skip


def test_the_driver_refuses_a_name_it_does_not_know():
    done = driven("speed")
    assert done.returncode == 2
    assert "'speed'" in done.stderr
    assert "engine" in done.stderr


@pytest.mark.slow
def test_the_driver_prints_one_object_of_what_it_was_asked_for():
    done = driven("--quick", "growth", "engine")
    lines = json.loads(done.stdout)
    assert [*lines] == ["growth", "engine"]
    check(lines["growth"], "growth", QUICK["growth"])
    assert done.returncode == driver.verdict(lines) in (0, 1)
    assert "cost_ratio" in done.stderr
