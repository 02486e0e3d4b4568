"""Every setting from every source, what is refused, and what a person is told."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from agent import generate
from agent.settings import SETTINGS, BadSettings, Settings, load, settings_markdown
from agent.settings.problems import is_loopback

OPENAI = "https://api.openai.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
LONG = "0123456789abcdef"

# One value per setting that differs from its default: as text, and as the program gets it.
EXAMPLES = {
    "host": ("localhost", "localhost"),
    "port": ("9001", 9001),
    "data_dir": ("other", Path("other")),
    "graph": ("mine.v2", "mine.v2"),
    "workspace": ("work", Path("work")),
    "token": (LONG, LONG),
    "auth": ("off", False),
    "browser": ("false", False),
    "log_level": ("DEBUG", "debug"),
    "llm_base_url": ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
    "llm_api_key": ("sk-1", "sk-1"),
    "llm_model": ("qwen3:8b", "qwen3:8b"),
    "llm_timeout_s": ("600", 600),
    "llm_prices": ("a/b:8=0.15/0.6, c=2/10", ("a/b:8=0.15/0.6", "c=2/10")),
    "builtin_token_ms": ("40", 40),
    "llm_discover": ("no", False),
    "allowed_hosts": ("A.example, b.example:81", ("a.example", "b.example:81")),
    "allowed_origins": ("https://A.example", ("https://a.example",)),
    "public_url": ("https://a.example/x", "https://a.example/x"),
    "trusted_proxies": ("10.0.0.1/8,::1", ("10.0.0.0/8", "::1/128")),
    "allow_query_token": ("yes", True),
    "shutdown_grace_s": ("2.5", 2.5),
}
SERVER = {"AGENT_LLM_BASE_URL": "http://localhost:1/v1"}


def refused(argv=None, environ=None, cwd=Path("/nowhere")):
    with pytest.raises(BadSettings) as caught:
        load(argv or {}, environ or {}, cwd)
    return str(caught.value)


def settings(environ, cwd=Path("/nowhere"), **argv):
    return load(argv, environ, cwd).settings


def test_every_setting_has_an_example():
    assert set(EXAMPLES) == {row.name for row in SETTINGS}


def test_defaults_need_nothing(tmp_path):
    loaded = load({}, {}, tmp_path)
    assert loaded.settings == Settings(data_dir=tmp_path / "data")
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.notes == ()


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("source", ["environment", "file", "command line"])
def test_every_setting_is_read_from_every_source(tmp_path, name, source):
    (tmp_path / "work").mkdir()
    text, value = EXAMPLES[name]
    value = tmp_path / value if isinstance(value, Path) else value
    # A key or a model needs a server; everything else stands alone.
    environ = dict(SERVER) if name in ("llm_api_key", "llm_model") else {}
    argv = {}
    match source:
        case "environment":
            environ[f"AGENT_{name.upper()}"] = text
        case "file":
            (tmp_path / "agent.toml").write_text(f'{name} = "{text}"\n')
        case _:
            argv[name] = text
    loaded = load(argv, environ, tmp_path)
    assert getattr(loaded.settings, name) == value
    assert source.replace("file", "agent.toml") in loaded.sources[name]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("port = 9001", ("port", 9001)),
        ("auth = false", ("auth", False)),
        ("shutdown_grace_s = 3", ("shutdown_grace_s", 3.0)),
        ('allowed_hosts = ["a.example"]', ("allowed_hosts", ("a.example",))),
    ],
)
def test_a_file_may_use_the_types_of_toml(tmp_path, line, value):
    (tmp_path / "agent.toml").write_text(line)
    assert getattr(settings({}, tmp_path), value[0]) == value[1]


def test_a_stronger_source_wins(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    argv, environ = {"workspace": work}, {}

    def port():
        loaded = load(argv, environ, tmp_path)
        return loaded.settings.port, loaded.sources["port"]

    assert port() == (8000, "default")
    (tmp_path / "agent.toml").write_text("port = 1")
    assert port() == (1, str(tmp_path / "agent.toml"))
    (work / "agent.toml").write_text("port = 2")
    assert port() == (2, str(work / "agent.toml"))
    environ["AGENT_PORT"] = "3"
    assert port() == (3, "environment AGENT_PORT")
    argv["port"] = 4
    assert port() == (4, "command line --port")
    argv["port"] = None
    assert port()[0] == 3


def test_folders_are_relative_to_the_file_that_names_them(tmp_path):
    work = tmp_path / "deep" / "work"
    work.mkdir(parents=True)
    (tmp_path / "agent.toml").write_text('workspace = "deep/work"')
    (work / "agent.toml").write_text('data_dir = "mine"')
    read = settings({}, tmp_path)
    assert (read.workspace, read.data_dir) == (work, work / "mine")


def test_a_workspace_cannot_name_a_workspace(tmp_path):
    (tmp_path / "agent.toml").write_text('workspace = "."')
    assert "cannot name a workspace" in refused({"workspace": str(tmp_path)})


def test_a_workspace_that_is_the_current_folder_is_read_once(tmp_path):
    (tmp_path / "agent.toml").write_text('workspace = "."\nport = 5')
    assert settings({}, tmp_path).port == 5


def test_an_empty_variable_is_unset():
    assert settings({"AGENT_PORT": "", "OPENAI_API_KEY": ""}) == settings({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "http://localhost"),
        ("host", "localhost:80"),
        ("host", ""),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "80a"),
        ("port", True),
        ("port", 80.5),
        ("auth", "maybe"),
        ("auth", 1),
        ("log_level", "loud"),
        ("graph", "../up"),
        ("token", "two words"),
        ("llm_base_url", "ftp://x"),
        ("llm_base_url", "http://"),
        ("llm_base_url", "http://x:99999"),
        ("llm_base_url", "http://x/v1?key=1"),
        ("llm_model", "a b"),
        ("llm_prices", "a=1"),
        ("llm_prices", "a=1/-2"),
        ("llm_prices", "=1/2"),
        ("llm_prices", {"a": 1}),
        ("allowed_hosts", "http://a.example"),
        ("allowed_hosts", "*"),
        ("allowed_hosts", 3),
        ("allowed_origins", "a.example"),
        ("allowed_origins", "https://a.example/path"),
        ("trusted_proxies", "proxy"),
        ("shutdown_grace_s", "nan"),
        ("shutdown_grace_s", "inf"),
        ("shutdown_grace_s", False),
        ("data_dir", "a\0b"),
        ("data_dir", 3),
        ("workspace", "a\0b"),
        ("workspace", "~nobody-here/x"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_what_was_expected(name, value):
    text = refused({name: value})
    assert text.startswith(f"{name}: expected ")
    assert "from command line --" in text
    if name != "token":
        assert repr(value) in text


def test_all_mistakes_are_told_at_once():
    text = refused({"port": "x"}, {"AGENT_AUTH": "y", "AGENT_GRAPH": "/"})
    assert {line.split(":")[0] for line in text.splitlines()} == {"auth", "graph", "port"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "'prot' is not a setting; did you mean 'port'?"),
        ("[zzz]\nx = 1", "'zzz' is not a setting; `python3 run.py config` lists them all"),
        ("port 1", "expected a TOML file that can be read"),
        ("port = 1\nport = 2", "expected a TOML file that can be read"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, said):
    (tmp_path / "agent.toml").write_text(text)
    assert f"{tmp_path / 'agent.toml'}: {said}" in refused(cwd=tmp_path)


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "agent.toml").write_bytes(b"port = \xff")
    assert "expected a TOML file that can be read" in refused(cwd=tmp_path)


def test_a_misspelt_variable_is_noted_and_not_refused():
    loaded = load({}, {"AGENT_PROT": "1"}, Path("/nowhere"))
    assert loaded.notes == ("AGENT_PROT is not a setting; did you mean 'AGENT_PORT'?",)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_token_and_may_do_without_auth(host):
    assert settings({}, host=host).auth
    assert not settings({}, host=host, auth=False).auth


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.2", "box.example", "localhost.example"]
)
def test_other_machines_need_a_token_somebody_chose(host):
    assert "set AGENT_TOKEN" in refused({"host": host})
    assert "got one of 15 characters" in refused({"host": host, "token": LONG[1:]})
    assert settings({}, host=host, token=LONG).host == host


@pytest.mark.parametrize(
    "open_door",
    [
        {"host": "0.0.0.0"},
        {"public_url": "https://a.example"},
        {"allowed_hosts": "localhost:81, a.example"},
    ],
)
def test_without_auth_nothing_may_lead_outside(open_door):
    text = refused({"auth": False, "token": LONG, **open_door})
    assert text.startswith(f"auth: it is off, and {next(iter(open_door))} ")
    assert "--no-auth" in text


def test_without_auth_names_of_this_machine_are_fine():
    read = settings({}, auth=False, public_url="http://localhost:81", allowed_hosts="[::1]:81")
    assert read.allowed_hosts == ("[::1]:81",)


@pytest.mark.parametrize("name", ["llm_api_key", "llm_model"])
def test_a_key_or_model_without_a_server_is_refused(name):
    assert "set AGENT_LLM_BASE_URL" in refused(environ={f"AGENT_{name.upper()}": "x"})


@pytest.mark.parametrize("name", ["workspace", "data_dir"])
@pytest.mark.parametrize("path", ["file", "x" * 300])
def test_a_folder_must_be_one(tmp_path, name, path):
    (tmp_path / "file").write_text("")
    assert refused({name: path}, cwd=tmp_path).startswith(f"{name}: expected a folder")


@pytest.mark.parametrize(
    ("environ", "server", "key"),
    [
        ({}, "", ""),
        ({"OPENAI_API_KEY": "a"}, OPENAI, "a"),
        ({"OPENROUTER_API_KEY": "r"}, OPENROUTER, "r"),
        ({"OPENAI_API_KEY": "a", "OPENROUTER_API_KEY": "r"}, OPENAI, "a"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, "http://localhost:1/v1", ""),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENAI_API_KEY": "a"}, "http://localhost:1/v1", "a"),
        ({"OPENAI_BASE_URL": OPENROUTER, "OPENROUTER_API_KEY": "r"}, OPENROUTER, "r"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENROUTER_API_KEY": "r"}, "http://localhost:1/v1", ""),
        ({"AGENT_LLM_BASE_URL": OPENAI + "/", "OPENAI_API_KEY": "a"}, OPENAI, "a"),
        ({"AGENT_LLM_BASE_URL": "http://localhost:1", "OPENAI_API_KEY": "a"}, "http://localhost:1", ""),
        ({"AGENT_LLM_BASE_URL": OPENROUTER, "OPENAI_API_KEY": "a", "OPENROUTER_API_KEY": "r"}, OPENROUTER, "r"),
        ({"AGENT_LLM_API_KEY": "own", "OPENAI_BASE_URL": "http://localhost:1", "OPENAI_API_KEY": "a"}, "http://localhost:1", "own"),
        ({"AGENT_LLM_BASE_URL": "http://localhost:1", "OPENAI_BASE_URL": OPENAI, "OPENAI_API_KEY": "a"}, "http://localhost:1", ""),
    ],
)  # fmt: skip
def test_a_foreign_key_goes_to_its_own_server_only(environ, server, key):
    read = settings(environ)
    assert (read.llm_base_url, read.llm_api_key) == (server, key)


def test_a_foreign_key_that_is_passed_over_is_noted():
    loaded = load({}, {**SERVER, "OPENAI_API_KEY": "a"}, Path("/nowhere"))
    assert "OPENAI_API_KEY is not used: the model server is http://localhost:1/v1" in loaded.notes


def test_an_own_key_never_goes_to_a_server_that_only_a_foreign_key_implies():
    assert "which server" in refused(environ={"AGENT_LLM_API_KEY": "own", "OPENAI_API_KEY": "a"})


def test_the_file_is_stronger_than_a_foreign_name(tmp_path):
    (tmp_path / "agent.toml").write_text('llm_base_url = "http://localhost:2"')
    read = settings({"OPENAI_BASE_URL": OPENAI, "OPENAI_API_KEY": "a"}, tmp_path)
    assert (read.llm_base_url, read.llm_api_key) == ("http://localhost:2", "")


@pytest.mark.parametrize("url", ["nonsense", "http://[x"])
def test_a_broken_foreign_address_is_named(url):
    text = refused(environ={"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "a"})
    assert "from environment OPENAI_BASE_URL" in text


def test_a_server_without_a_model_is_noted():
    assert "llm_model is not set" in load({}, SERVER, Path("/nowhere")).notes[0]


def test_rows_show_every_value_with_its_source(tmp_path):
    environ = {"AGENT_ALLOWED_HOSTS": "a.example,b.example", "AGENT_AUTH": "1"}
    rows = {row.name: row for row in load({}, environ, tmp_path).rows()}
    assert list(rows) == [row.name for row in SETTINGS]
    assert rows["allowed_hosts"].value == "a.example,b.example"
    assert (rows["auth"].value, rows["auth"].source) == ("true", "environment AGENT_AUTH")
    assert rows["data_dir"].value == str(tmp_path / "data")
    assert all(row.help for row in rows.values())


def test_no_secret_is_shown_anywhere():
    secrets = {"AGENT_TOKEN": "canary-token-1234", "AGENT_LLM_API_KEY": "canary-key"}
    loaded = load({}, {**SERVER, **secrets}, Path("/nowhere"))
    shown = f"{loaded!r} {loaded.settings} {loaded.rows()}"
    assert "canary" not in shown
    assert "(secret, 17 characters)" in shown
    broken = {name: f"{value} spaced" for name, value in secrets.items()}
    broken["AGENT_LLM_BASE_URL"] = "https://user:canary@a.example"
    assert "canary" not in refused(environ=broken)


def test_the_documentation_is_current():
    path = generate.ROOT / generate.SETTINGS
    assert path.read_text("utf-8") == settings_markdown(), "run python3 -m agent.generate"


def test_every_setting_is_documented():
    for row in SETTINGS:
        assert f"| `{row.name}` | `{row.env}` |" in settings_markdown()


@given(st.sampled_from(SETTINGS), st.text() | st.integers() | st.floats() | st.lists(st.text()))
def test_no_value_does_anything_but_be_read_or_refused(row, value):
    with suppress(BadSettings):
        assert load({row.name: value}, {}, Path("/nowhere")).sources[row.name] != "default"


@given(st.sampled_from(SETTINGS), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_what_config_shows_can_be_set_again(row, text):
    try:
        first = row.about.kind.read(text)
    except ValueError:
        return
    if not row.about.secret and (shown := row.show(first)):
        assert row.about.kind.read(shown) == first


@given(st.ip_addresses())
def test_loopback_is_what_the_address_says(address):
    assert is_loopback(str(address)) == address.is_loopback
