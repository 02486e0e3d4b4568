"""Prompt templates, filled by name; a value that is missing is an error, never empty.

A template is compiled when its text is first asked for, and jinja2 is imported only then; the same
text in another edition is not compiled again.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from agent.core import lazy
from agent.core.errors import NodeFailed
from agent.core.json import NOTHING, Json
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


def renderer(prompts: Mapping[str, str], given: Mapping[str, str] = NOTHING) -> Render:
    """Return what fills ``prompts``: template by name.

    What is ``given`` goes before. It came through a door and not from a file, so it is filled in a
    sandbox: a template can call what it reaches, and a door is no way to run code.
    """

    def render(prompt: str, values: Mapping[str, Json]) -> str:
        if prompt not in prompts:
            known = ", ".join(sorted(prompts))
            raise NodeFailed(f"no prompt {prompt!r}; there are: {known}")
        if prompt in given:
            return _template(given[prompt], sealed=True).render(values)
        return _template(prompts[prompt]).render(values)

    return render


@lru_cache(maxsize=256)
def _template(text: str, *, sealed: bool = False) -> "Template":
    return _environment(sealed=sealed).from_string(text)


@cache
def _environment(*, sealed: bool) -> "Environment":
    lazy.load("jinja2")
    from jinja2 import Environment, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    kind = ImmutableSandboxedEnvironment if sealed else Environment
    return kind(
        undefined=StrictUndefined,
        autoescape=False,  # prompts are plain text for a model, not a page
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
