"""The composition root: the only module that knows every layer."""

import asyncio
import gc
import logging
import os
import resource
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from agent import __version__
from agent.adapters.clock import SystemClock
from agent.adapters.models.limits import Limits
from agent.adapters.models.openai_http import OpenAIModel
from agent.adapters.models.prices import read_prices
from agent.adapters.sql.database import Source
from agent.adapters.sql.databases import Databases, open_databases
from agent.adapters.sql.demo import ensure_demo
from agent.adapters.sql.demo_schema import COMMENTS
from agent.adapters.sql.sources import sqlite_url
from agent.adapters.sql.tool import QueryDb
from agent.adapters.stores.opening import story
from agent.adapters.stores.sqlite import SqliteStore
from agent.core import controls, lazy
from agent.core.json import Json
from agent.core.redact import Redactor
from agent.crash import VARIABLE, set_trap
from agent.engine import police
from agent.engine.ports import Tool
from agent.nodes.catalog import NODES
from agent.runtime.folder import Folder
from agent.runtime.hub import Hub
from agent.runtime.library import Library, specification
from agent.runtime.parts import Parts
from agent.runtime.runtime import Runtime
from agent.runtime.sensor import Sensor
from agent.runtime.suites import SuiteBoard
from agent.runtime.workspace import shipped
from agent.settings import Settings
from agent.settings.databases import ALIASES, ERAS, passwords

STORE_FILE, DEMO_FILE, TOKEN_FILE = "framescope.db", "eras.db", "token"
BUILTIN_URL = "http://builtin/v1"
_log = logging.getLogger(__name__)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A runtime that is ready, and what its surroundings need of it."""

    runtime: Runtime
    clock: SystemClock
    board: SuiteBoard
    model: OpenAIModel
    warm: Callable[[], Coroutine[None, None, None]]
    """Does now, off the loop, what the first message would have to wait for."""
    ready: Callable[[], Json]
    """The server's checks by name."""


def model_of(settings: Settings) -> OpenAIModel:
    """Return the configured model, or the built-in one when none is configured."""
    if settings.llm_base_url:
        return OpenAIModel(
            settings.llm_base_url,
            settings.llm_api_key or None,
            settings.llm_model,
            prices=read_prices(settings.llm_prices),
            limits=Limits.within(settings.llm_timeout_s),
        )
    from agent.adapters.models.builtin.transport import BuiltinTransport

    return OpenAIModel(
        BUILTIN_URL,
        None,
        "builtin",
        label="built-in model (rules, not an LLM)",
        transport=BuiltinTransport(token_ms=settings.builtin_token_ms),
    )


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncGenerator[Opened]:
    """Open the store, recover what was left, start the workers; close all on the way out."""
    set_trap(os.environ.get(VARIABLE, ""))
    police.install()
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    store = SqliteStore(folder / STORE_FILE)
    loaded = store.load()
    hub = Hub(clock.now_ns, first=loaded.first_seq, reserve=store.reserve)
    model = model_of(settings)
    latest = await store.record("tests")
    board = SuiteBoard(hub, clock, save=partial(store.save_record, "tests"), latest=latest)
    try:
        async with open_databases(_sources(settings)) as databases:
            tools: Mapping[str, Tool] = {QueryDb.name: QueryDb(databases)}
            library = Library(shipped(NODES), tools=_specs(tools), model=model.default_model)
            own = Folder(settings.workspace, library, hub, clock.now_ms)
            await own.open()
            parts = Parts(
                hub=hub,
                store=store,
                clock=clock,
                library=library,
                folder=own,
                model=model,
                tools=tools,
                sensor=Sensor(hub, clock.now_ms, memory_mb),
                board=board,
                redactor=Redactor(_secrets(settings)),
                databases=databases,
                data_file=str(folder / STORE_FILE),
                version=__version__,
            )
            async with Runtime.open(
                parts, loaded, graph=settings.graph, grace_s=settings.shutdown_grace_s
            ) as runtime:
                yield Opened(
                    runtime=runtime,
                    clock=clock,
                    board=board,
                    model=model,
                    warm=partial(_warm, model, databases),
                    ready=lambda: {"store": store.trouble or "ok"},
                )
    finally:
        await model.aclose()
        await store.close()


def _sources(settings: Settings) -> list[Source]:
    """Return the databases, the demo data first."""
    found = {ERAS: "", **settings.databases}
    return [_embedded(settings) if not url else _source(name, url) for name, url in found.items()]


def _embedded(settings: Settings) -> Source:
    """Return the demo data in a file of ours, which is written when it is not there."""
    demo = settings.data_dir / DEMO_FILE
    try:
        ensure_demo(demo)
    except sqlite3.Error as error:
        raise story(demo, error) from None
    comments = {table: dict(columns) for table, columns in COMMENTS.items()}
    return msgspec.structs.replace(_source(ERAS, sqlite_url(demo)), comments=comments)


def _source(name: str, url: str) -> Source:
    aliases = (alias for alias, proper in ALIASES.items() if proper == name)
    return Source(name=name, url=url, names=(name, *aliases))


async def _warm(model: OpenAIModel, databases: Databases) -> None:
    try:
        databases.begin()
        await model.warm()
        await asyncio.to_thread(_import_heavy)
    except Exception:  # noqa: BLE001 - what fails here fails again where it is needed, and is told
        _log.warning("the warm-up failed", exc_info=True)


def _import_heavy() -> None:
    lazy.load("jinja2")
    gc.collect()
    gc.freeze()  # what is there now stays: later collections do not look at it, and are short


def _secrets(settings: Settings) -> list[str]:
    """Return what nobody may find in a trace: the model's key, the local token, passwords."""
    kept = settings.data_dir / TOKEN_FILE
    token = kept.read_text("utf-8").strip() if kept.exists() else ""
    return [settings.llm_api_key, settings.token, token, *passwords(settings.databases)]


def _specs(tools: Mapping[str, Tool]) -> Json:
    return [*map(specification, tools.values()), *controls.SPECS]


def memory_mb() -> int:
    """Return the resident memory of this process in MB (its peak, where only that is known)."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return pages * resource.getpagesize() // (1 << 20)
