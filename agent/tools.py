"""What a file in a workspace's ``tools/`` needs: the mark that says what a function touches.

    from agent.tools import tool

    @tool(effect="read")
    def weather(city: str) -> str:
        \"\"\"Tell the weather of a city.\"\"\"

``pure`` touches nothing, ``read`` only looks, ``write`` changes something: that a write was about
to happen is on disk before it does. A file in which nothing reaches the world needs no marks.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

F = TypeVar("F", bound=Callable[..., object])
SideEffect = Literal["pure", "read", "write"]
MARK = "__effect__"


def tool(*, effect: SideEffect) -> Callable[[F], F]:
    """Say what the function below touches."""
    if effect not in ("pure", "read", "write"):
        raise ValueError(f"effect={effect!r}: expected 'pure', 'read' or 'write'")

    def mark(function: F) -> F:
        setattr(function, MARK, effect)
        return function

    return mark
