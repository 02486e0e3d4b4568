"""Prompt templates, filled by name; a value that is missing is an error, never empty.

A template is compiled when it is first asked for, and jinja2 is imported only then.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.core import lazy
from agent.core.errors import NodeFailed
from agent.core.json import Json
from agent.engine.ports import Render

if TYPE_CHECKING:
    from jinja2 import Template


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

    @lru_cache
    def template(name: str) -> "Template":
        lazy.load("jinja2")
        from jinja2 import Environment, StrictUndefined

        if name not in prompts:
            known = ", ".join(sorted(prompts))
            raise NodeFailed(f"no prompt {name!r}; there are: {known}")
        environment = Environment(
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - prompts are plain text for a model, not a page
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        return environment.from_string(prompts[name])

    def render(prompt: str, values: Mapping[str, Json]) -> str:
        return template(prompt).render(values)

    return render
