"""How a model is told what there is, and where a near miss leads."""

import pytest

from agent.adapters.sql.catalogue import Catalogue, Column, Table, describing, listing

KUNDEN = Table(
    "kunden",
    2,
    "customers",
    (
        Column("id", "INTEGER", "PRIMARY KEY", comment="customer id", nullable=False),
        Column("name", "TEXT", comment="who", nullable=False),
        Column("ort", "TEXT"),
    ),
)
OBJEKTE = Table(
    "objekte", 1, "", (Column("kunde_id", "INTEGER", "", "kunden(id)"), Column("ort", "TEXT"))
)
BOTH = Catalogue((KUNDEN, OBJEKTE))


def test_the_text_for_a_prompt():
    assert BOTH.text() == (
        "TABLE kunden -- 2 rows; customers\n"
        "  id INTEGER PRIMARY KEY -- customer id\n"
        "  name TEXT NOT NULL -- who\n"
        "  ort TEXT\n"
        "\n"
        "TABLE objekte -- 1 rows\n"
        "  kunde_id INTEGER REFERENCES kunden(id)\n"
        "  ort TEXT"
    )


def test_find_ignores_case():
    assert BOTH.find("KUNDEN") is KUNDEN
    assert BOTH.find("kunde") is None


def test_describing_and_listing():
    columns, rows = describing(OBJEKTE)
    assert columns == ["column", "type", "nullable", "key", "references", "comment"]
    assert rows[0] == ["kunde_id", "INTEGER", "YES", "", "kunden(id)", ""]
    assert listing(BOTH) == (
        ["table", "rows", "comment"],
        [["kunden", 2, "customers"], ["objekte", 1, ""]],
    )


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("kunde", " Did you mean kunden?"),
        ("Objects", " Did you mean objekte?"),
        ("xyz", " The tables are kunden, objekte."),
    ],
)
def test_near_tables(asked, hint):
    assert BOTH.near_table(asked) == hint


@pytest.mark.parametrize(
    ("asked", "used", "hint"),
    [
        ("nmae", ["kunden"], " Did you mean kunden.name?"),
        ("k.nmae", ["kunden"], " Did you mean kunden.name?"),
        ("orte", ["kunden", "objekte"], " Did you mean kunden.ort or objekte.ort?"),
        ("orte", [], " Did you mean kunden.ort or objekte.ort?"),
        ("zzz", ["objekte"], " The columns are objekte.kunde_id, objekte.ort."),
    ],
)
def test_near_columns(asked, used, hint):
    assert BOTH.near_column(asked, used) == hint


def test_an_empty_database_gives_no_hint():
    assert Catalogue().near_table("a") == ""
    assert Catalogue().near_column("a", []) == ""
