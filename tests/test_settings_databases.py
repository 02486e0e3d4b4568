"""Databases from files and variables: one form, every mistake named, no password shown."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from agent.settings import BadSettings, load
from agent.settings.databases import DRIVERS, masked, passwords, read_url

HERE = Path("/here")
CANARY = "canary-pass%40word"


def loaded(environ=None, cwd=Path("/nowhere"), **argv):
    return load(argv, environ or {}, cwd)


def refused(**environ):
    with pytest.raises(BadSettings) as caught:
        loaded(environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sqlite:///a.db", "sqlite:////here/a.db"),
        ("sqlite:///sub/a b.db".replace(" ", "%20"), "sqlite:////here/sub/a%20b.db"),
        ("sqlite:////abs/a.db", "sqlite:////abs/a.db"),
        ("mariadb://u:p@h/d", "mariadb+pymysql://u:p@h/d"),
        ("mariadb+pymysql://u:p@h:3307/d?charset=utf8", "mariadb+pymysql://u:p@h:3307/d?charset=utf8"),
        ("mysql://h/d", "mysql+pymysql://h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        (" postgresql://[::1]:5433/d ", "postgresql+psycopg://[::1]:5433/d"),
        ("postgresql:///d?host=/run/pg", "postgresql+psycopg:///d?host=/run/pg"),
        ("mysql://u:p@/d?unix_socket=/run/s", "mysql+pymysql://u:p@/d?unix_socket=/run/s"),
    ],
)  # fmt: skip
def test_every_spelling_becomes_one(text, url):
    assert read_url(text, HERE) == url
    assert read_url(url, HERE) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "a.db", "/a.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://host/a.db",
        "sqlite:///a.db?mode=rw", "mariadb://", "mariadb://h", "mariadb://h/", "mysql://h/a/b",
        "mysql://h:0/d", "mysql://h:x/d", "mysql://h:99999/d", "postgresql:///d", "oracle://h/d",
        "postgresql+asyncpg://h/d", "postgresql://h/d#f", "postgresql://h/d e", "mysql://h/d?password=x",
        "http://h/d", 5, None, True, [], "mariadb://[h/d",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_database(text):
    with pytest.raises(ValueError):  # noqa: PT011 - every reader's refusal
        read_url(text, HERE)


@given(
    st.one_of(
        st.text(), st.sampled_from([*DRIVERS]).flatmap(lambda s: st.text().map(f"{s}://".__add__))
    )
)
def test_any_text_is_read_or_refused(text):
    try:
        url = read_url(text, HERE)
    except ValueError:
        return
    assert url.split(":")[0] in DRIVERS.values()
    assert read_url(url, HERE) == url


def test_variables_and_files_add_up_and_the_stronger_wins(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "agent.toml").write_text(
        'workspace = "work"\n[databases]\none = "sqlite:///one.db"\ntwo = "sqlite:///two.db"\n'
    )
    (work / "agent.toml").write_text('[databases]\ntwo = "sqlite:///two.db"\n')
    found = loaded({"AGENT_DB_THREE": "sqlite:///three.db"}, tmp_path)
    assert found.settings.databases == {
        "one": f"sqlite:///{tmp_path}/one.db",
        "two": f"sqlite:///{work}/two.db",
        "three": f"sqlite:///{tmp_path}/three.db",
    }
    rows = {row.name: row for row in found.rows()}
    assert rows["databases.two"].source == str(work / "agent.toml")
    assert rows["databases.three"].source == "environment AGENT_DB_THREE"
    assert rows["databases.one"].value == f"sqlite:///{tmp_path}/one.db"
    assert found.notes == ()


def test_eras_is_another_name(tmp_path):
    (tmp_path / "agent.toml").write_text('[databases]\neras2_production = "sqlite:///a.db"\n')
    assert loaded({}, tmp_path).settings.databases == {
        "eras2_production": f"sqlite:///{tmp_path}/a.db"
    }
    found = loaded({"AGENT_DB_ERAS": "mysql://h/d"}, tmp_path)
    assert found.settings.databases == {"eras2_production": "mysql+pymysql://h/d"}


def test_an_empty_variable_counts_as_unset():
    assert loaded({"AGENT_DB_ERAS": ""}).settings.databases == {}


def test_mistakes_are_named_with_what_to_do():
    told = refused(AGENT_DB_SHOP="oracle://h/d")
    assert "databases.shop: expected a URL such as `sqlite:///file.db`" in told
    assert "got 'oracle://h/d' from environment AGENT_DB_SHOP; change it there" in told
    assert "databases.: expected" in refused(AGENT_DB_="sqlite:///a.db")


@pytest.mark.parametrize(
    "line", ["databases = 5", 'databases = "sqlite:///a.db"', "databases = []"]
)
def test_what_is_no_table(tmp_path, line):
    (tmp_path / "agent.toml").write_text(f"{line}\n")
    with pytest.raises(BadSettings, match='databases: expected a table, name = "URL", got'):
        loaded({}, tmp_path)


@pytest.mark.parametrize(
    "url", [f"mysql://u:{CANARY}@h/d", f"oracle://u:{CANARY}/x@h/d", f"mysql://u:a@b:{CANARY}@h"]
)
def test_no_password_is_shown_anywhere(url):
    assert "canary" not in masked(url)
    assert masked(url).startswith(url.split(":")[0] + "://u:***@h")
    with suppress(BadSettings):
        found = loaded({"AGENT_DB_X": url})
        assert "canary" not in f"{found!r} {found.settings} {found.rows()}"
        assert set(passwords(found.settings.databases)) == {CANARY, "canary-pass@word"}


def test_no_password_is_shown_in_a_mistake():
    for url in (f"oracle://u:{CANARY}/x@h/d", f"mysql://u:{CANARY}@h", f"mysql://u:a@{CANARY}@h"):
        assert "canary" not in refused(AGENT_DB_X=url)
