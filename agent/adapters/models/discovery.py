"""Model servers on this machine: noticed and offered, never used unasked.

The usual programs listen at known ports of loopback and list their models at ``/v1/models``. What
answers there is a stranger: it gets little time and no key, is followed nowhere, and its answer is
bounded, read as data, and quoted before it becomes part of a command.
"""

import asyncio
import shlex
from collections.abc import Callable
from itertools import islice

import msgspec

from agent import net
from agent.core.errors import BadInput
from agent.core.json import Json, fields, items

KNOWN = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))
DEADLINE_S = 0.3
MAX_BYTES = 256 * 1024
MAX_MODELS, MAX_NAME = 50, 120
KEPT_S = 10.0
"""For how long an answer is taken as still true."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A server that could be used."""

    name: str
    """What usually listens there."""
    base_url: str
    models: tuple[str, ...]
    use: str
    """The command that starts with it."""


class Discovery:
    """Looks for model servers on loopback.

    Args:
        monotonic: for how long an answer is kept.
        own_port: our own port, which is never asked.
        known: name and port of the usual programs.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        own_port: int = 0,
        known: tuple[tuple[str, int], ...] = KNOWN,
    ) -> None:
        self._monotonic = monotonic
        self._known = tuple(entry for entry in known if entry[1] != own_port)
        self._found: tuple[Offer, ...] = ()
        self._until = float("-inf")

    async def offers(self) -> tuple[Offer, ...]:
        """Return what listens now; asks again at most every ten seconds."""
        if self._monotonic() >= self._until:
            await asyncio.to_thread(net.load)  # importing it must not use up anybody's deadline
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(_look(name, port)) for name, port in self._known]
            self._found = tuple(offer for task in asked if (offer := task.result()))
            self._until = self._monotonic() + KEPT_S
        return self._found


async def _look(name: str, port: int) -> Offer | None:
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        async with asyncio.timeout(DEADLINE_S):
            models = _models(await _asked(base_url))
    except (TimeoutError, OSError, BadInput, net.HTTPError):
        return None
    if not models:
        return None
    use = f"AGENT_LLM_BASE_URL={base_url} AGENT_LLM_MODEL={shlex.quote(models[0])} python3 run.py"
    return Offer(name=name, base_url=base_url, models=models, use=use)


async def _asked(base_url: str) -> bytes:
    """Return the beginning of the answer; empty when it is no answer of a model server."""
    where = net.target(base_url, setting="discovery")
    async with (
        net.client(where, connect_s=DEADLINE_S, read_s=DEADLINE_S) as client,
        client.stream("GET", where.join("models")) as response,
    ):
        if response.status_code != 200:
            return b""
        return await net.head(response, MAX_BYTES)


def _models(body: bytes) -> tuple[str, ...]:
    """Read the ids of ``{"data": [{"id": …}]}``; whatever else stands there is nobody's model."""
    try:
        answer: Json = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    ids = [fields(entry).get("id") for entry in items(fields(answer).get("data"))]
    texts = [name for name in ids if isinstance(name, str)]
    named = (name for name in texts if 0 < len(name) <= MAX_NAME and name.isprintable())
    return tuple(islice(named, MAX_MODELS))
