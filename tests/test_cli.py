"""The command line without a server: what it takes, where it goes, how it says no."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies as st

from agent import cli, client, commands, lease, net
from agent.cli import main
from agent.client import Client, NoServer
from agent.commands import word_diff
from agent.lease import Lease, Server
from agent.settings.table import SETTINGS, Settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lease, "LOOKS", 1)
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def started(monkeypatch, run) -> list[Settings]:
    """The settings of the servers that were started; none really is."""
    seen: list[Settings] = []

    async def serve(settings: Settings, _held: Lease) -> None:
        seen.append(settings)

    monkeypatch.setattr("agent.serve.serve", serve)
    monkeypatch.setattr("agent.serve.log_to_stderr", lambda _level: None)
    return seen


# Help


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", [None, *main.commands])
def test_every_command_explains_itself(run, command, flag):
    done = run(*[command] if command else [], flag)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")
    for option in (main.commands[command] if command else main).params:
        if isinstance(option, click.Option):
            assert option.opts[-1] in done.stdout


def test_help_names_every_command_with_a_sentence(run):
    told = run("--help").stdout
    for name, command in main.commands.items():
        assert name in told
        assert (command.help or "").split("\n")[0].rstrip(".")


def test_help_of_serve_lists_every_option_of_the_settings(run):
    told = run("serve", "--help").stdout
    assert [row.about.flag for row in SETTINGS if row.about.flag not in told] == []


def test_the_version_is_told(run):
    assert run("--version").stdout.startswith("framescope, version ")


# Serve is what is meant when nothing is said


@pytest.mark.parametrize("head", [[], ["serve"]])
def test_options_without_a_command_are_those_of_serve(run, started, tmp_path, head):
    done = run(*head, "--port", 0, "--host", "::1", "--no-browser", "--data-dir", "x")
    assert (done.exit_code, done.output) == (0, "")
    [settings] = started
    assert (settings.port, settings.host, settings.browser) == (0, "::1", False)
    assert settings.data_dir == tmp_path / "x"


def test_nothing_at_all_means_serve_in_the_current_folder(run, started, tmp_path):
    assert run().exit_code == 0
    assert started[0].data_dir == tmp_path / "data"
    assert lease.running(tmp_path / "data") is None


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["serve", "extra"], ["nonsense"], ["replay"]]
)
def test_what_is_not_understood_is_2_with_the_usage(run, started, arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout, started) == (2, "", [])
    assert "Usage: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "port: expected"),
        (["--host", "0.0.0.0"], "token"),
        (["--host", "0.0.0.0", "--no-auth"], "leave out --no-auth"),
        (["--workspace", "missing"], "workspace"),
        (["--log-level", "loud"], "log_level: expected"),
        (["--data-dir", "/dev/null/x"], "/dev/null"),
        (["--data-dir", "/dev/null"], "/dev/null"),
    ],
)
def test_an_unsafe_or_impossible_start_is_2_with_a_sentence(run, started, arguments, said):
    done = run(*arguments)
    assert (done.exit_code, done.stdout, started) == (2, "", [])
    assert done.stderr.startswith("framescope: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_start_is_2_and_names_the_first(run, started, tmp_path):
    held = Lease(tmp_path)
    held.announce(Server(pid=7, url="http://127.0.0.1:5", token="hidden"))
    done = run("--data-dir", tmp_path)
    held.release()
    assert (done.exit_code, done.stdout, started) == (2, "", [])
    assert "pid 7, http://127.0.0.1:5" in done.stderr
    assert "hidden" not in done.output


def test_an_address_that_cannot_be_had_is_2(run, monkeypatch, started):
    async def serve(_settings: Settings, _held: Lease) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("agent.serve.serve", serve)
    done = run("--port", 4000)
    assert done.exit_code == 2
    assert "cannot listen on 127.0.0.1:4000: Address already in use; try --port 0" in done.stderr


# Config


def test_config_shows_every_setting_with_its_source(run, tmp_path, monkeypatch):
    (tmp_path / "agent.toml").write_text('host = "::1"\nport = 1\n')
    monkeypatch.setenv("AGENT_PORT", "2")
    monkeypatch.setenv("AGENT_TOKEN", "a-long-secret-token-of-mine")
    done = run("config", "--data-dir", "there", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (done.exit_code, [*rows]) == (0, [row.name for row in SETTINGS])
    assert rows["host"] == {"name": "host", "value": "::1", "source": str(tmp_path / "agent.toml")}
    assert (rows["port"]["value"], rows["port"]["source"]) == ("2", "environment AGENT_PORT")
    assert rows["data_dir"]["source"] == "command line --data-dir"
    assert rows["graph"]["source"] == "default"
    assert "a-long-secret" not in done.output


def test_config_is_a_table_for_people(run):
    told = run("config").stdout.splitlines()
    assert told[0].split() == ["setting", "value", "source"]
    assert len(told) >= 1 + len(SETTINGS)


def test_a_mistake_in_the_settings_is_2_in_every_command(run, monkeypatch):
    monkeypatch.setenv("AGENT_PORT", "many")
    for arguments in (["config"], ["runs"], ["open"], ["send", "x"]):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert "port: expected" in done.stderr


# Without a server


@pytest.mark.parametrize(
    "arguments", [["send", "x"], ["runs"], ["frames"], ["replay", "msg_1"], ["switch", "v3-framed"]]
)
def test_a_folder_that_does_not_exist_is_2_and_not_made(run, tmp_path, arguments):
    done = run(*arguments, "--data-dir", "nowhere")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nowhere does not exist; start once" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_open_without_a_server_is_2(run):
    done = run("open")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no server runs on" in done.stderr


def test_a_folder_that_somebody_works_on_is_2(run, tmp_path):
    held = Lease(tmp_path)
    done = run("runs", "--data-dir", tmp_path)
    held.release()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "try again in a moment" in done.stderr


# Through a server


@pytest.fixture
def answering(monkeypatch, tmp_path):
    """A lease of a server, whose answers the test gives; what it was asked is in ``asked``."""
    asked: list[tuple[str, str, object]] = []
    answers: list[tuple[int, object] | Exception] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.raw_path.decode(), body))
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said[0], json=said[1])

    real = net.client
    monkeypatch.setattr(client, "PAUSE_S", 0.0)
    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(net, "client", lambda to, **more: real(to, transport=transport, **more))
    held = Lease(tmp_path)
    held.announce(Server(pid=1, url="http://127.0.0.1:9", token="t"))
    yield SimpleNamespace(asked=asked, answers=answers)
    held.release()


def test_send_waits_for_the_answer(run, answering, tmp_path):
    answering.answers += [
        (200, {"status": "queued", "id": "msg_1", "run_id": "r 1"}),
        (200, {"status": "running"}),
        (200, {"status": "paused"}),
        (200, {"status": "paused"}),
        (200, {"status": "done", "response": "An answer."}),
    ]
    done = run("send", "hello", "--data-dir", tmp_path, "--channel", "my own")
    assert (done.exit_code, done.stdout) == (0, "An answer.\n")
    assert done.stderr == "framescope: it is held; look and go on: python3 run.py debug\n"
    assert answering.asked[0] == (
        "POST", "/api/send", {"text": "hello", "channel": "my own", "queue": True}
    )  # fmt: skip
    assert {path for _, path, _ in answering.asked[1:]} == {"/api/result?id=r+1&channel=my+own"}


def test_send_is_1_when_the_run_failed(run, answering, tmp_path):
    answering.answers += [(200, {"run_id": "r"}), (200, {"status": "error", "detail": "it broke"})]
    done = run("send", "hello", "--data-dir", tmp_path)
    assert (done.exit_code, done.output) == (1, "it broke\n")


def test_what_the_server_refuses_is_2_with_its_reason(run, answering, tmp_path):
    answering.answers.append((404, {"detail": "no graph 'x'", "error": "unknown_graph"}))
    done = run("switch", "x", "--data-dir", tmp_path)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", "framescope: no graph 'x'\n")


def test_a_name_of_a_run_cannot_lead_elsewhere(run, answering, tmp_path):
    answering.answers.append((404, {"detail": "no such run"}))
    assert run("replay", "../../clear?x=/#", "--data-dir", tmp_path).exit_code == 2
    assert answering.asked[0][1] == "/api/traces/..%2F..%2Fclear%3Fx%3D%2F%23/replay"


def test_a_server_that_does_not_listen_yet_is_waited_for(run, answering, tmp_path):
    answering.answers += [httpx.ConnectError("refused")] * 3 + [(200, {"runs": [], "next": None})]
    assert run("runs", "--json", "--data-dir", tmp_path).exit_code == 0


def test_a_server_that_never_listens_is_2(run, answering, tmp_path):
    answering.answers += [httpx.ConnectError("refused")] * client.TRIES
    done = run("runs", "--data-dir", tmp_path)
    assert (done.exit_code, "nothing answers at http://127.0.0.1:9" in done.stderr) == (2, True)


def test_a_server_that_goes_away_is_2_and_nothing_is_sent_twice(run, answering, tmp_path):
    answering.answers.append(httpx.RemoteProtocolError("disconnected"))
    done = run("send", "x", "--data-dir", tmp_path)
    assert (done.exit_code, len(answering.asked)) == (2, 1)
    assert "went away before it answered" in done.stderr


def test_a_client_needs_a_server(tmp_path):
    with pytest.raises(NoServer, match="no server runs on"):
        Client.running(tmp_path)


VERDICT = {
    "run_id": "r", "replay_run_id": "s", "verdict": "exact", "matched": 3, "total": 3,
    "changed_revisions": [], "divergence": None,
}  # fmt: skip


@pytest.mark.parametrize(("verdict", "code"), [("exact", 0), ("diverged", 1), ("incomplete", 1)])
def test_a_replay_ends_as_its_verdict(run, answering, tmp_path, verdict, code):
    answering.answers.append((200, {**VERDICT, "verdict": verdict}))
    done = run("replay", "r", "--json", "--data-dir", tmp_path)
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (code, verdict)
    assert answering.asked[0][2] == {"pinned": False}


def test_a_divergence_is_told_with_its_words(run, answering, tmp_path):
    where = {"frame": 2, "node": "director", "field": "output/text"}
    found = {**where, "expected": "one two three", "got": "one too three"}
    answering.answers.append(
        (200, {**VERDICT, "verdict": "diverged", "changed_revisions": ["prompt:director"], "divergence": found})
    )  # fmt: skip
    done = run("replay", "r", "--pinned", "--data-dir", tmp_path)
    assert done.stdout.splitlines() == [
        "diverged 3/3",
        "changed since: prompt:director",
        "first divergence: frame 2, director, output/text",
        "one [-two-] {+too+} three",
    ]
    assert answering.asked[0][2] == {"pinned": True}


def test_tables_show_text_and_no_markup(run, answering, tmp_path):
    row = {"run_id": "r-1", "status": "done", "text": "[bold]x[/bold]\nnext"}
    answering.answers.append((200, {"runs": [row], "next": None}))
    told = run("runs", "--data-dir", tmp_path).stdout
    assert "[bold]x[/bold] next" in told


def test_a_search_goes_on_until_it_has_enough(run, answering, tmp_path):
    def page(following, *names):
        row = {"path": "reflex", "outcome": "done", "message": "hi", "total_frames": 2}
        traces = [{"run_id": name, "kind": "message", **row} for name in names]
        answering.answers.append((200, {"traces": traces, "next": following}))

    page("r-9", "r-10")
    page("r-5")
    page("r-1", "r-2")
    told = run("runs", "--search", "status:done hi", "--limit", 2, "--data-dir", tmp_path).stdout
    assert [name in told for name in ("r-10", "r-2", "reflex", "done")] == [True] * 4
    asked = [path.partition("?")[2] for _, path, _ in answering.asked]
    assert asked == [
        "q=status%3Adone+hi&limit=2",
        "q=status%3Adone+hi&limit=1&before=r-9",
        "q=status%3Adone+hi&limit=1&before=r-5",
    ]
    page(None)
    done = run("runs", "--search", "x", "--json", "--data-dir", tmp_path)
    assert json.loads(done.stdout) == {"traces": [], "next": None}


# Word diff


@pytest.mark.parametrize(
    ("expected", "got", "shown"),
    [
        ("a b c", "a x c", "a [-b-] {+x+} c"),
        ("a b", "a b c", "a b {+c+}"),
        ("a b", "b", "[-a-] b"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("same", "same", "same"),
        ("a  b", "a b", "a [-'  '-] b"),
        ("a\nb", "a b", r"a [-'\n'-] b"),
        ("a b\n", "a b", r"a b [-'\n'-]"),
    ],
)
def test_a_word_diff_marks_what_differs(expected, got, shown):
    assert word_diff(expected, got) == shown


def test_a_word_diff_shortens_what_is_equal():
    same = [str(n) for n in range(40)]
    shown = word_diff(" ".join([*same, "old"]), " ".join([*same, "new"]))
    assert shown == "0 1 2 3 4 … 35 36 37 38 39 [-old-] {+new+}"


@given(st.text("ab \n\t", max_size=12), st.text("ab \n\t", max_size=12))
def test_a_word_diff_marks_something_when_and_only_when_there_is_a_difference(one, two):
    assert ("[-" in (shown := word_diff(one, two)) or "{+" in shown) == (one != two)


def test_every_command_of_the_module_is_on_the_command_line():
    assert {command.name for command in commands.COMMANDS} <= {*main.commands}
    assert isinstance(main, cli.Commands)


def test_nothing_is_left_in_the_current_folder_by_commands_that_only_look(run, tmp_path):
    for arguments in (["config"], ["runs"], ["frames"], ["open"], ["--help"]):
        run(*arguments)
    assert [*Path(tmp_path).iterdir()] == []
