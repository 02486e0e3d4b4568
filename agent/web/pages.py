"""The page and its files.

Only what was built for the browser is served: ``static/dist/*``, and of ``static/`` itself the two
files of the fallback page. Sources, packages and dot files are never reachable.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from agent.core import lazy
from agent.core.errors import NotFound
from agent.core.json import Json, fields
from agent.web.endpoint import AnyEndpoint, Call, Endpoint, Nothing
from agent.web.errors import NoSuchRoute

if TYPE_CHECKING:
    from jinja2 import Template

FALLBACK = frozenset({"fallback.js", "fallback.css"})
TEMPLATE = "index.html.j2"
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_HASHED = re.compile(r"assets/.*-[A-Za-z0-9_-]{8,}\.\w+")
FOR_EVER = "public, max-age=31536000, immutable"


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """What the page loads, as URLs."""

    js: str
    css: tuple[str, ...] = ()


async def index(call: Call[Nothing, Nothing]) -> Response:
    """The page."""
    config = call.site.config
    html = await anyio.to_thread.run_sync(render, config.static_dir, config.version)
    return HTMLResponse(html, headers={"cache-control": "no-cache"})


async def static_file(call: Call[Nothing, Nothing]) -> Response:
    """What the page loads; hashed files may be kept for ever."""
    path = call.path["path"]
    root = call.site.config.static_dir
    missing = NoSuchRoute(f"no file {path[:200]!r} was built for the page")
    if any(part.startswith(".") or not part for part in path.split("/")) or "\\" in path:
        raise missing
    try:
        built = _files(root / "dist")
        response = await built.get_response(path, call.request.scope)
    except HTTPException as error:
        if path not in FALLBACK:
            raise missing from error
        response = await _fallback(root, path)
    kept = response.status_code < 400 and _HASHED.fullmatch(path)
    response.headers["cache-control"] = FOR_EVER if kept else "no-cache"
    if response.status_code == 200:
        response.headers["content-type"] = MEDIA.get(Path(path).suffix, "application/octet-stream")
    return response


@lru_cache(maxsize=8)
def _files(directory: Path) -> StaticFiles:
    return StaticFiles(directory=directory, check_dir=False)


async def _fallback(root: Path, name: str) -> Response:
    try:
        content = await anyio.to_thread.run_sync((root / name).read_bytes)
    except OSError as error:
        raise NoSuchRoute(f"the fallback page's {name} is missing in {root}") from error
    return Response(content)


def render(root: Path, version: str) -> str:
    """Fill the page's template with the built assets, or with why there are none."""
    template = _template(root / "templates", _changed(root / "templates" / TEMPLATE))
    return template.render(
        assets=assets(root / "dist"), build_error=build_error(root / "dist"), version=version
    )


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise NotFound(f"the page's template is missing: expected {path}") from error


@lru_cache(maxsize=8)
def _template(folder: Path, changed: int) -> "Template":
    del changed  # a newer file is another cache entry
    lazy.load("jinja2")
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(folder), autoescape=True)
    return environment.get_template(TEMPLATE)


def assets(dist: Path) -> Assets | None:
    """Read Vite's manifest; ``None`` when nothing was built."""
    try:
        manifest: Json = msgspec.json.decode((dist / ".vite" / "manifest.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    entries = [fields(chunk) for chunk in fields(manifest).values()]
    entry = next((chunk for chunk in entries if chunk.get("isEntry")), None)
    if entry is None:
        return None
    css = tuple(f"/static/{name}" for name in entry.get("css", ()))
    return Assets(js=f"/static/{entry['file']}", css=css)


def build_error(dist: Path) -> str:
    """Return why the page could not be built; empty when it could."""
    try:
        return (dist / ".error").read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


ROUTES: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/",
        call=index,
        answer=None,
        produces="text/html",
        open=True,
        page=True,
    ),
    Endpoint(
        method="GET",
        path="/static/{path:path}",
        call=static_file,
        answer=None,
        produces="the file's own media type",
        open=True,
    ),
)
