"""The program of a fork, made again from what its recording says was changed.

Invariant: a prompt that came in with a recording from elsewhere is shown and never filled.
"""

from collections.abc import Callable, Mapping

from agent.core.errors import Conflict
from agent.core.frames import FrameTrace
from agent.debugger.edits import notes_of
from agent.debugger.refit import refit
from agent.engine.ports import Render
from agent.engine.program import Program
from agent.runtime.library import Edition, prompts_of
from agent.runtime.templates import renderer


def rendering(edition: Edition) -> Callable[[Mapping[str, str]], Render]:
    """Return what renders an edition's prompts with some of them replaced."""
    return lambda others: renderer(prompts_of(edition), others)


def has_prompts(trace: FrameTrace) -> bool:
    """Whether it is a fork with prompts that no edition has."""
    notes = notes_of(trace.effects)
    return any(edit.target == "prompt" for note in notes for edit in note.edits)


def refuse_foreign(trace: FrameTrace) -> None:
    """Refuse to run prompts that came with a recording from elsewhere.

    Raises:
        Conflict: it is a fork that changed prompts.
    """
    if has_prompts(trace):
        raise Conflict(
            f"run {trace.run_id} came from elsewhere and is a fork with prompts of its own, which "
            "are shown and never run"
        )


def refitted(edition: Edition, trace: FrameTrace) -> Program:
    """Return the program that replays ``trace`` on ``edition``."""
    return refit(edition.program, notes_of(trace.effects), rendering(edition), begun=1)
