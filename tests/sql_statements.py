"""The statement files under ``data/``, and a demo database to run them on."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
SCHEMAS = ("eras2_production", "eras")


def statements(dialect, kind):
    """Return the statements of ``data/sql_<dialect>_<kind>.txt``."""
    lines = (DATA / f"sql_{dialect}_{kind}.txt").read_text("utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]
