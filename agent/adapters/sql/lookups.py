"""``DESCRIBE table`` and ``SHOW TABLES``, understood on every dialect.

Models reach for these words whatever server they talk to. They are read by a grammar of their own
and answered from the catalogue: nothing of such a statement is ever executed.
"""

import re

_GAP = r"(?>\s++|--[^\n]*+(?:\n|$)|/\*(?!!)(?s:.*?)\*/)"
_NAME = r"(?:\w+|\"\w+\"|`\w+`|\[\w+\])"
_TABLE = rf"(?:(?P<schema>{_NAME})\s*\.\s*)?(?P<table>{_NAME})"
_DESCRIBE = re.compile(
    rf"""{_GAP}*+
    (?: (?:describe|desc)\s+(?:table\s+)?
      | show\s+(?:full\s+)?(?:columns|fields)\s+(?:from|in)\s+
      | show\s+create\s+table\s+ )
    {_TABLE}{_GAP}*+;?{_GAP}*+""",
    re.IGNORECASE | re.VERBOSE,
)
_TABLES = re.compile(
    rf"{_GAP}*+show\s+(?:full\s+)?tables(?:\s+(?:from|in)\s+(?P<schema>{_NAME}))?{_GAP}*+;?{_GAP}*+",
    re.IGNORECASE,
)


def described(sql: str) -> tuple[str, str] | None:
    """Return schema (or ``""``) and table when ``sql`` asks what a table looks like."""
    found = _DESCRIBE.fullmatch(sql)
    return (_plain(found["schema"]), _plain(found["table"])) if found else None


def listed(sql: str) -> str | None:
    """Return the schema (or ``""``) when ``sql`` asks which tables there are."""
    found = _TABLES.fullmatch(sql)
    return _plain(found["schema"]) if found else None


def _plain(name: str | None) -> str:
    return (name or "").strip('"`[]')
