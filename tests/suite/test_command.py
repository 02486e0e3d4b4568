"""The command against a real server: what it answers, writes, reports, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from xml.etree import ElementTree as Xml

import httpx
import pytest
import websockets
from acceptance.processes import STALL_S, Served, agent, command, surroundings

from agent import lease

pytestmark = pytest.mark.slow

GREETS = (
    'send: hello\n- expect_response: contains "hello"\n- expect_path: reflex\n- expect_frames: 2'
)
COUNTER = "send: make a counter\n- expect_actions: length >= 2"
COUNTS = 'action: first matching "nothing" or "inc"\n- expect_path: local\n- expect_state: count matches /^1$/'
ASKS = (
    "send: How many customers are there?\n"
    '- expect_sql: contains "kunden"\n- expect_response: contains "240"\n- expect_trace: has tool_call query_db'
)


def results(done):
    return json.loads(done.stdout)["results"]


def failing_lines(done):
    return [(r["line"], r["status"]) for r in results(done) if r["status"] != "PASS"]


def test_a_suite_that_holds_is_0_and_leaves_the_users_conversation_alone(server, write):
    before = server.get("/api/history")
    done = server.cli("suite", write(GREETS, COUNTER, COUNTS, ASKS))
    assert done.returncode == 0, done.stderr
    assert "9/9 checks passed" in done.stdout
    assert "PASS  1. Step  expect_path: reflex" in done.stderr
    assert server.get("/api/history") == before


def test_what_must_fail_fails_at_its_line(server, write):
    wrong = (
        'send: hello\n- expect_response: contains "goodbye"\n- expect_response: not contains "hello"\n'
        "- expect_path: pa\n- expect_frames: 3\n- expect_trace: has tool_call\n- expect_trace: no output\n"
        '- expect_actions: length >= 1\n- expect_state: user_name contains "Ada"\n- expect_sql: length > 0\n'
        "- expect_response: length > 5000\n- expect_response: matches /^zzz/\n- expect_frames: 2"
    )
    done = server.cli("suite", write(wrong, "action: nowhere\n- expect_frames: 1"), "--json", "-")
    assert done.returncode == 1
    assert failing_lines(done) == [(n, "FAIL") for n in (*range(7, 18), 21)]
    last = results(done)[-1]
    assert last["detail"] == "no button is 'nowhere'; shown: none"
    assert results(done)[0]["detail"].startswith('expected "goodbye"; the response is \'Hello')


def test_buttons_stay_until_others_are_shown(server, write):
    shown = '\n- expect_actions: any action contains "inc"'
    gone = '\n- expect_actions: no action contains "inc"'
    path = write(
        COUNTER + shown,
        "send: hello" + shown,
        "send: how many customers are there?" + shown,
        "clear history\n- send: hello" + gone,
    )
    done = server.cli("suite", path)
    assert done.returncode == 0, done.stderr


def test_the_graph_is_the_files_or_the_one_that_is_asked_for(server, write):
    path = write(
        "send: I live in Bonn\n- expect_path: director\n- expect_frames: 4",
        setup="- graph: v3-framed\n",
    )
    assert server.cli("suite", path).returncode == 0
    done = server.cli("suite", path, "--graph", "v4-eras", "--json", "-")
    assert failing_lines(done) == [(8, "FAIL"), (9, "FAIL")]


def test_in_main_it_is_the_users_conversation(server, write):
    done = server.cli(
        "suite", write("send: my name is Ada\n- expect_path: pa"), "--channel", "main"
    )
    assert done.returncode == 0, done.stderr
    assert server.get("/api/history")["messages"][0]["content"] == "my name is Ada"
    server.post("/api/clear")


def test_every_wording_is_a_conversation_of_its_own(server, write):
    path = write(
        'send: my name is Ada\n- or send: my name is Bea\n- expect_state: facts length == 1\n- expect_state: user_name contains "Ada" or "Bea"'
    )
    done = server.cli("suite", path, "--json", "-")
    assert done.returncode == 0, done.stdout
    assert [r["said"] for r in results(done)] == ["my name is Ada"] * 2 + ["my name is Bea"] * 2


def test_repetitions_tell_what_is_stable_and_what_is_broken(server, write):
    path = write(GREETS + "\n- expect_frames: 7")
    done = server.cli("suite", path, "--repeat", 3, "--parallel", 2, "--json", "-")
    found = json.loads(done.stdout)
    assert (done.returncode, found["total"], found["passed"], found["rate"]) == (1, 12, 9, 0.75)
    assert found["verdicts"] == {"stable": 3, "flaky": 0, "broken": 1}
    [broken] = [check for check in found["checks"] if check["verdict"] == "broken"]
    assert (broken["line"], broken["passed"], broken["runs"]) == (10, 0, 3)
    assert "broken 0/3" in server.cli("suite", path, "--repeat", 3).stdout


def test_files_side_by_side_do_not_see_each_other(server, write):
    paths = [
        write(f"send: my name is {name}\n- expect_response: contains \"{name}\"",
              f"send: what is my name?\n- expect_response: contains \"{name}\"", name=f"{name}.md")
        for name in ("Ada", "Bea", "Cleo", "Dora")
    ]  # fmt: skip
    done = server.cli("suite", *paths, "--parallel", 4, "--json", "-")
    assert (done.returncode, len(results(done))) == (0, 8)
    channels = {server.get(f"/api/runs/{r['run_id']}")["channel"] for r in results(done)}
    assert len(channels) == 4
    assert "main" not in channels


def test_json_is_alone_on_stdout_and_goes_to_files_too(server, write, tmp_path):
    path = write(GREETS)
    done = server.cli("suite", path, "--json", "-")
    found = json.loads(done.stdout)
    assert (found["passed"], found["failed"], found["total"]) == (3, 0, 3)
    assert {"file", "line", "step", "check", "status", "detail", "run_id", "said"} <= found[
        "results"
    ][0].keys()
    done = server.cli("suite", path, "--json", tmp_path / "out.json")
    assert "3/3 checks passed" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert [r["check"] for r in written["results"]] == [r["check"] for r in found["results"]]


def test_junit_names_every_check_and_why_it_failed(server, write, tmp_path):
    path = write(GREETS + '\n- expect_response: contains "<&>\\"" or "\x07"')
    done = server.cli("suite", path, "--junit", tmp_path / "out.xml")
    assert done.returncode == 1
    root = Xml.parse(tmp_path / "out.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("4", "1")
    cases = root.findall("./testsuite/testcase")
    assert [case.find("failure") is None for case in cases] == [True, True, True, False]
    assert (cases[3].get("line"), cases[3].get("classname")) == ("10", "1. Step")
    assert 'expected "<&>""' in cases[3].find("failure").get("message")


def test_the_record_is_kept_beside_the_suites_and_by_the_server(server, write):
    path = write(GREETS)
    server.cli("suite", path)
    kept = json.loads((path.parent / "results.json").read_text())
    assert (kept["passed"], kept["total"]) == (3, 3)
    latest = server.get("/api/tests")
    assert (latest["passed"], latest["failed"], latest["suites"]) == (3, 0, ["Mine"])
    assert {"suite", "step", "check", "status", "detail", "run_id", "line"} == latest["results"][
        0
    ].keys()


def test_a_folder_that_cannot_be_written_is_no_failure(server, write):
    path = write(GREETS)
    (path.parent / "results.json").mkdir()
    assert server.cli("suite", path).returncode == 0


def test_progress_is_seen_while_it_runs(server, write):
    path = write(GREETS, ASKS)
    seen = []

    async def watch():
        headers = {"Authorization": f"Bearer {server.token}"}
        address = f"ws{server.url.removeprefix('http')}/ws/test"
        async with (
            asyncio.timeout(STALL_S),
            websockets.connect(address, additional_headers=headers) as socket,
        ):
            await socket.recv()
            process = subprocess.Popen(
                command("suite", path, "--data-dir", server.data), env=surroundings(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            async for message in socket:
                seen.append(json.loads(message))
                if not seen[-1]["running"]:
                    break
            assert await asyncio.to_thread(process.wait, STALL_S) == 0

    asyncio.run(watch())
    assert (seen[0]["running"], seen[0]["total_expected"], seen[0]["results"]) == (True, 6, [])
    assert [len(record["results"]) for record in seen] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert seen[1]["current"] == '1. Stepexpect_response: contains "hello"'
    assert seen[-1]["current"] == ""


def test_a_server_elsewhere_is_told_with_url_and_token(server, write, tmp_path):
    path = write(GREETS)
    done = agent("suite", path, "--url", server.url, "--token", server.token, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    refused = agent("suite", path, "--url", server.url, "--token", "wrong", cwd=tmp_path)
    assert refused.returncode == 2
    assert "/api/test/status" in refused.stderr
    assert "token" in refused.stderr


def test_without_a_server_a_private_one_is_started_and_ended(write, tmp_path):
    done = agent("suite", write(GREETS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "starting a private one" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_server_that_dies_in_the_middle_is_2(write, tmp_path):
    server = Served(tmp_path / "mortal", AGENT_BUILTIN_TOKEN_MS="200")
    process = subprocess.Popen(
        command("suite", write(GREETS, ASKS, ASKS), "--data-dir", server.data), env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    stalled = threading.Timer(STALL_S, process.kill)
    stalled.start()
    for line in process.stderr:
        if "PASS" in line:
            break
    server.kill()
    out, err = process.communicate(timeout=STALL_S)
    stalled.cancel()
    assert (process.returncode, out) == (2, "")
    assert "start it again" in err


def test_a_step_that_takes_too_long_fails_and_its_run_is_cancelled(write, tmp_path):
    server = Served(tmp_path / "slow", AGENT_BUILTIN_TOKEN_MS="2000")
    try:
        done = server.cli("suite", write(GREETS), "--timeout", 0.2, "--json", "-")
        assert done.returncode == 1
        assert {r["detail"] for r in results(done)} == {"no end within 0.2 s; cancelled"}
        assert server.ended(results(done)[0]["run_id"])["status"] == "cancelled"
    finally:
        server.close()


def test_it_runs_again_when_the_file_changes(server, write):
    path = write(GREETS)
    process = subprocess.Popen(
        command("suite", path, "--watch", "--data-dir", server.data), env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    stalled = threading.Timer(STALL_S, process.kill)
    stalled.start()

    def told():
        return next(line for line in process.stdout if "checks passed" in line)

    assert told().startswith("3/3")
    write("send: hello\n- expect_frames: 3\n- expect_frames: 2")
    assert told().startswith("1/2")
    process.terminate()
    process.wait(STALL_S)
    process.stdout.close()
    stalled.cancel()


def test_a_private_server_ends_with_its_suite_however_that_ends(write, tmp_path):
    process = subprocess.Popen(
        command("suite", write(GREETS), "--watch"), env=surroundings(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert any("3/3 checks passed" in line for line in process.stdout)
    [data] = tmp_path.glob("framescope-suite-*/data")
    private = lease.running(data)
    assert private
    process.terminate()
    assert process.wait(STALL_S) == 2
    process.stdout.close()
    assert not [*tmp_path.glob("framescope-suite-*")]
    with pytest.raises(ProcessLookupError):
        os.kill(private.pid, 0)


def test_an_interrupted_suite_is_over_for_the_page_too(write, tmp_path):
    server = Served(tmp_path / "slow", AGENT_BUILTIN_TOKEN_MS="300")
    try:
        process = subprocess.Popen(
            command("suite", write(GREETS, ASKS, ASKS), "--data-dir", server.data),
            env=surroundings(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert any("PASS" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=STALL_S)
        status = server.get("/api/test/status")
        assert (status["running"], len(status["results"]) >= 1) == (False, True)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "FILES"),
        (("none.md",), "none.md: cannot be read: No such file"),
        (("bad.md",), "bad.md:4: expected"),
        (("good.md", "--graph", "nowhere"), "nowhere"),
        (("good.md", "--channel", "two words"), "--channel: expected a name"),
        (("good.md", "--channel", "main", "--parallel", "2"), "leave out --channel or --parallel"),
        (("good.md", "--timeout", "0"), "--timeout: expected seconds above 0"),
        (("good.md", "--repeat", "0"), "--repeat"),
        (("good.md", "--url", "ftp://x"), "use http or https"),
        (("good.md", "--url", "http://127.0.0.1:9"), "does not answer"),
        (("good.md", "--json", "no/such/folder.json"), "cannot write no/such/folder.json"),
    ],
)
def test_what_cannot_be_run_is_2_and_says_why(server, write, arguments, says):
    folder = write(GREETS, name="good.md").parent
    (folder / "bad.md").write_text("# A\n## Steps\n### 1. A\n- sned: x\n")
    done = agent("suite", *arguments, "--data-dir", server.data, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_click_over_http_is_a_run(server):
    with httpx.Client(base_url=server.url) as stranger:
        assert stranger.post("/api/action", json={"action": "x"}).status_code == 401
    server.ask("make a counter", channel="clicks")
    sent = server.post("/api/action", action="inc", channel="clicks")
    assert {*sent} == {"status", "id", "run_id"}
    assert server.ended(sent["run_id"])["kind"] == "action"
    assert server.frames(sent["run_id"])["path"] == "local"
    assert server.get("/api/result", id=sent["id"], channel="clicks")["status"] == "done"
    assert server.http.post("/api/action", json={"action": ""}).status_code == 422
    assert server.http.post("/api/action", json={}).json()["detail"] == "Missing 'action' field"
