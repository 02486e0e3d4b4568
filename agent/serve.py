"""``serve``: bind, open the runtime, tell the user where, serve until told to stop."""

import asyncio
import logging
import os
import threading
import webbrowser
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import msgspec

from agent import __version__
from agent.adapters.auth.local import LocalAuth
from agent.adapters.auth.nobody import NoAuth
from agent.adapters.auth.tokens import load_or_create
from agent.adapters.clock import SystemClock
from agent.adapters.models.discovery import Discovery
from agent.adapters.models.openai_http import OpenAIModel
from agent.app import BUILTIN_URL, TOKEN_FILE, Opened, open_runtime
from agent.core.json import Json
from agent.lease import Lease, Server as Running
from agent.settings import Settings
from agent.web.app import build
from agent.web.config import WebConfig
from agent.web.server import Server, bind, server_config

_log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent


def static_dir() -> Path:
    """Return where the page is: beside the package in a checkout, inside it in a wheel."""
    inside = ROOT / "_static"
    return inside if inside.exists() else ROOT.parent / "static"


async def serve(settings: Settings, lease: Lease, *, tell: bool = True) -> None:
    """Serve until a signal comes.

    Raises:
        OSError: the address cannot be bound.
    """
    bound = bind(settings.host, settings.port)
    bound.listen()  # whoever follows the printed link at once waits until the server takes it
    clock = SystemClock()
    folder = settings.data_dir
    token = settings.token or load_or_create(folder / TOKEN_FILE, lambda: clock.token(24))
    auth = LocalAuth(token, clock) if settings.auth else NoAuth()
    config = WebConfig(
        host=settings.host,
        port=bound.getsockname()[1],
        static_dir=static_dir(),
        version=__version__,
        token_file=str(folder / TOKEN_FILE),
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        public_url=settings.public_url,
        allow_query_token=settings.allow_query_token,
    )
    stop = asyncio.Event()
    discovery = Discovery(clock.monotonic, own_port=config.port)
    async with open_runtime(settings) as opened:
        app = build(
            opened.runtime,
            config,
            auth=auth,
            board=opened.board,
            ready=opened.ready,
            models=partial(_models, settings, opened.model, discovery),
            clock=clock,
            stop=stop,
        )
        lease.announce(
            Running(pid=os.getpid(), url=config.url, token=token if settings.auth else "")
        )
        launch = f"{config.url}/auth/launch?code={auth.issue_code()}"
        if tell:
            _tell(settings, config, opened, launch, token)
        if settings.browser and tell:
            threading.Thread(target=webbrowser.open, args=(launch,), daemon=True).start()
        server = Server(
            server_config(
                app,
                host=settings.host,
                port=config.port,
                trusted_proxies=settings.trusted_proxies,
            ),
            stop,
            settle=lambda: opened.runtime.drain(settings.shutdown_grace_s),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(_get_ready(settings, opened, discovery), name="warm-up")
            await server.serve(sockets=[bound])


async def _get_ready(settings: Settings, opened: Opened, discovery: Discovery) -> None:
    """Do what the first message would wait for; then look around."""
    await opened.warm()
    found = await _models(settings, opened.model, discovery)
    for offer in found["offers"]:
        _log.info("%s answers at %s; to use it: %s", offer["name"], offer["base_url"], offer["use"])


async def _models(settings: Settings, model: OpenAIModel, discovery: Discovery) -> Json:
    """Return the active model, and what is offered in its place."""
    builtin = not settings.llm_base_url
    looks = builtin and settings.llm_discover
    active = {
        "label": model.label,
        "base_url": settings.llm_base_url or BUILTIN_URL,
        "model": model.default_model,
        "builtin": builtin,
    }
    offers = await discovery.offers() if looks else ()
    return {"active": active, "offers": msgspec.to_builtins(offers)}


def _tell(settings: Settings, config: WebConfig, opened: Opened, launch: str, token: str) -> None:
    lines = [
        f"Framescope {__version__}",
        f"  open   {launch if settings.auth else config.url}",
        f"  model  {opened.model.label}",
        f"  data   {settings.data_dir}/framescope.db",
    ]
    if settings.auth:
        header = f'-H "Authorization: Bearer {token}" '
        lines.append(f"  curl   curl {header}{config.url}/api/frames")
    else:
        lines.append(f"  curl   curl {config.url}/api/frames   (no authentication)")
    lines += [*_workspace(opened.runtime.workspace())]
    click.echo("\n".join(lines))


def _workspace(status: Json) -> Iterator[str]:
    if status["folder"]:
        broken = "   not taken; mend the file, and it is:" if status["errors"] else ""
        yield f"  own    {status['folder']}{broken}"
    for fault in status["errors"]:
        yield f"         {fault['file']}:{fault['line']}: {fault['cause']}"


def log_to_stderr(level: str) -> None:
    """Send the log to stderr."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
