"""The demo database's tables, and the English comment of every table and column.

``COMMENTS`` is what a model is shown; the same words stand in the DDL, so that a person who opens
the file with any SQLite tool reads them too.
"""

from collections.abc import Mapping
from types import MappingProxyType

TABLE = ""
"""The key under which a table's own comment stands."""

TABLES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "kunden": {
        TABLE: ("", "customers: the companies and people who own or manage properties"),
        "id": ("INTEGER PRIMARY KEY", "customer id"),
        "kundennummer": ("TEXT NOT NULL UNIQUE", "customer number, such as K-10042"),
        "name": ("TEXT NOT NULL", "company name, or surname and first name"),
        "strasse": ("TEXT NOT NULL", "street and house number of the customer's office"),
        "plz": ("TEXT NOT NULL", "postal code, five digits"),
        "ort": ("TEXT NOT NULL", "city of the customer's office"),
        "email": ("TEXT NOT NULL", "e-mail address"),
        "kunde_seit": ("TEXT NOT NULL", "customer since, date as YYYY-MM-DD"),
    },
    "objekte": {
        TABLE: ("", "objects: the properties (buildings) whose heating costs are billed"),
        "id": ("INTEGER PRIMARY KEY", "property id"),
        "kunde_id": ("INTEGER NOT NULL REFERENCES kunden(id)", "the customer it belongs to"),
        "objektnummer": ("TEXT NOT NULL UNIQUE", "property number, such as O-200317"),
        "bezeichnung": ("TEXT NOT NULL", "what the property is called"),
        "strasse": ("TEXT NOT NULL", "street and house number of the building"),
        "plz": ("TEXT NOT NULL", "postal code, five digits"),
        "ort": ("TEXT NOT NULL", "city in which the building stands"),
        "baujahr": ("INTEGER NOT NULL", "year of construction"),
        "heizungsart": (
            "TEXT NOT NULL",
            "heating system: Gas, Fernwärme, Öl, Wärmepumpe or Pellets",
        ),
    },
    "nutzeinheiten": {
        TABLE: ("", "units: the flats and shops inside a property"),
        "id": ("INTEGER PRIMARY KEY", "unit id"),
        "objekt_id": ("INTEGER NOT NULL REFERENCES objekte(id)", "the property it is part of"),
        "nummer": ("TEXT NOT NULL", "number of the unit within its property, such as 03"),
        "nutzer": ("TEXT NOT NULL", "occupant (tenant), or Leerstand when vacant"),
        "etage": ("TEXT NOT NULL", "floor: EG (ground), 1. OG, 2. OG … or DG (attic)"),
        "flaeche_qm": ("REAL NOT NULL", "heated area in square metres"),
    },
    "geraete": {
        TABLE: ("", "devices: the meters and heat cost allocators mounted in a unit"),
        "id": ("INTEGER PRIMARY KEY", "device id"),
        "nutzeinheit_id": (
            "INTEGER NOT NULL REFERENCES nutzeinheiten(id)",
            "the unit it is mounted in",
        ),
        "geraetenummer": ("TEXT NOT NULL UNIQUE", "serial number of the device"),
        "typ": (
            "TEXT NOT NULL",
            (
                "device type: Heizkostenverteiler (heat cost allocator), Warmwasserzähler, "
                "Kaltwasserzähler, Wärmemengenzähler or Rauchwarnmelder (never read)"
            ),
        ),
        "hersteller": ("TEXT NOT NULL", "manufacturer"),
        "einbaudatum": ("TEXT NOT NULL", "date of installation as YYYY-MM-DD"),
        "eichung_bis": ("TEXT", "calibrated until, YYYY-MM-DD; NULL when none is required"),
    },
    "ablesungen": {
        TABLE: ("", "readings: what a device showed on a date; the value rises over time"),
        "id": ("INTEGER PRIMARY KEY", "reading id"),
        "geraet_id": ("INTEGER NOT NULL REFERENCES geraete(id)", "the device that was read"),
        "datum": ("TEXT NOT NULL", "date of the reading as YYYY-MM-DD"),
        "wert": ("REAL NOT NULL", "meter value on that date, cumulative"),
        "einheit": ("TEXT NOT NULL", "unit of the value: Einheiten, m³ or kWh"),
    },
    "abrechnungen": {
        TABLE: ("", "billings: one heating-cost statement per property and year"),
        "id": ("INTEGER PRIMARY KEY", "billing id"),
        "objekt_id": ("INTEGER NOT NULL REFERENCES objekte(id)", "the property that is billed"),
        "jahr": ("INTEGER NOT NULL", "year the costs arose in"),
        "gesamtkosten": ("REAL NOT NULL", "total heating and hot-water costs in euro"),
        "status": ("TEXT NOT NULL", "state: offen, in Prüfung, versendet or bezahlt"),
    },
}

"""Table → column → definition and comment; the table's own comment stands under ``TABLE``."""

INDEXES: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("objekte_kunde", "objekte", ("kunde_id",), False),
    ("nutzeinheiten_objekt", "nutzeinheiten", ("objekt_id",), False),
    ("geraete_nutzeinheit", "geraete", ("nutzeinheit_id",), False),
    ("ablesungen_geraet", "ablesungen", ("geraet_id", "datum"), False),
    ("abrechnungen_objekt_jahr", "abrechnungen", ("objekt_id", "jahr"), True),
)
"""Name, table, columns, and whether they are unique together."""

COMMENTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        table: MappingProxyType({column: comment for column, (_, comment) in columns.items()})
        for table, columns in TABLES.items()
    }
)
"""Table → column → comment; the table's own comment stands under ``TABLE``."""


def ddl() -> str:
    """Return the script that creates all tables and indexes."""
    tables = [_create(name, columns) for name, columns in TABLES.items()]
    return "".join(f"{statement};\n" for statement in (*tables, *map(_index, INDEXES)))


def _index(spec: tuple[str, str, tuple[str, ...], bool]) -> str:
    name, table, columns, unique = spec
    return f"CREATE {'UNIQUE ' * unique}INDEX {name} ON {table}({', '.join(columns)})"


def _create(name: str, columns: Mapping[str, tuple[str, str]]) -> str:
    own = [(column, *spec) for column, spec in columns.items() if column != TABLE]
    lines = [
        f"  {column} {kind}{',' if number < len(own) else ''} -- {comment}"
        for number, (column, kind, comment) in enumerate(own, 1)
    ]
    return "\n".join([f"CREATE TABLE {name} ( -- {columns[TABLE][1]}", *lines, ")"])
