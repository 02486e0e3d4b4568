"""The door to models: which one answers, and what else listens on this machine."""

import msgspec

from agent.core.json import Json
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """The model that answers where a graph's node names none."""

    label: str
    base_url: str
    model: str
    builtin: bool
    """Rules, not an LLM."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A model server on this machine that could be used."""

    name: str
    base_url: str
    models: list[str]
    use: str
    """The command that starts with it."""


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """The active model, and what is offered in its place."""

    active: Active
    offers: list[Offered]
    """Only looked for while the built-in model answers; none is ever used unasked."""


async def models(call: Call[Nothing, Nothing]) -> Json:
    """The active model, and model servers noticed on this machine."""
    return await call.site.models()


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(method="GET", path="/api/models", call=models, answer=Models),
)
