"""The program of a fork, made again from what its recording says was changed."""

from collections.abc import Callable, Mapping

from agent.core.frames import FrameTrace
from agent.debugger.edits import notes_of
from agent.debugger.refit import refit
from agent.engine.ports import Render
from agent.engine.program import Program
from agent.runtime.library import Edition, prompts_of
from agent.runtime.templates import renderer


def rendering(edition: Edition) -> Callable[[Mapping[str, str]], Render]:
    """Return what renders an edition's prompts with some of them replaced."""
    return lambda others: renderer({**prompts_of(edition), **others})


def refitted(edition: Edition, trace: FrameTrace) -> Program:
    """Return the program that replays ``trace`` on ``edition``."""
    return refit(edition.program, notes_of(trace.effects), rendering(edition), begun=1)
