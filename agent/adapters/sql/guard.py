"""The parser in front of every database: a model's text goes in, our own text comes out.

The invariant: what reaches a server was written by the generator from a syntax tree in which every
node and every function is on the allow-list, and that text has passed the same check again. The
model's own bytes, its comments (MySQL runs some of them) and its quoting never get there. The guard
is one layer of several; the engine behind it refuses on its own.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.adapters.sql.lookups import described, listed
from agent.adapters.sql.vocabulary import (
    REWRITTEN,
    SYNTAX,
    TYPES,
    VOCABULARIES,
    Dialect,
    Vocabulary,
)
from agent.core.errors import ToolFailed

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

MAX_CHARS = 10_000
MAX_NESTING = 32
"""Open parentheses or CASEs at one place; honest queries stay below 10."""
ALLOWED = "one SELECT (with WITH, UNION or VALUES), DESCRIBE table, SHOW TABLES or SHOW COLUMNS"

Kind = Literal["query", "describe", "tables"]


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that may run."""

    sql: str
    """The regenerated text, the only one that may be executed or shown as executed."""
    kind: Kind
    """``describe`` and ``tables`` are answered from the catalogue."""
    tables: tuple[str, ...] = ()
    """The tables it names, in order of appearance, without the names it defines itself."""


def guard(sql: str, dialect: Dialect = "sqlite", *, schemas: Collection[str] = ()) -> Guarded:
    """Check ``sql`` and write it anew.

    Args:
        sql: what the model wrote.
        dialect: the language of the server it is for.
        schemas: names the database itself goes by, allowed before a table's name.

    Raises:
        ToolFailed: ``sql_refused``; the detail says what was refused and what is allowed.
    """
    _check_text(sql)
    own = frozenset(name.lower() for name in schemas)
    if (name := described(sql)) is not None:
        _check_qualifier(name[0], own | VOCABULARIES[dialect].qualifiers)
        return Guarded(sql=f"DESCRIBE {name[1]}", kind="describe", tables=(name[1],))
    if (schema := listed(sql)) is not None:
        _check_qualifier(schema, own | VOCABULARIES[dialect].qualifiers)
        return Guarded(sql="SHOW TABLES", kind="tables")
    return _query(sql, dialect, own)


def _query(sql: str, dialect: Dialect, own: frozenset[str]) -> Guarded:
    words = VOCABULARIES[dialect]
    tree = _parse(sql, dialect)
    _check_tree(tree, words, own)
    if dialect == "sqlite":
        _drop_qualifiers(tree)
    written = _write(tree, dialect)
    again = _parse(written, dialect)
    _check_tree(again, words, own)
    if _write(again, dialect) != written:
        raise refused("it can be read in two ways")
    return Guarded(sql=written, kind="query", tables=_tables(again))


def refused(what: str) -> ToolFailed:
    """Return the refusal that names ``what`` and says what would have been allowed."""
    return ToolFailed("sql_refused", f"This SQL was refused: {what}. Allowed: {ALLOWED}.")


def _check_text(sql: str) -> None:
    if len(sql) > MAX_CHARS:
        raise refused(f"it has {len(sql):,} characters, the limit is {MAX_CHARS:,}")
    if not sql.strip():
        raise refused("it is empty")
    odd = next((sign for sign in sql if not sign.isprintable() and sign not in " \t\r\n"), None)
    if odd is not None:
        raise refused(f"it holds the invisible character {odd!r}")


def _parse(sql: str, dialect: Dialect) -> "exp.Expr":
    from sqlglot.dialects.dialect import Dialect as Grammar
    from sqlglot.errors import SqlglotError

    grammar = Grammar.get_or_raise(dialect)
    try:
        tokens = _without_end(grammar.tokenize(sql))
        _check_tokens(tokens)
        trees = grammar.parser().parse(tokens, sql)
    except SqlglotError as error:
        raise refused(f"it is not valid {dialect} SQL ({_reason(error)})") from error
    except RecursionError as error:
        raise refused("it is nested too deeply") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise refused(f"the parser cannot read it ({type(error).__name__})") from error
    if len(trees) != 1 or trees[0] is None:
        raise refused(f"{len(trees)} statements came, one may")
    return trees[0]


