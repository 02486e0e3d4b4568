"""The first start, and every start that is refused: exit 2, one sentence, what to do next."""

import json
import socket
import stat
import subprocess

import httpx
import pytest
from acceptance.processes import ROOT, STALL_S, Served, agent, command, surroundings

GRAPH = 'name = "mine"\n\n[[node]]\nrole = "a"\nimpl = "{}"\n'


def refused(*arguments: object, cwd, **env: str) -> str:
    """Start a server that must not start; what it said."""
    done = agent("serve", "--no-browser", *arguments, cwd=cwd, **env)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("framescope: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_in_use_is_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", port, cwd=tmp_path)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; try --port 0" in said
    with_it_free = Served(tmp_path / "data")
    assert with_it_free.close() == 0


@pytest.mark.parametrize("extra", [[], ["--no-auth"]])
def test_an_address_that_lets_others_in_needs_a_token(tmp_path, extra):
    said = refused("--host", "0.0.0.0", *extra, cwd=tmp_path)
    assert "0.0.0.0" in said
    assert "AGENT_TOKEN" in said or "leave out --no-auth" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("file", "text", "line", "cause"),
    [
        ("graphs/g.toml", GRAPH.format("nobody"), 5, "unknown node code 'nobody'"),
        ("graphs/g.toml", 'name = "g"\n[[node]\n', 2, "line 2"),
        ("nodes/n.py", "async def n(ctx, envelope):\n    return (\n", 2, "'(' was never closed"),
        ("nodes/n.py", "\nimport time\n", 2, "'time' reaches past the context"),
        ("nodes/n.py", "x = 1\n\n1 / 0\n", 3, "ZeroDivisionError"),
    ],
)
def test_a_broken_workspace_starts_without_it_and_says_where(tmp_path, file, text, line, cause):
    path = tmp_path / "mine" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    served = Served(tmp_path / "data", "--workspace", "mine", cwd=tmp_path)
    [fault] = served.get("/api/workspace")["errors"]
    assert (fault["file"], fault["line"]) == (file, line)
    assert cause in fault["cause"]
    assert served.health == {"status": "ok", "degraded": ["workspace"]}
    assert served.ask("hello")["path"] == "reflex"
    assert served.close() == 0
    own = Served(tmp_path / "own", "--graph", "mine", "--workspace", "mine", cwd=tmp_path)
    ended = own.ended(own.send("hello"))
    assert ended["status"] == "error"
    assert cause in ended["error"]
    assert own.close() == 0


def test_an_unknown_graph_is_2_and_names_those_there_are(tmp_path):
    assert "installed: v1-current, v2-director-drives, v3-framed, v4-eras" in refused(
        "--graph", "nonsense", "--port", 0, cwd=tmp_path
    )


def test_a_folder_that_is_no_database_is_2_and_left_as_it_is(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "framescope.db"
    file.write_bytes(b"\x00not a database\xff" * 500)
    assert "framescope.db" in refused("--port", 0, cwd=tmp_path)
    assert file.read_bytes() == b"\x00not a database\xff" * 500


def test_what_is_started_can_be_found_and_is_only_the_owners(tmp_path):
    served = Served(tmp_path / "data")
    told = json.loads((tmp_path / "data" / "server.json").read_bytes())
    assert told == {"pid": served.process.pid, "url": served.url, "token": served.token}
    for name in ("server.json", "token"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert httpx.get(f"{served.url}/api/state").status_code == 401
    assert served.close() == 0
    again = Served(tmp_path / "data")
    assert again.token == served.token
    assert again.close() == 0


def test_without_authentication_everything_works_and_the_link_needs_no_code(tmp_path):
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command("serve", "--no-browser", "--port", 0, "--no-auth"),
            cwd=tmp_path, env=surroundings(), stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    with process:
        lines = [process.stdout.readline() for _ in range(5)]
        url = lines[1].split()[1]
        assert "code=" not in url
        sent = agent("send", "hello", "--data-dir", "data", cwd=tmp_path)
        assert (sent.returncode, sent.stderr) == (0, "")
        assert httpx.get(f"{url}/api/history").json()["messages"][0]["content"] == "hello"
        process.terminate()
        assert process.wait(STALL_S) == 0


def test_config_names_the_source_of_every_setting(tmp_path):
    (tmp_path / "agent.toml").write_text("shutdown_grace_s = 2\n")
    done = agent("config", "--json", cwd=tmp_path, AGENT_BUILTIN_TOKEN_MS="7")
    rows = {row["name"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}
    assert rows["shutdown_grace_s"] == ("2", str(tmp_path / "agent.toml"))
    assert rows["builtin_token_ms"] == ("7", "environment AGENT_BUILTIN_TOKEN_MS")
    assert rows["port"] == ("8000", "default")
    shown = agent("config", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [*tmp_path.iterdir()] == [tmp_path / "agent.toml"]


def test_a_first_start_in_a_clone_leaves_it_clean(tmp_path, require_program):
    git = require_program("git", debian_package="git")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    clone = tmp_path / "clone"
    subprocess.run([git, "clone", "-q", "--shared", ROOT, clone], check=True)
    own = {"PYTHONPATH": str(clone), "PYTHONDONTWRITEBYTECODE": ""}
    served = Served(clone / "data", cwd=clone, log=tmp_path / "log", **own)
    served.ask("how many customers are in Leipzig?")
    running = subprocess.run(
        [git, "-C", clone, "status", "--porcelain"], capture_output=True, text=True
    )
    assert served.close() == 0
    ended = subprocess.run(
        [git, "-C", clone, "status", "--porcelain"], capture_output=True, text=True
    )
    assert (running.stdout, ended.stdout) == ("", "")
    assert (clone / "data" / "framescope.db").exists()


@pytest.mark.parametrize("arguments", [("--help",), ("serve", "--help"), ("replay", "-h")])
def test_help_of_the_program_itself(tmp_path, arguments):
    done = agent(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: " in done.stdout
