"""What is to be done about a message: which tool calls, towards what, with what to say."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from agent.adapters.models.builtin import recall
from agent.adapters.models.builtin.asked import Asked
from agent.adapters.models.builtin.mentions import AVG, COUNT, SUM
from agent.adapters.models.builtin.mood import Mood, mood_of
from agent.adapters.models.builtin.query import Query, sql
from agent.adapters.models.builtin.question import understood
from agent.adapters.models.builtin.tables import Schema
from agent.adapters.models.builtin.tokens import columns_named, table_named, tokens_of
from agent.adapters.models.builtin.toolbox import Call, calls_for, query_call
from agent.adapters.models.builtin.widgets import deeds, shown_in
from agent.adapters.models.builtin.words import concept

Kind = Literal["social", "told", "memory", "page", "data", "help", "feedback", "unable"]

_STRONG = re.compile(
    r"\b(make|create|build|add|generate|design|remove|delete|destroy|reset|set|mach\w*|erstell\w*|bau\w*"
    r"|füge|lösch\w*|entfern\w*|setze?|ändere?)\b", re.IGNORECASE)  # fmt: skip
_HELP = re.compile(
    r"\b(what can you do|what are you able|help|who are you|what are you"
        r"|how do you work|your abilities"
    r"|was kannst du|wer bist du|hilfe|was bist du|wobei kannst)\b", re.IGNORECASE)  # fmt: skip
TABLES = re.compile(
    r"\b(?:which|what|list|show|welche\w?|zeige?|liste)\b.*\b(?:tables|tabellen"
    r"|schema|database structure)\b",
    re.IGNORECASE,
)
DESCRIBE = re.compile(
    r"\b(?:describe|beschreibe?|structure of|struktur|columns|spalten|felder)\b", re.IGNORECASE
)
_CLAUSES = re.compile(
    r"(?<=[.?!;])\s+|,?\s+(?:and then|and also|and|then|und dann|und|dann|danach)\s+"
    r"(?=(?:make|create|add|build|show|list|tell|count|how|what|which|give|set|reset|mach\w*|erstell\w*"
    r"|zeig\w*|wie|füge|welche\w*|nenne?|liste)\b)", re.IGNORECASE)  # fmt: skip
_SQL = re.compile(
    r"((?:\bSELECT\b.+\bFROM\b|\bDESCRIBE\s+\w+\W*$|\bSHOW\s+TABLES\b"
    r"|\bWITH\b.+\bAS\s*\(\s*SELECT\b).*)$", re.IGNORECASE | re.DOTALL)  # fmt: skip
_CHANGES = re.compile(
    r"((?:\bINSERT INTO|\bUPDATE \w+ SET|\bDELETE FROM|\b(?:DROP|ALTER|CREATE|TRUNCATE) TABLE"
    r"|\bPRAGMA|\bATTACH)\b.*)$", re.DOTALL)  # fmt: skip
"""In capitals only: in small letters these are words. Whoever is asked refuses them by name."""
_PROSE = re.compile(
    r"(?:\d|'|\)|\bASC|\bDESC)(\s+(?!(?:and|or|order|group|limit|having|union|asc|desc|as|between|in|like"
    r"|not|is|then|else|end|when|from|where|join|on|offset|nulls|left|inner|cross|over|filter)\b)"
    r"[a-zäöüß]+\b.*)$", re.IGNORECASE | re.DOTALL)  # fmt: skip
_WRONG = re.compile(r"(?:column|table)\W+(?:\w+\.)?(\w+)", re.IGNORECASE)
_MEANT = re.compile(r"\b[Dd]id you mean (?:\w+\.(?=\w))?(\w+)")
_SPOKEN = frozenset({"error", "query", "sql", "no", "such", "column", "table", "in", "the", "is"})
FOLLOW = re.compile(
    r"^\W*(?:and|und|what about|how about|wie ist es mit|wie sieht es|(?:the )?same for"
    r"|das ?selbe für|also)\b",
    re.IGNORECASE,
)


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What a message comes down to."""

    kind: Kind
    mood: Mood
    calls: tuple[Call, ...] = ()
    note: str = ""
    """What the answer has to mention."""


def purpose_of(asked: Asked) -> Purpose:
    """Decide what ``asked`` wants done."""
    text = asked.said
    mood = mood_of(text, _usual_language(asked))
    if mood.social:
        return Purpose(kind="social", mood=mood)
    parts = _sentences(text, asked)
    if len(parts) > 1 and not written(text):
        done = [_of_clause(part, asked, mood) for part in parts]
        useful = [each for each in done if each.calls]
        if len(useful) > 1:
            calls = tuple(call for each in useful for call in each.calls)
            note = " ".join(each.note for each in useful if each.note)
            return Purpose(kind=useful[0].kind, mood=mood, calls=calls, note=note)
    return _of_clause(text, asked, mood)


def _sentences(text: str, asked: Asked) -> list[str]:
    """Cut ``text`` into what is wanted; a sentence that only names columns stays with its rows."""
    found: list[str] = []
    for part in (part for part in _CLAUSES.split(text) if part and part.strip()):
        if found and not _STRONG.match(part) and _tells_columns(part, found[-1], asked.schema):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _tells_columns(part: str, before: str, schema: Schema) -> bool:
    tokens = tokens_of(part)
    return (
        any(columns_named(token, schema) for token in tokens)
        and not any(table_named(token, schema) for token in tokens)
        and any(table_named(token, schema) for token in tokens_of(before))
        and not any(pattern.search(before) for pattern in (COUNT, SUM, AVG))
    )


