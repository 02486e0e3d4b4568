"""A client for any server that speaks the chat-completions protocol, streamed over HTTP.

Invariants: a request is tried again only while nothing of its answer was heard; whatever goes
wrong becomes one ``ModelFailed`` with a named code, the text so far, and no key in it; leaving
``complete``, however, closes the stream.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from agent import net
from agent.adapters.clock import SystemClock
from agent.adapters.models import faults
from agent.adapters.models.body import Body
from agent.adapters.models.dialect import Dialect, body
from agent.adapters.models.draft import Draft
from agent.adapters.models.faults import Fault
from agent.adapters.models.limits import Limits, retry_after
from agent.adapters.models.prices import Price, Prices
from agent.adapters.models.watch import Watch
from agent.core.errors import BadInput, ModelFailed
from agent.core.messages import ModelReply, ModelRequest
from agent.engine.ports import Clock

if TYPE_CHECKING:
    from agent.net import AsyncClient, Response, Transport

_log = logging.getLogger(__name__)
_ERROR_BYTES = 64 * 1024
_QUOTED_CHARS = 300
_SECRET_CHARS = 8
"""Shorter keys are the placeholders that local servers want, and would redact common words."""
_HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}
_NO_PRICES: Mapping[str, Price] = {}


class OpenAIModel:
    """One server; keeps its connections and what it learnt about the server's dialect."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        default_model: str,
        *,
        label: str | None = None,
        transport: "Transport | None" = None,
        prices: Prices = _NO_PRICES,
        limits: Limits | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._target = net.target(base_url, setting=faults.URL)
        self._key = _checked(api_key)
        self._default = default_model
        self._label = label or f"{default_model} at {self._target.host}"
        self._transport = transport
        self._prices = prices
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._dialect = Dialect()
        self._url = self._target.join("chat/completions")
        self._opened: AsyncClient | None = None

    @property
    def default_model(self) -> str:
        """The model id used when a node names none."""
        return self._default

    @property
    def label(self) -> str:
        """What a person is shown."""
        return self._label

    async def warm(self) -> None:
        """Import and set up what the first call needs, off the event loop.

        What fails here fails again in that call, which then says so.
        """
        with suppress(Fault):
            await asyncio.to_thread(self._client)

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelReply:
        """Answer ``request``; call ``on_text`` with every piece of text as it arrives.

        Raises:
            ModelFailed: after all permitted tries; ``partial`` holds the text so far.
        """
        limits, tries = self._limits, 1
        deadline = self._clock.monotonic() + limits.total_s
        while True:
            wording = self._dialect.wording(request)
            inside = self._dialect.begins_inside(request.model)
            draft = Draft(request, on_text, limits.text_chars, inside=inside)
            try:
                await self._try(body(request, wording), draft, deadline)
                return self._finished(request, draft)
            except Fault as fault:
                if plainer := self._dialect.learn(request, wording, fault):
                    _log.info("%s; %s from now on", self._story(fault, 1), plainer)
                    continue
                pause = limits.pause(tries, fault.wait, self._clock.random())
                late = self._clock.monotonic() + pause >= deadline
                if draft.text or not fault.kind.again or tries >= limits.tries or late:
                    raise self._failed(fault, tries, draft) from fault
                _log.info("%s; try %d in %.1f s", self._story(fault, tries), tries + 1, pause)
            await self._sleep(pause)
            tries += 1

    def _finished(self, request: ModelRequest, draft: Draft) -> ModelReply:
        reply = draft.reply(self._prices)
        free = request.response_format is None and bool(reply.text)
        self._dialect.heard(request.model, headless=draft.headless, free=free)
        return reply

    async def _try(self, content: bytes, draft: Draft, deadline: float) -> None:
        """Send one request and fill ``draft`` with its answer."""
        watch = Watch(self._limits, deadline - self._clock.monotonic())
        try:
            async with watch.guard:
                await self._exchange(content, draft, watch)
        except TimeoutError:
            if not watch.guard.expired():
                raise
            if not draft.complete:
                raise watch.fault() from None

    async def _exchange(self, content: bytes, draft: Draft, watch: Watch) -> None:
        client = self._client()
        request = client.build_request("POST", self._url, content=content, headers=_HEADERS)
        try:
            response = await client.send(request, stream=True)
        except net.HTTPError as error:
            raise faults.of_transport(error) from error
        try:
            if response.status_code != 200:
                raise await self._refusal(response)
            await self._receive(response, draft, watch)
        finally:
            await response.aclose()

    async def _refusal(self, response: "Response") -> Fault:
        wait = retry_after(response.headers.get("retry-after"), self._clock)
        try:
            sent = await net.head(response, _ERROR_BYTES)
        except net.HTTPError:
            sent = b""
        return faults.refused(response.status_code, sent, wait)

    async def _receive(self, response: "Response", draft: Draft, watch: Watch) -> None:
        packed = response.headers.get("content-encoding", "identity")
        if packed != "identity":
            raise Fault(faults.GARBAGE, "sent its answer compressed, unasked, as", quote=packed)
        body, clean = Body(draft, self._limits.text_chars), True
        try:
            async for chunk in response.aiter_raw():
                body.feed(chunk)
                if watch.heard(draft):
                    await asyncio.sleep(0)
        except net.HTTPError:
            clean = False
        body.end(clean=clean)

    def _client(self) -> "AsyncClient":
        if self._opened is None:
            try:
                self._opened = net.client(
                    self._target,
                    key=self._key,
                    transport=self._transport,
                    connect_s=self._limits.connect_s,
                )
            except (ImportError, ValueError, OSError) as error:
                came = "cannot be reached with the proxy and CA settings of this environment:"
                raise Fault(faults.ENVIRONMENT, came, quote=str(error)) from error
        return self._opened

    def _failed(self, fault: Fault, tries: int, draft: Draft) -> ModelFailed:
        detail = f"{self._story(fault, tries)}; {fault.kind.advice}"
        text = draft.text
        return ModelFailed(fault.kind.code, detail, partial={"text": text} if text else None)

    def _story(self, fault: Fault, tries: int) -> str:
        """Say what came and from whom; what the server wrote is cut only after redaction."""
        quote = fault.quote
        if self._key and len(self._key) >= _SECRET_CHARS:
            quote = quote.replace(self._key, "***")
        shown = f" {quote[:_QUOTED_CHARS]!r}" if quote else ""
        count = f" ({tries} tries)" if tries > 1 else ""
        return f"{self._target.host} {fault.came}{shown}{count}"


def _checked(key: str | None) -> str | None:
    """Return ``key`` without white space around it, ``None`` when nothing is left."""
    bare = (key or "").strip()
    if not (bare.isascii() and bare.isprintable()):
        raise BadInput(
            f"{faults.KEY}: expected printable ASCII, got other characters; copy it anew"
        )
    return bare or None
