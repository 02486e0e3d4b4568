"""What the engine asks of the world. Adapters implement it; the engine knows none by name."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

from agent.core.databases import Schemas
from agent.core.json import Json
from agent.core.messages import ModelReply, ModelRequest


class Model(Protocol):
    """Something that answers chat-completion requests."""

    @property
    def default_model(self) -> str:
        """The model id used when a node names none."""
        ...

    @property
    def label(self) -> str:
        """What a person is shown, such as ``gpt-x at host`` or ``built-in (rules, not an LLM)``."""
        ...

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelReply:
        """Answer ``request``; call ``on_text`` with every piece of text as it arrives.

        Raises:
            ModelFailed: after all permitted tries; ``partial`` holds the text so far.
        """
        ...


class Tool(Protocol):
    """Something a node can call by name."""

    @property
    def name(self) -> str:
        """The name the model uses."""
        ...

    @property
    def description(self) -> str:
        """What it does, as the model is told."""
        ...

    @property
    def parameters(self) -> Json:
        """JSON schema of the arguments."""
        ...

    @property
    def effect(self) -> str:
        """``pure``, ``read`` or ``write``; the intent of a write is on disk before the call."""
        ...

    @property
    def is_data(self) -> bool:
        """Whether its results are data that an interpreter may have to read."""
        ...

    async def call(self, arguments: Json, log: Callable[[str], None]) -> Json:
        """Do it; ``log`` takes a line of live output.

        Raises:
            ToolFailed: with a named code; the node is told and may go on.
        """
        ...


class Processes(Protocol):
    """Where tool calls run that may take their time."""

    async def run(self, pid: str, work: Coroutine[None, None, Json]) -> Json:
        """Do ``work`` so that process ``pid`` can be stopped.

        Raises:
            ToolFailed: ``cancelled`` when it was; else whatever ``work`` raises.
        """
        ...


class Databases(Protocol):
    """What the data tools ask."""

    @property
    def known(self) -> Schemas | None:
        """What they held when they were last looked at; ``None`` before. Asks nobody."""
        ...

    async def schemas(self) -> Schemas:
        """Return what they hold, the same object until that changes; only the first time waits."""
        ...

    def degraded(self) -> list[str]:
        """Return those that are away, or that the agent could write to."""
        ...


class Render(Protocol):
    """Fills prompt templates; pure, given the templates' revision."""

    def __call__(self, prompt: str, values: Mapping[str, Json]) -> str:
        """Fill ``prompts/<prompt>.md`` with ``values``."""
        ...


class Clock(Protocol):
    """Time, chance and names, for the engine (exempt from replay) and for effects."""

    def now_ms(self) -> int:
        """Wall time, Unix milliseconds."""
        ...

    def now_ns(self) -> int:
        """Wall time, Unix nanoseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def token(self, size: int) -> str:
        """``size`` random bytes as hex."""
        ...
