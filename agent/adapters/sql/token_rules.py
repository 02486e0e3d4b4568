"""What is refused before the parser sees it.

The parser of an SQL text may need time that doubles with every level, so depth is bounded here, and
so are the words that may stand before a parenthesis. None of this has to be complete for safety:
the syntax tree is checked afterwards.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from agent.adapters.sql.refusal import refused
from agent.adapters.sql.vocabulary import BEFORE_PARENTHESIS, Vocabulary

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

MAX_NESTING = 32
"""Open parentheses or CASEs at one place; honest queries stay below 10."""
MAX_TYPE_NESTING = 4
"""The same for functions that are named like a type, such as ``date(``: those cost double."""
_FIRST = frozenset({"SELECT", "WITH", "VALUES"})
_NEVER = frozenset({"SEMICOLON", "L_BRACKET", "L_BRACE", "PARAMETER", "PLACEHOLDER"})
_WORD = re.compile(r"\w+")


def check_tokens(tokens: "Sequence[Token]", words: Vocabulary) -> None:
    """Refuse what need not be parsed.

    Raises:
        ToolFailed: ``sql_refused``.
    """
    first = next((token.text for token in tokens if token.text != "("), "")
    if first.upper() not in _FIRST:
        raise refused(f"it begins with {first!r}" if first else "it holds no statement")
    for number, token in enumerate(tokens):
        kind = token.token_type.name
        if kind in _NEVER:
            raise refused(f"{token.text!r} is not allowed outside of quotes")
        if any(comment.lstrip("Mm").startswith("!") for comment in token.comments):
            raise refused("it hides SQL in a comment")
        if kind == "L_PAREN" and number:
            _check_call(tokens[number - 1].text, islice(tokens, number + 1, None), words)
    _check_nesting(tokens)


def _check_call(word: str, inside: "Iterable[Token]", words: Vocabulary) -> None:
    known = word.lower() in words.functions or word.lower() in BEFORE_PARENTHESIS
    if not known and _WORD.fullmatch(word) and not _names_only(inside):
        raise refused(f"the function {word}() is not allowed")


def _names_only(inside: "Iterable[Token]") -> bool:
    """Whether these are the column names of ``WITH t(a, b) AS`` or ``AS t(a, b)``."""
    for token in inside:
        if token.text == ")":
            return True
        if token.text != "," and not _WORD.fullmatch(token.text):
            return False
    return False


def _check_nesting(tokens: "Sequence[Token]") -> None:
    """Count what is open. A closing word that does not fit closes nothing: too high is safe."""
    from sqlglot.parser import Parser

    opened: list[str] = []
    for number, token in enumerate(tokens):
        match token.token_type.name:
            case "L_PAREN":
                typed = number and tokens[number - 1].token_type in Parser.TYPE_TOKENS
                opened.append("type" if typed else "parenthesis")
            case "CASE":
                opened.append("case")
            case "R_PAREN" if opened and opened[-1] != "case":
                opened.pop()
            case "END" if opened and opened[-1] == "case":
                opened.pop()
            case _:
                continue
        if len(opened) > MAX_NESTING or opened.count("type") > MAX_TYPE_NESTING:
            raise refused("it is nested too deeply")
