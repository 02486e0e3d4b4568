"""MySQL's grammar as MariaDB has it: what the parser's own generator writes for MySQL 8 alone."""

from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL

_WHOLE = (exp.Column, exp.Literal, exp.Paren, exp.Subquery, exp.Cast, exp.Anonymous)
"""Operands that need no parentheses around them."""


def _regexp(generator: MySQL.Generator, node: exp.RegexpLike) -> str:
    if node.args.get("flag"):
        return generator.function_fallback_sql(node)
    text, pattern = (
        generator.sql(part if isinstance(part, _WHOLE) else exp.Paren(this=part))
        for part in (node.this, node.expression)
    )
    return f"{text} REGEXP {pattern}"


class MariaDB(MySQL):
    """Writes ``a REGEXP b``, which both servers have, for ``REGEXP_LIKE(a, b)``."""

    class Generator(MySQL.Generator):
        """What differs."""

        TRANSFORMS: ClassVar[dict[type[exp.Expr], Callable[..., str]]] = {
            **MySQL.Generator.TRANSFORMS,
            exp.RegexpLike: _regexp,
        }
