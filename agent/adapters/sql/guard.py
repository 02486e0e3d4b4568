"""The parser in front of every database: a model's text goes in, our own text comes out.

The invariant: what reaches a server was written by the generator from a syntax tree in which every
node and every function is on the allow-list, and that text has passed the same check again. The
model's own bytes, its comments (MySQL runs some of them) and its quoting never get there. The guard
is one layer of several; the engine behind it refuses on its own.
"""

import logging
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.adapters.sql.lookups import described, listed
from agent.adapters.sql.refusal import refused
from agent.adapters.sql.token_rules import check_tokens
from agent.adapters.sql.tree_rules import check_qualifier, check_tree, tables
from agent.adapters.sql.vocabulary import VOCABULARIES, Dialect
from agent.core import lazy

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect as Grammar
    from sqlglot.tokenizer_core import Token

MAX_CHARS = 10_000
DEFECTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the parser and the generator raise when a text is stranger than their authors thought."""

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
    check_text(sql)
    own = frozenset(name.lower() for name in schemas)
    if (name := described(sql)) is not None:
        check_qualifier(name[0], own | VOCABULARIES[dialect].qualifiers)
        return Guarded(sql=f"DESCRIBE {name[1]}", kind="describe", tables=(name[1],))
    if (schema := listed(sql)) is not None:
        check_qualifier(schema, own | VOCABULARIES[dialect].qualifiers)
        return Guarded(sql="SHOW TABLES", kind="tables")
    return _query(sql, dialect, own)


def _query(sql: str, dialect: Dialect, own: frozenset[str]) -> Guarded:
    lazy.load("sqlglot", "sqlglot.errors", "sqlglot.parser", f"sqlglot.dialects.{dialect}")
    written = _write(_read(sql, dialect, own), dialect)
    again = _read(written, dialect, own)
    if _write(again, dialect) != written:
        raise refused("it can be read in two ways")
    return Guarded(sql=written, kind="query", tables=tables(again))


def _read(sql: str, dialect: Dialect, own: frozenset[str]) -> "exp.Expr":
    tree = _parse(sql, dialect)
    check_tree(tree, VOCABULARIES[dialect], own)
    _name_tables_alone(tree, own | {"main"} if dialect == "sqlite" else own)
    if dialect == "sqlite":
        _suit_sqlite(tree)
    elif dialect == "postgres":
        _suit_postgres(tree)
    return tree


def check_text(sql: str) -> None:
    """Refuse what need not even be cut into words; costs next to nothing.

    Raises:
        ToolFailed: ``sql_refused``.
    """
    if len(sql) > MAX_CHARS:
        raise refused(f"it has {len(sql):,} characters, the limit is {MAX_CHARS:,}")
    if not sql.strip():
        raise refused("it is empty")
    odd = next((sign for sign in sql if not sign.isprintable() and sign not in " \t\r\n"), None)
    if odd is not None:
        raise refused(f"it holds the invisible character {odd!r}")


def _parse(sql: str, dialect: Dialect) -> "exp.Expr":
    from sqlglot.errors import SqlglotError

    grammar = _grammar(dialect)
    try:
        tokens = _without_end(grammar.tokenize(sql))
        check_tokens(tokens, VOCABULARIES[dialect])
        trees = grammar.parser().parse(tokens, sql)
    except SqlglotError as error:
        raise refused(f"it is not valid {dialect} SQL ({_reason(error)})") from error
    except RecursionError as error:
        raise refused("it is nested too deeply") from error
    except DEFECTS as error:
        raise refused(f"the parser cannot read it ({type(error).__name__})") from error
    if len(trees) != 1 or trees[0] is None:
        raise refused(f"it holds {len(trees)} statements, one is allowed")
    return trees[0]


@cache
def _grammar(dialect: Dialect) -> "Grammar":
    from sqlglot.dialects.dialect import Dialect as Grammar

    # It warns on the root logger's handler about statements that are then refused anyway.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    if dialect == "mysql":
        from agent.adapters.sql.mariadb_grammar import MariaDB

        return MariaDB()
    return Grammar.get_or_raise(dialect)


def _write(tree: "exp.Expr", dialect: Dialect) -> str:
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        return tree.sql(
            dialect=_grammar(dialect), comments=False, unsupported_level=ErrorLevel.RAISE
        )
    except SqlglotError as error:
        raise refused(f"{dialect} cannot express it ({_reason(error)})") from error
    except RecursionError as error:
        raise refused("it is nested too deeply") from error
    except DEFECTS as error:
        raise refused(f"{dialect} cannot express it ({type(error).__name__})") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].split("\x1b", 1)[0].strip().rstrip(".")[:120]


def _without_end(tokens: "list[Token]") -> "list[Token]":
    while tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    return tokens


def _name_tables_alone(tree: "exp.Expr", own: frozenset[str]) -> None:
    """Leave out the database's own name, which the server may know it by or not."""
    from sqlglot import exp

    for node in tree.find_all(exp.Table, exp.Column):
        if node.text("db").lower() in own:
            node.set("db", None)


def _suit_postgres(tree: "exp.Expr") -> None:
    """Let ROUND take places of a double as everywhere else; PostgreSQL has it for decimals only."""
    from sqlglot import exp

    for node in list(tree.find_all(exp.Round)):
        if node.args.get("decimals") and not isinstance(node.this, exp.Cast):
            node.set("this", exp.cast(node.this, "decimal"))


def _suit_sqlite(tree: "exp.Expr") -> None:
    """Write ``a, b`` for CROSS JOIN, which would fix SQLite's order."""
    from sqlglot import exp

    for join in tree.find_all(exp.Join):
        if join.kind == "CROSS" and not (join.args.get("on") or join.args.get("using")):
            join.set("kind", None)
