"""docs/http.md, written from the route table."""

from collections.abc import Iterator

import msgspec

from agent.core.json import Json, fields
from agent.web.endpoint import AnyEndpoint, Nothing
from agent.web.limits import JSON_MEDIA, MIB
from agent.web.openapi import describe, item_of, refusals, required
from agent.web.routes import ENDPOINTS, SOCKETS

HEAD = """\
# HTTP and sockets

Written from the route table by `agent.web.docs.http_markdown`; do not edit.

Errors are `{"detail", "error"}`: a sentence and a stable name. Every route but the open ones needs
`Authorization: Bearer <token>` or the page's cookie. A body is JSON of at most 1 MiB, unless said.
"""


def http_markdown() -> str:
    """Return the page."""
    described = describe(ENDPOINTS, "")
    schemas = described["components"]["schemas"]
    parts = [HEAD, *(_section(endpoint, schemas) for endpoint in ENDPOINTS)]
    sockets = "\n".join(f"* {session.__doc__}" for session in SOCKETS.values())
    return "\n".join([*parts, "## Sockets\n", sockets, ""])


def _section(endpoint: AnyEndpoint, schemas: Json) -> str:
    lines = [f"## `{endpoint.method} {endpoint.path}`\n", endpoint.summary]
    if endpoint.open:
        lines.append("Open: no credential is asked for.")
    if endpoint.media != JSON_MEDIA:
        media = " or ".join(f"`{media}`" for media in endpoint.media)
        lines.append(f"The body is {media} of at most {endpoint.limit // MIB} MiB.")
    lines.append("")
    for title, shape in (("Query", endpoint.query), ("Body", endpoint.body)):
        lines.extend(_fields(title, shape, schemas))
    lines.extend(_answer(endpoint, schemas))
    refused = ", ".join(f"{error.status} `{error.slug}`" for error in refusals(endpoint))
    return "\n".join([*lines, f"Refuses with: {refused}.", ""])


def _answer(endpoint: AnyEndpoint, schemas: Json) -> Iterator[str]:
    if endpoint.answer is None:
        yield f"Answers with {endpoint.produces}.\n"
    elif item_of(endpoint.answer) is not None:
        yield f"Answers with a list of `{_name(item_of(endpoint.answer))}`.\n"
    elif isinstance(endpoint.answer, type) and issubclass(endpoint.answer, msgspec.Struct):
        yield from _fields("Answer", endpoint.answer, schemas)
    else:
        yield "Answers with a JSON object.\n"


def _fields(title: str, shape: type[Json], schemas: Json) -> Iterator[str]:
    if shape is Nothing:
        return
    item: Json = item_of(shape)
    if item is not None:
        yield from _fields(f"{title}: a list of `{_name(item)}`", item, schemas)
        return
    needed = required(schemas, shape)
    yield f"| {title} | type | |\n|---|---|---|"
    for name, schema in fields(schemas[shape.__name__]["properties"]).items():
        mark = "required" if title != "Answer" and name in needed else ""
        yield f"| `{name}` | {_type(schema)} | {mark} |"
    yield ""


def _name(shape: object) -> str:
    return shape.__name__ if isinstance(shape, type) else str(shape)


def _type(schema: Json) -> str:
    """Name a JSON schema in a few words."""
    known = fields(schema)
    if "anyOf" in known:
        return " or ".join(_type(each) for each in known["anyOf"])
    if "enum" in known:
        return " or ".join(f"`{value}`" for value in known["enum"])
    if "$ref" in known:
        return f"`{known['$ref'].rsplit('/', 1)[1]}`"
    name = {"integer": "number", None: "any JSON"}.get(known.get("type"), str(known.get("type")))
    low, high = known.get("minimum"), known.get("maximum")
    return f"{name} {low}–{high}" if low is not None and high is not None else name
