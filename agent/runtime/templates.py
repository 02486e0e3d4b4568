"""Prompt templates, filled by name; a value that is missing is an error, never empty.

A template is compiled when its text is first asked for, and jinja2 is imported only then; the same
text in another edition is not compiled again.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from agent.core import lazy
from agent.core.errors import NodeFailed
from agent.core.json import Json
from agent.engine.ports import Render

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def broken_template(text: str) -> str:
    """Return why ``text`` is no template, with its line; empty when it is one."""
    lazy.load("jinja2")
    from jinja2 import Environment, TemplateSyntaxError

    try:
        Environment(autoescape=False).parse(text)  # noqa: S701 - plain text for a model
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    return ""


def renderer(prompts: Mapping[str, str]) -> Render:
    """Return what fills ``prompts``: template by name."""

    def render(prompt: str, values: Mapping[str, Json]) -> str:
        if prompt not in prompts:
            known = ", ".join(sorted(prompts))
            raise NodeFailed(f"no prompt {prompt!r}; there are: {known}")
        return _template(prompts[prompt]).render(values)

    return render


@lru_cache(maxsize=256)
def _template(text: str) -> "Template":
    return _environment().from_string(text)


@cache
def _environment() -> "Environment":
    lazy.load("jinja2")
    from jinja2 import Environment, StrictUndefined

    return Environment(
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are plain text for a model, not a page
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
