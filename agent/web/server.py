"""The server under the application: uvicorn with limits it does not have by itself.

* A header must be complete within ``HEADER_SECONDS``; a connection that drips is dropped.
* Every connection can be cut by the application (``state["abort"]``), see ``wait.drop``.
* The first signal lets runs end, then streams and sockets say goodbye; a second one exits at once.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.web.limits import MIB

HEADER_SECONDS = 10.0
GOODBYE_SECONDS = 3
KEEP_ALIVE_SECONDS = 30
PING_SECONDS = 20.0


class Connection(H11Protocol):
    """One HTTP connection, before and between upgrades."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin: the first header is due."""
        self.app_state = {**self.app_state, "abort": transport.abort}
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a header that has begun must end in time."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Finish a response; the next header may have begun already."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        first = self.cycle is None  # pyright: ignore[reportUnnecessaryComparison]
        begun = bool(self.conn.trailing_data[0])
        if self.conn.their_state is h11.IDLE and (first or begun):
            if self._waiting is None:
                self._waiting = self.loop.call_later(HEADER_SECONDS, self.transport.abort)
        else:
            self._forget()

    def _forget(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def server_config(
    app: ASGIApp, *, host: str, port: int, trusted_proxies: tuple[str, ...] = ()
) -> uvicorn.Config:
    """Return the server's settings.

    The access log is the guard's (paths without queries), so the server's own is off, and with it
    the lines that name a socket's whole query.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="websockets-sansio",
        ws_max_size=MIB,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )


def bind(host: str, port: int) -> socket.socket:
    """Bind ``host:port`` (0 lets the system choose) before anything depends on the port.

    Raises:
        OSError: the port is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The event loop switches Nagle's algorithm off only where the protocol is named, and with it on
    # every answer in two writes waits 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the log is worth reading: a refused handshake is no unfinished one."""
    return "without completing handshake" not in record.getMessage()


class Server(uvicorn.Server):
    """The server, with an orderly end.

    Args:
        config: from ``server_config``.
        stop: set when streams and sockets are to say goodbye.
        settle: waits for what should end before that; must be bounded.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        stop: asyncio.Event,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        self._stop = stop
        self._settle = settle

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask for the end; the second time do not wait. A signal is no error, so none is raised."""
        del frame
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let runs end, say goodbye, close."""
        if self._settle is not None:
            await self._settle()
        self._stop.set()
        await super().shutdown(sockets)
