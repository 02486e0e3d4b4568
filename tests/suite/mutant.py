"""The program with one part of the agent spoilt: ``python mutant.py MUTATION serve …``.

What each mutation spoils, and which checks of the suites must see it, stands in ``test_mutants``.
"""

import sys
from collections.abc import Callable

from agent import cli
from agent.adapters.sql.tool import QueryDb
from agent.core import controls, graph
from agent.engine.context import Context
from agent.nodes import expert, memorizer_v1
from agent.nodes.expert import ExpertNode


def interpreter() -> None:
    """The expert answers from raw rows itself, however many there are."""
    expert._readable = lambda _output: True


def result() -> None:
    """The database answers with other figures: every number is one too high."""
    honest = QueryDb.call

    async def call(self, arguments, log):
        answer = await honest(self, arguments, log)
        rows = [
            [cell + 1 if isinstance(cell, int | float) else cell for cell in row]
            for row in answer["rows"]
        ]
        return {**answer, "rows": rows}

    QueryDb.call = call


def machine() -> None:
    """A click on a machine leads nowhere."""
    controls._go = lambda _ui, _name, _target: None


def click() -> None:
    """No click is resolved without a model."""
    controls.resolve = lambda _ui, _action, _data: None


def buttons() -> None:
    """Buttons are promised and not made."""
    controls._TOOLS["emit_actions"] = lambda _given, _ui: ({"buttons": []}, ())


def describe() -> None:
    """No table is looked at before it is asked."""

    async def look(_self, _ctx, _envelope, _plan):
        return False

    ExpertNode._look = look


def cache() -> None:
    """What was seen of a table is forgotten at once."""
    remember = Context.remember

    def forgetful(self, *changes):
        remember(self, *(change for change in changes if change.path[0] != "cache"))

    Context.remember = forgetful


def attempts() -> None:
    """A query that failed is not tried again."""
    expert.ATTEMPTS = 1


def progress() -> None:
    """No line tells what an expert does."""
    expert._tell = lambda _ctx, _envelope, _tool, _args: None


def memory() -> None:
    """Nothing is remembered."""
    memorizer_v1._merge = lambda known, _turn: known


def reflex() -> None:
    """Small talk takes the long way."""
    graph.CONDITIONS["reflex"] = lambda _envelope: False


def silence() -> None:
    """Nodes say nothing."""
    Context.say = lambda _self, _text: None


def none() -> None:
    """The agent as it is."""


MUTATIONS: dict[str, Callable[[], None]] = {
    mutation.__name__: mutation
    for mutation in (
        none, interpreter, result, machine, click, buttons, describe, cache, attempts, progress,
        memory, reflex, silence,
    )
}  # fmt: skip

if __name__ == "__main__":
    MUTATIONS[sys.argv.pop(1)]()
    cli.main()
