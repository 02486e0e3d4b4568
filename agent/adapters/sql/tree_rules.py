"""The allow-list, applied to every node of a syntax tree."""

import re
from typing import TYPE_CHECKING

from agent.adapters.sql.refusal import refused
from agent.adapters.sql.vocabulary import REWRITTEN, SYNTAX, TYPES, Vocabulary

if TYPE_CHECKING:
    from sqlglot import exp

_WORD = re.compile(r"\w+")
WIDEST = 1_000
"""Characters to which a text may be padded."""
_WIDE = re.compile(r"\*|\d{3}")
"""What makes a format write more than was given to it."""


def check_tree(tree: "exp.Expr", words: Vocabulary, own: frozenset[str]) -> None:
    """Refuse everything that the vocabulary does not name.

    Args:
        tree: one parsed statement.
        words: what the dialect may say.
        own: names of the database itself.

    Raises:
        ToolFailed: ``sql_refused``.
    """
    from sqlglot import exp

    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery | exp.Values):
        raise refused(f"{_label(tree)} is not a query")
    for node in tree.walk():
        _check_node(node, words, own)


def _check_node(node: "exp.Expr", words: Vocabulary, own: frozenset[str]) -> None:
    from sqlglot import exp

    match node:
        case exp.Table():
            _check_table(node, words, own)
        case exp.DataType():
            _check_type(node)
        case exp.Identifier():
            _check_name(node, words)
        case exp.In() if node.args.get("field"):
            raise refused("IN needs a list or a subquery in parentheses")
        case exp.Trim() | exp.Format() | exp.Anonymous() if not _small(node):
            raise refused(f"{_label(node)} takes a short plain text there, without * and widths")
        case exp.Pad() if not _narrow(node):
            raise refused(f"{_label(node)} takes a plain number up to {WIDEST:,} as the length")
        case exp.Collate() if node.expression.find(exp.Dot) or node.expression.text("table"):
            raise refused("COLLATE takes a plain name")
        case _ if type(node).__name__ in SYNTAX:
            return
        case exp.Func() if _known(node, words):
            return
        case _:
            raise refused(f"{_label(node)} is not allowed")


def _known(node: "exp.Func", words: Vocabulary) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return node.name.lower() in words.functions
    names = {name.lower() for name in type(node).sql_names()}
    return bool(names & words.functions) or type(node).__name__ in REWRITTEN


def _small(node: "exp.Trim | exp.Format | exp.Anonymous") -> bool:
    """Whether the call cannot run for seconds in one step, where no clock reaches it."""
    from sqlglot import exp

    match node:
        case exp.Trim():
            text, limit = node.args.get("expression"), 32
        case exp.Format():
            text, limit = node.this, 200
        case _:
            first = node.expressions[0] if node.expressions else None
            text, limit = (first, 200) if node.name.lower() == "printf" else (None, 0)
    if text is None:
        return True
    plain = isinstance(text, exp.Literal) and text.is_string and len(text.name) <= limit
    return plain and (isinstance(node, exp.Trim) or not _WIDE.search(text.name))


def _narrow(node: "exp.Pad") -> bool:
    """Whether the padded text stays short, whatever it is made of."""
    length = node.expression
    return length.is_int and int(length.name) <= WIDEST


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
    check_qualifier(schema, own | words.qualifiers)
    system = schema == "information_schema" or name.startswith(words.system_prefixes)
    if system and name not in words.system_tables:
        raise refused(f"{name!r} belongs to the server; use DESCRIBE table or SHOW TABLES")


def _check_name(node: "exp.Identifier", words: Vocabulary) -> None:
    if node.quoted:
        return
    if not _WORD.fullmatch(node.name) or node.name.lower() in words.niladic:
        raise refused(f"{node.name!r} is not a plain name; quote it if it is a column")


def check_qualifier(schema: str, allowed: frozenset[str]) -> None:
    """Refuse a schema that is not among ``allowed``; no schema is fine.

    Raises:
        ToolFailed: ``sql_refused``.
    """
    if schema and schema.lower() not in allowed:
        raise refused(f"{schema!r} is another schema; name the table alone")


def _check_type(node: "exp.DataType") -> None:
    kind = node.this
    name = kind.name if not isinstance(kind, str) else kind
    if name not in TYPES:
        raise refused(f"the type {name} is not allowed")


def tables(tree: "exp.Expr") -> tuple[str, ...]:
    """Return the tables that ``tree`` names, without those it defines itself."""
    from sqlglot import exp

    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    names = [node.name for node in tree.find_all(exp.Table) if node.arg_key != "indexed"]
    return tuple(dict.fromkeys(name for name in names if name.lower() not in defined))
