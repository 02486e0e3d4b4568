"""A small client of the running server, for the commands."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from agent import lease, net
from agent.core.errors import AgentError
from agent.core.json import Json

PAUSE_S = 0.05
"""Between two looks at a run that is still at work, or two tries to reach the server."""
TRIES = 40
"""To reach a server that has its folder and does not listen yet."""


class NoServer(AgentError):  # noqa: N818
    """No server runs on the data folder."""

    slug = "no_server"


class Refused(AgentError):  # noqa: N818
    """The server answered with an error.

    Args:
        detail: what it said.
        code: its stable name for that.
    """

    slug = "refused"

    def __init__(self, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Client:
    """Talks to one server.

    Args:
        server: from its lease.
    """

    def __init__(self, server: lease.Server) -> None:
        self._server = server

    @classmethod
    def running(cls, folder: Path) -> Self:
        """Return a client of the server that holds ``folder``.

        Raises:
            NoServer: there is none.
        """
        server = lease.running(folder)
        if server is None:
            raise NoServer(f"no server runs on {folder}; start one: python3 run.py")
        return cls(server)

    def get(self, path: str) -> Json:
        """GET ``path``."""
        return asyncio.run(self._ask("GET", path, None))

    def post(self, path: str, body: Json) -> Json:
        """POST ``body`` to ``path``."""
        return asyncio.run(self._ask("POST", path, body))

    def put(self, path: str, body: Json) -> Json:
        """PUT ``body`` to ``path``."""
        return asyncio.run(self._ask("PUT", path, body))

    def patch(self, path: str, body: Json) -> Json:
        """PATCH ``path`` with ``body``."""
        return asyncio.run(self._ask("PATCH", path, body))

    def fetch(self, path: str) -> bytes:
        """GET ``path``, whatever it is."""
        return asyncio.run(self._exchange("GET", path, None))

    def put_file(self, path: str, body: bytes, media: str) -> Json:
        """POST ``body`` to ``path`` as it is."""
        return msgspec.json.decode(asyncio.run(self._exchange("POST", path, body, media)))

    def follow(self, path: str, hear: Callable[[str], None]) -> Json:
        """GET ``path`` until its ``status`` is final; ``hear`` is told every new one before."""
        return asyncio.run(self._follow(path, hear))

    async def _follow(self, path: str, hear: Callable[[str], None]) -> Json:
        told = ""
        while True:
            answer = await self._ask("GET", path, None)
            if answer["status"] not in ("running", "paused", "waiting"):
                return answer
            if answer["status"] != told:
                told = answer["status"]
                hear(told)
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, method: str, path: str, body: Json) -> Json:
        content = None if body is None else msgspec.json.encode(body)
        return msgspec.json.decode(await self._exchange(method, path, content))

    async def _exchange(
        self, method: str, path: str, content: bytes | None, media: str = "application/json"
    ) -> bytes:
        where = net.target(self._server.url, setting="server")
        async with net.client(where, key=self._server.token or None) as client:
            request = client.build_request(
                method,
                where.join(path.lstrip("/")),
                content=content,
                headers={"content-type": media},
            )
            response = await self._send(client, request)
        if response.status_code >= 400:
            answer: Json = msgspec.json.decode(response.content)
            detail = answer.get("detail") or f"{method} {path}: {response.status_code}"
            raise Refused(detail, answer.get("error", ""))
        return response.content

    async def _send(self, client: "net.AsyncClient", request: "net.Request") -> "net.Response":
        """Send; a server that lives but does not listen yet is given a moment."""
        for _ in range(TRIES):
            try:
                return await client.send(request)
            except net.ConnectError:
                await asyncio.sleep(PAUSE_S)
            except net.TransportError as error:
                raise NoServer(
                    f"the server went away before it answered ({error!r}); start it again: "
                    "python3 run.py; what it took is there: python3 run.py runs"
                ) from None
        raise NoServer(f"nothing answers at {self._server.url}; start again: python3 run.py")
