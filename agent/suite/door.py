"""What a suite asks of a server: say, click, wait, look. HTTP and nothing else.

A run is waited for by reading its events until its ``frame_trace``, which is always its last; so
what is known of it is complete, and nothing of another run is in it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import urlencode

import msgspec

from agent import net
from agent.cases.match import Evidence
from agent.core.json import Json, fields, items
from agent.suite.errors import CannotRun

WINDOW = 40
"""Events looked at when the server names no run."""
PAUSE_S = 0.1
MODEL_GONE = ("model_auth", "model_no_credit", "model_not_found", "model_unreachable")
"""Codes with which every further turn would end, too."""
_UNFINISHED = ("running", "paused", "waiting", "queued")


class Door:
    """The way to one server.

    Args:
        client: signs its requests.
        to: the server.
    """

    def __init__(self, client: "net.AsyncClient", to: net.Target) -> None:
        self._client = client
        self._to = to

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str) -> AsyncGenerator[Self]:
        """Open the way to the server at ``url``."""
        to = net.target(url, setting="--url")
        async with net.client(to, key=token or None, read_s=90.0) as client:
            yield cls(client, to)

    async def ask(self, method: str, path: str, body: Json = None, **query: str) -> Json:
        """Ask the server and return its answer.

        Raises:
            CannotRun: it refused, or it is gone.
        """
        where = f"{path}?{urlencode(query)}" if query else path
        request = self._client.build_request(
            method,
            self._to.join(where.lstrip("/")),
            content=None if body is None else msgspec.json.encode(body),
            headers={"content-type": "application/json"},
        )
        with self._reachable():
            response = await self._client.send(request)
        try:
            answer: Json = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            raise CannotRun(f"{self._to.host} does not answer in JSON; is it the server?") from None
        if response.status_code >= 400:
            why = fields(answer).get("detail") or response.status_code
            raise CannotRun(f"{method} {path}: {why}")
        return answer

    def _reachable(self) -> "_Reachable":
        return _Reachable(self._to.host)

    async def prepare(self, channel: str, *, clear: bool, graph: str) -> None:
        """Clear the channel's conversation and choose its graph, each where asked for."""
        if clear:
            await self.ask("POST", "/api/clear", {"channel": channel})
        if graph:
            switch = {"name": graph, "when": "after", "channel": channel}
            await self.ask("POST", "/api/graph/switch", switch)

    async def report(self, post: Json) -> None:
        """Tell the server's test board."""
        await self.ask("POST", "/api/test/status", post)

    async def play(self, case: str, cassette: bytes, **options: str) -> Json:
        """Have a case played from its cassette and judged; the server tells its test board."""
        body = {"case": case, "cassette": _raw(cassette), **options}
        return await self.ask("POST", "/api/replays", body)

    # A turn

    async def turn(
        self, path: str, body: dict[str, Json], channel: str, *, timeout_s: float
    ) -> Evidence:
        """Post a message or a click, wait for the end of its run, and gather what is known."""
        lines = items((await self.ask("GET", "/api/trace", last="1"))["lines"])
        since = lines[-1]["seq"] if lines else 0
        given = await self.ask("POST", path, {**body, "channel": channel})
        name = str(given.get("run_id") or given["id"])
        try:
            async with asyncio.timeout(timeout_s):
                events = await self._events(given, channel, since)
        except TimeoutError:
            with suppress(CannotRun):
                await self.ask("POST", f"/api/runs/{name}/cancel")
            return Evidence(run_id=name, trouble=f"no end within {timeout_s:g} s; cancelled")
        return await self._gather(name, channel, events)

    async def _events(self, given: Json, channel: str, since: int) -> list[Json]:
        run_id = given.get("run_id")
        if run_id:
            return await self._own(run_id, channel, since)
        while True:
            result = await self.ask("GET", "/api/result", id=given["id"], channel=channel)
            if result["status"] not in _UNFINISHED:
                break
            await asyncio.sleep(PAUSE_S)
        window = await self.ask("GET", "/api/trace", last=str(WINDOW))
        return [line for line in window["lines"] if line.get("channel") in (channel, None)]

    async def _own(self, run_id: str, channel: str, since: int) -> list[Json]:
        found: list[Json] = []
        path = f"api/events?{urlencode({'since': since, 'channel': channel})}"
        with self._reachable():
            async with self._client.stream("GET", self._to.join(path)) as response:
                async for line in response.aiter_lines():
                    if not line.startswith("data: "):
                        continue
                    event: Json = msgspec.json.decode(line.removeprefix("data: "))
                    if event.get("run_id") != run_id:
                        continue
                    found.append(event)
                    if event["event"] == "frame_trace":
                        return found
        raise CannotRun(f"{self._to.host} ended its events before the run did; is it stopping?")

    async def _gather(self, name: str, channel: str, events: list[Json]) -> Evidence:
        result = await self.ask("GET", "/api/result", id=name, channel=channel)
        state = await self.ask("GET", "/api/state", channel=channel)
        good = result["status"] == "done"
        detail = result.get("detail") or "no reason given"
        if result["status"] == "error" and await self._without_model(name):
            raise CannotRun(f"the server has no model to ask: {detail}; then run the suite again")
        return Evidence(
            run_id=name,
            trouble="" if good else f"the run ended with {result['status']}: {detail}",
            response=result.get("response") or "",
            state=state,
            trace=next((e["trace"] for e in events if e["event"] == "frame_trace"), None),
            events=tuple(e for e in events if e["event"] != "frame_trace"),
        )

    async def _without_model(self, name: str) -> bool:
        """Whether a run failed because its model's server cannot be used at all."""
        with suppress(CannotRun):
            effects = items((await self.ask("GET", f"/api/traces/{name}")).get("effects"))
            codes = [fields(fields(effect).get("error")).get("code") for effect in effects]
            return bool(codes) and codes[-1] in MODEL_GONE
        return False


def _raw(cassette: bytes) -> msgspec.Raw:
    """Put a file's JSON into a body as it is.

    Raises:
        CannotRun: it is not JSON.
    """
    try:
        return msgspec.json.decode(cassette, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotRun(f"the cassette is not JSON: {error}") from None


class _Reachable:
    """Turns a broken connection into ``CannotRun``."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, net.TransportError):
            raise CannotRun(
                f"the server at {self._host} does not answer ({error!r:.120}); start it again "
                "(python3 run.py), then run the suite again"
            ) from None