def asking(text: str) -> str:
    """Return the part of ``text`` that asks for something to be found out."""
    parts = [part for part in _CLAUSES.split(text) if part and part.strip()]
    return next((part for part in parts if not _STRONG.match(part)), text)


def language_told(asked: Asked) -> str:
    """Return the language in which a prompt says the message was perceived, or nothing."""
    return str(asked.find("intent", "language").get("language") or "")


def _usual_language(asked: Asked) -> str:
    """Return the language of a message that does not show its own."""
    known = language_told(asked) or asked.find("facts", "language").get("language")
    return known if known in ("en", "de") else "en"


def _of_clause(text: str, asked: Asked, mood: Mood) -> Purpose:
    told = recall.told_in(text)
    if told.facts and (recall.to_keep(text) or not _STRONG.match(text)):
        return Purpose(kind="told", mood=mood)
    if recall.asks_name(text) or recall.asks_memory(text):
        return Purpose(kind="memory", mood=mood)
    query = understood(text, asked.schema)
    wanted = deeds(text, shown_in(asked.objects), mood.language)
    if wanted and (query is None or _STRONG.search(text)):
        calls = calls_for(wanted, asked.tools)
        return Purpose(kind="page", mood=mood, calls=tuple(calls))
    if recall.about_self(text) and recall.matching(text, recall.facts_known(asked.objects)):
        return Purpose(kind="memory", mood=mood)
    return _about_data(text, query, asked, mood)


def _about_data(text: str, query: Query | None, asked: Asked, mood: Mood) -> Purpose:
    statement, note = written(text) or _structure(text, asked.schema), ""
    query = query or _following(text, asked)
    if not statement and query is not None:
        try:
            statement = sql(query, asked.schema)
        except LookupError as error:
            note = f"note: {error}"
        else:
            note = _note(query, mood.language)
    statement = mended(statement, asked.errors, asked.schema)
    call = query_call(statement, asked.tools) if statement else None
    if call is not None:
        return Purpose(kind="data", mood=mood, calls=(call,), note=note)
    if _HELP.search(text):
        return Purpose(kind="help", mood=mood)
    kind: Kind = "feedback" if mood.intent == "feedback" else "unable"
    return Purpose(kind=kind, mood=mood, note=note)


def written(text: str) -> str:
    """Return the SQL that stands in ``text`` itself, or nothing."""
    found = _SQL.search(text) or _CHANGES.search(text)
    if not found:
        return ""
    quote = {'"': '"', "“": "”", "„": "“", "'": "'"}.get(text[found.start() - 1 : found.start()])
    end = re.escape(quote) + r"(?=\W|$)" if quote and quote != "'" else r"(?!)"
    statement = re.split(rf"[;`\n]|\.\s|,\s+(?:and|und|but|aber)\b|{end}", found[1], maxsplit=1)[0]
    statement = statement.strip()
    prose = _PROSE.search(statement)
    return statement[: prose.start(1)].strip(' ."') if prose else statement.rstrip(' ."')


def mended(statement: str, errors: Iterable[str], schema: Schema | None = None) -> str:
    """Return ``statement`` with the name in it that an error corrects, or that the schema knows."""
    for error in errors:
        meant = _MEANT.search(error)
        wrong = _WRONG.search(error)
        same = _by_concept(statement, wrong[1], schema) if schema and wrong else statement
        if same != statement:
            return same
        for word in re.findall(r"\w+", error[: meant.start()]) if meant else ():
            here = re.compile(rf"\b(?:\w+\.)?{re.escape(word)}\b", re.IGNORECASE)
            if meant and word.lower() not in _SPOKEN and here.search(statement):
                return here.sub(meant[1], statement)
    return statement


def _by_concept(statement: str, wrong: str, schema: Schema) -> str:
    """Put the column that means the same in the place of one that is not there."""
    words = {word.lower() for word in re.findall(r"\w+", statement)}
    for table in schema.tables:
        for column in table.columns if table.name.lower() in words else ():
            if concept(column.name) == concept(wrong) and column.name.lower() != wrong.lower():
                return re.sub(rf"\b{re.escape(wrong)}\b", column.name, statement)
    return statement


def _structure(text: str, schema: Schema) -> str:
    if not schema.tables:
        return ""
    if TABLES.search(text):
        return "SHOW TABLES"
    if DESCRIBE.search(text):
        for token in tokens_of(text):
            table = table_named(token, schema)
            if table:
                return f"DESCRIBE {table.name}"
    return ""


def _following(text: str, asked: Asked) -> Query | None:
    """``and in Dresden?``: the question before, with what is new in this one."""
    if not FOLLOW.match(text):
        return None
    for turn in reversed(asked.before):
        earlier = understood(turn.text, asked.schema) if turn.role == "user" else None
        if earlier is not None:
            table = earlier.target.name.replace("_", " ")
            new = understood(f"how many {table} {FOLLOW.sub('', text)}", asked.schema)
            fresh = new.conditions if new else ()
            columns = {condition.column for condition in fresh}
            kept = [c for c in earlier.conditions if c.column not in columns]
            return msgspec.structs.replace(earlier, conditions=(*kept, *fresh)) if fresh else None
    return None


def _note(query: Query, language: str) -> str:
    if not query.ignored:
        return ""
    words = ", ".join(f"“{word}”" for word in query.ignored)
    if language == "de":
        return f"note: {words} habe ich nicht verstanden und nicht berücksichtigt."
    return f"note: I did not understand {words} and left it out."
