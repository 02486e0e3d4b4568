"""OpenAPI 3.1 of every declared route, from the values that serve them."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import get_args, get_origin

import msgspec

from agent.core.errors import (
    AgentError,
    BadInput,
    Forbidden,
    Misdirected,
    TooLarge,
    Unauthorized,
    Unprocessable,
    UnsupportedMedia,
)
from agent.core.json import Json, fields
from agent.web.endpoint import AnyEndpoint, Nothing
from agent.web.errors import Problem
from agent.web.limits import JSON_MEDIA

TEMPLATE = "#/components/schemas/{name}"
EVERYWHERE: tuple[type[AgentError], ...] = (Forbidden, Misdirected)
WITH_BODY: tuple[type[AgentError], ...] = (BadInput, TooLarge, UnsupportedMedia, Unprocessable)
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@lru_cache(maxsize=1)
def document(endpoints: Sequence[AnyEndpoint], version: str) -> bytes:
    """Return the encoded document; made at the first request for it."""
    return msgspec.json.encode(describe(endpoints, version))


def describe(endpoints: Sequence[AnyEndpoint], version: str) -> Json:
    """Return the document."""
    named = [t for e in endpoints for t in (e.body, e.query, e.answer) if _is_shape(t)]
    types = list(dict.fromkeys([Problem, *named]))
    schemas, components = msgspec.json.schema_components(types, ref_template=TEMPLATE)
    known = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Json]] = {}
    for endpoint in endpoints:
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        operation = _operation(endpoint, known, components)
        paths.setdefault(path, {})[endpoint.method.lower()] = operation
    security: list[dict[str, list[str]]] = [{"token": []}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Framescope", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": security,
    }


def item_of(shape: object) -> object:
    """Return what ``shape`` is a list of; ``None`` when it is no list."""
    return get_args(shape)[0] if get_origin(shape) is list else None


def _is_shape(shape: object) -> bool:
    return _is_struct(shape) or _is_struct(item_of(shape))


def _is_struct(shape: object) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape is not Nothing


def _operation(endpoint: AnyEndpoint, known: Mapping[object, Json], components: Json) -> Json:
    made: dict[str, Json] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, components)],
        "responses": _responses(endpoint, known),
    }
    if _is_shape(endpoint.body):
        needed = item_of(endpoint.body) is not None or bool(required(components, endpoint.body))
        content = {media: {"schema": known[endpoint.body]} for media in endpoint.media}
        made["requestBody"] = {"required": needed, "content": content}
    if endpoint.media != JSON_MEDIA:
        anything: Json = {"schema": {}}
        content = dict.fromkeys(endpoint.media, anything)
        made["requestBody"] = {"required": True, "content": content}
    if endpoint.open:
        made["security"] = []
    return made


def _path_parameters(endpoint: AnyEndpoint) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]


def _query_parameters(endpoint: AnyEndpoint, components: Json) -> list[Json]:
    if not _is_struct(endpoint.query):
        return []
    needed = required(components, endpoint.query)
    properties = fields(components[endpoint.query.__name__]["properties"])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": schema}
        for name, schema in properties.items()
    ]


def required(components: Json, shape: type[Json]) -> list[str]:
    """Return the names of the fields that ``shape`` needs."""
    return components[shape.__name__].get("required", [])


def _responses(endpoint: AnyEndpoint, known: Mapping[object, Json]) -> Json:
    body: Json = {"description": endpoint.produces}
    if endpoint.answer is not None:
        schema = known.get(endpoint.answer, {"type": "object"})
        body = {"description": "ok", "content": {"application/json": {"schema": schema}}}
    problem = {"application/json": {"schema": known[Problem]}}
    under_way = {"202": {**body, "description": "still under way"}} if endpoint.later else {}
    made: dict[str, Json] = {"303" if endpoint.name == "auth_launch" else "200": body, **under_way}
    for error in refusals(endpoint):
        made[str(error.status)] = {"description": _first_line(error), "content": problem}
    return made


def refusals(endpoint: AnyEndpoint) -> tuple[type[AgentError], ...]:
    """Return the errors a route may answer with, one a status, in the order of the status."""
    found = [*endpoint.errors, *EVERYWHERE]
    if not endpoint.open:
        found.append(Unauthorized)
    if endpoint.method != "GET":
        found.extend(WITH_BODY)
    elif endpoint.query is not Nothing:
        found.append(Unprocessable)
    by_status = {error.status: error for error in reversed(found)}
    return tuple(by_status[status] for status in sorted(by_status))


def _first_line(error: type[AgentError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
