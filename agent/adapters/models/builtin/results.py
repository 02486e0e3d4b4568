"""Tool results as they stand in a request, whole or cut off, and how they are put into words."""

import re
from collections.abc import Iterator

import msgspec

from agent.adapters.models.builtin.lexicon import bag
from agent.core.json import Json, fields, items

_COLUMNS = re.compile(r'"columns":\s*(\[[^\]]*\])')
_COUNT = re.compile(r'"row_count":\s*(\d+)')
_ROWS = re.compile(r'"rows":\s*\[')
_ROW = re.compile(r"\[[^\[\]]*\]")
_HOW_MANY = re.compile(
    r"^.*?\b(?:how many|number of|count(?: of| the| all)?|wie ?viele|anzahl(?: der"
        r"| von| aller)?)\s+"
    r"(?:the |all |der |die )?(.+?)[\s?.!]*$", re.IGNORECASE | re.DOTALL)  # fmt: skip
_EXISTS = re.compile(
    r"^\W*(?:are there|is there|do we have|gibt es|haben wir)\s+(?:any "
    r"|irgendwelche )?(.+?)[\s?.!]*$",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\s+(?=(?:are|is|were|was|do|does|did|have|has|had|use|uses|gibt|sind|ist|haben|hat|wurden|wurde"
    r"|werden|wird|hatten|in|aus|from|with|without"
        r"|mit|ohne|per|by|that|which|die|need|needs|cost|costs|kosten|live|wohnen"
            r"|belong|exist|come|came|own|work|stehen|brauchen)\b)", re.IGNORECASE)  # fmt: skip
_THERE = re.compile(
    r"^(?:are there|is there|are|is|do we have|did we have|have we got|exist"
        r"|gibt es|haben wir|sind|ist es)"
    r"(?=\s+(?:in|from|at|without|with|by|near|per|aus"
        r"|mit|ohne|von|bei|je|pro|there)\b|$)\s*", re.IGNORECASE)  # fmt: skip
_THEREFORE = re.compile(r"^(?:are there|is there|do we have|gibt es|haben wir)\b\s*", re.IGNORECASE)
_LEAD = re.compile(
    r"^\W*(?:what(?:'s| is| was| are| were)|how (?:much|high|large|big)(?: is| was"
        r"| are| did)?|was (?:ist|sind|war)"
    r"|wie (?:hoch|groß|viel)(?: ist| sind| war| waren)?|tell me|show me|give me"
        r"|zeige?(?: mir)?|nenne?(?: mir)?)\s+",
    re.IGNORECASE)  # fmt: skip
_WE = re.compile(r"\s+(?:do|does|did|have|has)\s+(?:we|they|i|you)\s+\w+", re.IGNORECASE)
_PLACES = re.compile(r"\b(in|aus|from|near|or|oder|and|und)\s+([a-zäöü])", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit (\d+)\W*$", re.IGNORECASE)
_SHOWN = 50
_NAMED = 5
_PLAIN = bag("total sum insgesamt all unserer unseren our the a an all any der die das den dem")


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What a query brought back."""

    columns: list[str]
    rows: list[list[Json]]
    count: int
    cut: bool = False
    """There are more rows than these, told by the tool or by the limit of the query."""

    @property
    def single(self) -> Json:
        """The only value, or ``None``."""
        return self.rows[0][0] if len(self.rows) == 1 and len(self.columns) == 1 else None


def rows_in(objects: tuple[Json, ...], text: str) -> Rows | None:
    """Return the last rows told of in a request."""
    found = [rows for value in objects for rows in _deep(value, 0)]
    if found:
        return found[-1]
    return _cut_rows(text) if '"rows":' in text else None


def _deep(value: Json, depth: int) -> Iterator[Rows]:
    table = fields(value)
    if "rows" in table and "columns" in table and table.get("type") != "table":
        rows = [list(items(row)) for row in items(table["rows"])]
        columns = [str(name) for name in items(table["columns"])]
        count = table.get("row_count")
        yield Rows(
            columns=columns,
            rows=rows,
            count=count if isinstance(count, int) else len(rows),
            cut=bool(table.get("truncated")) or _at_limit(str(table.get("sql", "")), len(rows)),
        )
    elif depth < 4:
        for inner in (*table.values(), *items(value)):
            yield from _deep(inner, depth + 1)


def _at_limit(sql: str, count: int) -> bool:
    """Whether a long list ends only because the query said so."""
    limit = _LIMIT.search(sql)
    return limit is not None and int(limit[1]) == count >= _SHOWN


def _cut_rows(text: str) -> Rows | None:
    """Read rows whose end was cut off."""
    columns, start, count = _COLUMNS.search(text), _ROWS.search(text), _COUNT.search(text)
    if not columns or not start:
        return None
    rows: list[list[Json]] = []
    for match in _ROW.finditer(text, start.end()):
        try:
            rows.append(msgspec.json.decode(match[0]))
        except msgspec.DecodeError:
            break
    names = [str(name) for name in msgspec.json.decode(columns[1])]
    return Rows(columns=names, rows=rows, count=int(count[1]) if count else len(rows), cut=True)


def summary(question: str, rows: Rows, language: str) -> str:
    """Say in a sentence or two what ``rows`` answer to ``question``."""
    german = language == "de"
    if not rows.count:
        return "Dazu wurde nichts gefunden." if german else "Nothing was found for that."
    value = rows.single
    if value is not None:
        return _scalar(question, value, german=german)
    if len(rows.rows) == 1 and len(rows.columns) == 1:
        return "Dazu gibt es keinen Wert." if german else "There is no value for that."
    if rows.count == 1 and rows.rows:
        return _sentence(rows.columns, rows.rows[0])
    names = ", ".join(shown(row[0]) for row in rows.rows[:_NAMED])
    more = rows.count - min(len(rows.rows), _NAMED)
    tail = (f" und {more} weitere" if german else f" and {more} more") if more > 0 else ""
    least = ("mindestens " if german else "at least ") if rows.cut and rows.count == _SHOWN else ""
    return f"{least}{rows.count} {'Ergebnisse' if german else 'results'}: {names}{tail}."


def _sentence(columns: list[str], row: list[Json]) -> str:
    rest = ", ".join(
        f"{name.replace('_', ' ')}: {shown(value)}"
        for name, value in zip(columns[1:], row[1:], strict=False)
    )
    return f"{shown(row[0])} ({rest})" if rest else shown(row[0])


def _scalar(question: str, value: Json, *, german: bool) -> str:
    asked = _HOW_MANY.match(question) or _EXISTS.match(question)
    if asked and isinstance(value, int):
        return _counted(asked[1], value, german=german, exists=bool(_EXISTS.match(question)))
    subject = _WE.sub("", _LEAD.sub("", question)).strip(" ?.!")
    return f"{subject[:1].upper()}{_places(subject[1:])}: {shown(value)}"


def _counted(asked: str, n: int, *, german: bool, exists: bool) -> str:
    noun, *rest = _VERB.split(asked, maxsplit=1)
    tail = rest[0].strip() if rest else ""
    there = _THEREFORE.match(tail) or _THERE.match(tail)
    tail = tail[there.end() :] if there else tail
    verbless = there or not tail or exists or tail.split()[0].lower() in _PREPOSITIONS
    noun = noun[:1].upper() + noun[1:] if german else _singular(noun) if n == 1 else noun
    tail = f" {_places(tail)}" if tail else ""
    if not verbless:
        return f"{n} {noun}{tail}."
    if german:
        return f"Es gibt {n} {noun}{tail}."
    return f"There {'is' if n == 1 else 'are'} {n} {noun}{tail}."


_PREPOSITIONS = bag("in aus from with without mit ohne per by near at von bei there")


def _singular(noun: str) -> str:
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


def _places(text: str) -> str:
    """Write place names as names."""
    return _PLACES.sub(
        lambda m: f"{m[1]} {m[2].upper()}" if _is_name(text, m.end(2)) else m[0], text
    )


def _is_name(text: str, at: int) -> bool:
    word = re.match(r"\w*", text[at - 1 :])
    return (
        bool(word)
        and len(word[0]) > 3
        and word[0].lower() not in _PLAIN
        and not re.match(r"\w+\s+\w+", text[at - 1 :])
    )


def table(rows: Rows, language: str) -> str:
    """Return ``rows`` as a markdown table with a line above it."""
    german = language == "de"
    listed = rows.rows[:_SHOWN]
    if rows.cut:
        head = f"Die ersten {len(listed)}:" if german else f"The first {len(listed)}:"
    else:
        part = len(listed) < rows.count
        head = f"{rows.count} {'Ergebnisse' if german else 'results'}"
        head += f", {'die ersten' if german else 'the first'} {len(listed)}:" if part else ":"
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in rows.columns)} |"]
    lines.append("|" + " --- |" * len(rows.columns))
    lines += [
        f"| {' | '.join(shown(value).replace('|', '/') for value in row)} |" for row in listed
    ]
    return head + "\n\n" + "\n".join(lines)


def shown(value: Json) -> str:
    """Write a value as it is, ``–`` for none."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def figures(rows: Rows) -> list[str]:
    """Return names and figures that matter, copied."""
    if rows.single is not None:
        return [shown(rows.single)]
    return [" ".join(shown(value) for value in row[:2]) for row in rows.rows[:10]]
