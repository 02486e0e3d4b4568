"""The demo data: complete, honest, explained, and the same on every machine."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from agent.adapters.sql import demo
from agent.adapters.sql.demo import ensure_demo
from agent.adapters.sql.demo_schema import COMMENTS, TABLE

COUNTS = {
    "kunden": 240,
    "objekte": 600,
    "nutzeinheiten": 3_000,
    "geraete": 7_500,
    "ablesungen": 30_000,
    "abrechnungen": 1_800,
}
COLUMNS = {
    "kunden": "id kundennummer name strasse plz ort email kunde_seit",
    "objekte": "id kunde_id objektnummer bezeichnung strasse plz ort baujahr heizungsart",
    "nutzeinheiten": "id objekt_id nummer nutzer etage flaeche_qm",
    "geraete": "id nutzeinheit_id geraetenummer typ hersteller einbaudatum eichung_bis",
    "ablesungen": "id geraet_id datum wert einheit",
    "abrechnungen": "id objekt_id jahr gesamtkosten status",
}


@pytest.fixture(name="path")
def path_of_demo(demo):
    return demo


@pytest.fixture
def ask(path):
    with closing(sqlite3.connect(path)) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


@pytest.mark.parametrize("table", COUNTS)
def test_each_table_has_its_columns_and_about_its_number_of_rows(ask, table):
    ((count,),) = ask(f"SELECT count(*) FROM {table}")
    assert count == pytest.approx(COUNTS[table], rel=0.04)
    columns = [row[1] for row in ask(f"PRAGMA table_info({table})")]
    assert " ".join(columns) == COLUMNS[table]


def test_every_reference_leads_somewhere(ask):
    assert ask("PRAGMA foreign_key_check") == []
    assert ask("PRAGMA integrity_check") == [("ok",)]
    pairs = {
        (table, row[3], row[2])
        for table in COUNTS
        for row in ask(f"PRAGMA foreign_key_list({table})")
    }
    assert pairs == {
        ("objekte", "kunde_id", "kunden"),
        ("nutzeinheiten", "objekt_id", "objekte"),
        ("geraete", "nutzeinheit_id", "nutzeinheiten"),
        ("ablesungen", "geraet_id", "geraete"),
        ("abrechnungen", "objekt_id", "objekte"),
    }


@pytest.mark.parametrize("city", ["Leipzig", "Dresden", "Berlin", "Köln"])
def test_the_cities_are_there_with_their_own_postal_codes(ask, city):
    codes = ask(
        f"SELECT plz FROM kunden WHERE ort = '{city}' UNION SELECT plz FROM objekte WHERE ort = '{city}'"
    )
    starts = {"Leipzig": "04", "Dresden": "01", "Berlin": "1", "Köln": "5"}
    assert len(codes) > 3
    assert all(code.startswith(starts[city]) and len(code) == 5 for (code,) in codes)


def test_readings_rise_and_come_after_the_installation(ask):
    assert ask(
        "SELECT count(*) FROM (SELECT wert - lag(wert) OVER (PARTITION BY geraet_id ORDER BY datum) AS d"
        " FROM ablesungen) WHERE d <= 0"
    ) == [(0,)]
    early = "SELECT count(*) FROM ablesungen a JOIN geraete g ON g.id = a.geraet_id WHERE a.datum <= g.einbaudatum"
    assert ask(early) == [(0,)]
    assert ask("SELECT count(*) FROM ablesungen WHERE wert <= 0") == [(0,)]


def test_each_type_of_device_counts_in_one_unit_and_smoke_detectors_in_none(ask):
    units = "SELECT DISTINCT typ, einheit FROM geraete g JOIN ablesungen a ON a.geraet_id = g.id ORDER BY 1"
    assert ask(units) == [
        ("Heizkostenverteiler", "Einheiten"),
        ("Kaltwasserzähler", "m³"),
        ("Warmwasserzähler", "m³"),
        ("Wärmemengenzähler", "kWh"),
    ]


def test_everything_has_a_comment_and_the_file_holds_it_too(ask):
    assert {
        table: " ".join(c for c in columns if c != TABLE) for table, columns in COMMENTS.items()
    } == COLUMNS
    for table, columns in COMMENTS.items():
        ((sql,),) = ask(f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
        for comment in columns.values():
            assert len(comment) > 5
            assert f"-- {comment}\n" in sql


@pytest.mark.slow
def test_two_generations_are_the_same_to_the_byte(path, tmp_path):
    ensure_demo(tmp_path / "again.db")
    assert dump(tmp_path / "again.db") == dump(path)
    assert (tmp_path / "again.db").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_data_is_what_it_was_when_this_version_was_made(path):
    """A change of the data needs a new VERSION, or old files would stay."""
    with closing(sqlite3.connect(path)) as connection:
        lines = [line for line in connection.iterdump() if line.startswith("INSERT")]
    found = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    assert (demo.VERSION, found) == (1, "5af2fae66bd8c79c")


def test_a_current_file_is_left_alone(path):
    before = path.stat()
    ensure_demo(path)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_only_the_file_is_left_behind(path):
    assert [file.name for file in path.parent.iterdir()] == ["eras.db"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"", b"this is no database, and long enough to be looked at" * 20]
)
def test_an_empty_or_broken_file_is_replaced(path, tmp_path, content):
    file = tmp_path / "eras.db"
    file.write_bytes(content)
    ensure_demo(file)
    assert dump(file) == dump(path)


@pytest.mark.slow
def test_an_older_version_is_replaced_and_somebody_elses_database_is_not(path, tmp_path):
    file = tmp_path / "eras.db"
    file.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("DELETE FROM kunden")
        connection.commit()
        connection.execute("VACUUM")
    ensure_demo(file)
    assert dump(file) == dump(path)
    foreign = tmp_path / "own.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    before = foreign.read_bytes()
    ensure_demo(foreign)
    assert foreign.read_bytes() == before


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(path):
        path.write_bytes(b"half")
        raise OSError

    monkeypatch.setattr(demo, "_write", fail)
    with pytest.raises(OSError):  # noqa: PT011 - ours
        ensure_demo(tmp_path / "eras.db")
    assert list(tmp_path.iterdir()) == []