def _write(tree: "exp.Expr", dialect: Dialect) -> str:
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        return tree.sql(dialect=dialect, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise refused(f"{dialect} cannot express it ({_reason(error)})") from error
    except RecursionError as error:
        raise refused("it is nested too deeply") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].split("\x1b", 1)[0].strip().rstrip(".")


def _without_end(tokens: "list[Token]") -> "list[Token]":
    while tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    return tokens


def _check_tokens(tokens: "list[Token]") -> None:
    first = next((token.text for token in tokens if token.text != "("), "")
    if first.upper() not in {"SELECT", "WITH", "VALUES"}:
        raise refused(f"it begins with {first!r}" if first else "it holds no statement")
    depth = 0
    for token in tokens:
        word = token.text.upper()
        depth += (word in _OPENING) - (word in _CLOSING)
        if depth > MAX_NESTING:
            raise refused(f"it nests deeper than {MAX_NESTING} levels")
        if word == ";" and token.token_type.name == "SEMICOLON":
            raise refused("more than one statement came")
        if any(comment.lstrip("M").startswith("!") for comment in token.comments):
            raise refused("it hides SQL in a comment")


_OPENING = frozenset({"(", "CASE", "[", "{"})
_CLOSING = frozenset({")", "END", "]", "}"})


def _check_tree(tree: "exp.Expr", words: Vocabulary, own: frozenset[str]) -> None:
    from sqlglot import exp

    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery | exp.Values):
        raise refused(f"{_label(tree)} is not a query")
    for node in tree.walk():
        kind = type(node).__name__
        if isinstance(node, exp.Table):
            _check_table(node, words, own)
        elif isinstance(node, exp.DataType):
            _check_type(node)
        elif kind not in SYNTAX and not (isinstance(node, exp.Func) and _known(node, words)):
            raise refused(f"{_label(node)} is not allowed")


def _known(node: "exp.Func", words: Vocabulary) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return node.name.lower() in words.functions
    names = {name.lower() for name in type(node).sql_names()}
    return bool(names & words.functions) or type(node).__name__ in REWRITTEN


def _label(node: "exp.Expr") -> str:
    from sqlglot import exp

    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return f"the function {node.name}()"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}()"
    return f"the {type(node).__name__.upper()} construct"


def _check_table(node: "exp.Table", words: Vocabulary, own: frozenset[str]) -> None:
    from sqlglot import exp

    if not isinstance(node.this, exp.Identifier):
        raise refused(f"{_label(node.this)} stands where a table should")
    name, schema = node.name.lower(), node.db.lower()
    if node.catalog:
        raise refused(f"the table name {node.catalog}.{node.db}.{node.name} has too many parts")
    _check_qualifier(schema, own | words.qualifiers)
    system = schema == "information_schema" or name.startswith(words.system_prefixes)
    if system and name not in words.system_tables:
        raise refused(f"{name!r} belongs to the server; use DESCRIBE table or SHOW TABLES")


def _check_qualifier(schema: str, allowed: frozenset[str]) -> None:
    if schema and schema.lower() not in allowed:
        raise refused(f"{schema!r} is another schema; name the table alone")


def _check_type(node: "exp.DataType") -> None:
    kind = node.this
    name = kind.name if not isinstance(kind, str) else kind
    if name not in TYPES:
        raise refused(f"the type {name} is not allowed")


def _drop_qualifiers(tree: "exp.Expr") -> None:
    from sqlglot import exp

    for node in tree.find_all(exp.Table, exp.Column):
        node.set("db", None)


def _tables(tree: "exp.Expr") -> tuple[str, ...]:
    from sqlglot import exp

    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    names = [node.name for node in tree.find_all(exp.Table) if node.arg_key != "indexed"]
    return tuple(dict.fromkeys(name for name in names if name.lower() not in defined))
