"""A route as data: method, path, the shapes of what goes in and comes out, and the one function.

Validation, the guard's rules, ``/openapi.json`` and ``docs/http.md`` all come from these values, so
none of them can forget a route. A function gets a ``Call`` whose body and query are already good.
"""

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import msgspec
from msgspec.inspect import (
    EnumType,
    ListType,
    LiteralType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from agent.core.errors import AgentError, BadInput, Unprocessable
from agent.core.ids import MAIN, ChannelName, is_name
from agent.core.json import Json
from agent.web.limits import JSON_MEDIA, MIB
from agent.web.site import Site, site_of
from agent.web.wait import attended

if TYPE_CHECKING:
    from agent.runtime.runtime import Runtime

GONE = 499
"""What the access log says of a request whose client did not wait for the answer."""
B = TypeVar("B")
Q = TypeVar("Q")


class Nothing(msgspec.Struct, frozen=True):
    """No field is needed."""


ChannelText = Annotated[
    str, msgspec.Meta(description="A lane with its own conversation; `main` when left out.")
]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """Which channel is meant."""

    channel: ChannelText | None = None


class Call(Generic[B, Q]):
    """One request, decoded."""

    __slots__ = ("body", "query", "raw", "request", "site")

    def __init__(self, request: Request, raw: bytes, body: B, query: Q) -> None:
        self.request = request
        self.raw = raw
        """The body as it came."""
        self.body = body
        self.query = query
        self.site: Site = site_of(request)

    @property
    def runtime(self) -> "Runtime":
        """The one runtime."""
        return self.site.runtime

    @property
    def path(self) -> Mapping[str, str]:
        """Parameters of the path."""
        return self.request.path_params


class Endpoint(msgspec.Struct, Generic[B, Q], frozen=True, kw_only=True):
    """One route."""

    method: str
    path: str
    call: Callable[[Call[B, Q]], Coroutine[Json, Json, Json]]
    """Answers; bytes are sent as they are, a ``Response`` too, everything else is encoded.
    The first line of its docstring is the route's summary."""
    answer: object
    """Shape of the answer: a type, or ``None`` when it is not JSON."""
    body: type[B] = Nothing  # type: ignore[assignment]
    query: type[Q] = Nothing  # type: ignore[assignment]
    open: bool = False
    """No credential is asked for."""
    page: bool = False
    """A person opens it in a browser, also from a link on another site."""
    quiet: bool = False
    """Not in the access log."""
    media: tuple[str, ...] = JSON_MEDIA
    """Media types a body may have; one that is not JSON is left to the call, as it came."""
    limit: int = MIB
    """Bytes a body may have."""
    produces: str = "application/json"
    later: bool = False
    """It may answer 202 with the same shape: what was asked for is still under way."""
    attended: bool = False
    """It works for who asked, and is cancelled when that client has gone."""
    errors: tuple[type[AgentError], ...] = ()
    """What it may refuse beyond what every route may."""

    @property
    def name(self) -> str:
        """Name of the function; unique in the table."""
        return self.call.__name__

    @property
    def summary(self) -> str:
        """What it is for, in one sentence."""
        return (self.call.__doc__ or "").partition("\n")[0]

    def route(self) -> Route:
        """Make the framework's route."""
        made = Route(self.path, self._serve, methods=[self.method], name=self.name)
        if self.produces != "application/json" and made.methods is not None:
            made.methods.discard("HEAD")
        return made

    async def _serve(self, request: Request) -> Response:
        raw = await request.body()
        body = decode((raw if self.media == JSON_MEDIA else b"") or b"{}", self.body)
        query = read_query(request, self.query)
        work = self.call(Call(request, raw, body, query))
        try:
            return respond(await (attended(request.receive, work) if self.attended else work))
        except ClientDisconnect:
            return Response(status_code=GONE)


AnyEndpoint = Endpoint[Json, Json]


def respond(value: Json, status: int = 200) -> Response:
    """Encode an answer."""
    if isinstance(value, Response):
        return value
    content = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return sent(content, "application/json", status)


def sent(
    content: bytes, media: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response of ``content``; what is large is handed over in slices.

    In one piece it would be copied more than once while nothing else is done.
    """
    if len(content) <= MIB:
        return Response(content, status, headers, media)
    headers = {**(headers or {}), "content-length": str(len(content))}
    return StreamingResponse(_slices(content), status, headers, media)


async def _slices(content: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), MIB // 4):
        yield view[start : start + MIB // 4]


def decode(raw: bytes, shape: type[B]) -> B:
    """Decode ``raw`` as ``shape`` or say precisely what is wrong with it.

    Raises:
        Unprocessable: it is JSON, but a field is wrong.
        BadInput: it is not JSON.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise Unprocessable(readable(str(error), shape)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error).removeprefix("JSON is malformed: ")
        raise BadInput(f"the body is not JSON: {why[:1].lower()}{why[1:]}") from error


def read_query(request: Request, shape: type[Q]) -> Q:
    """Read the query parameters as ``shape``.

    Raises:
        Unprocessable: naming the parameter.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Unprocessable(f"`{name}`: expected once, came several times")
        given[name] = value
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise Unprocessable(readable(str(error), shape, given)) from error


_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_INDEX = re.compile(r"\[.*?\]")
_CHOICE = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)


def readable(message: str, shape: type[object], given: Mapping[str, str] | None = None) -> str:
    """Turn the decoder's message into one that begins with the field."""
    found = _MESSAGE.fullmatch(message)
    what, where = (found["what"], found["where"]) if found else (message, None)
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        field = f"{where}.{missing['field']}" if where else missing["field"]
        return f"Missing '{field}' field"
    choice = _CHOICE.fullmatch(what)
    choices = _choices(shape, where) if choice and where else ""
    if choice and choices:
        return f"`{where}`: expected {choices}, got {choice['value']}"
    value = (given or {}).get(where or "")
    came = f", got {value[:60]!r}" if value is not None and "got" not in what else ""
    return f"`{where or 'body'}`: {what[:1].lower()}{what[1:]}{came}"


def _choices(shape: type[object], where: str) -> str:
    """Return what the field at ``where`` in ``shape`` may be; nothing if that is no choice."""
    kinds = _single(type_info(shape))
    for name in _INDEX.sub("", where).split("."):
        fields = [f for kind in kinds if isinstance(kind, StructType) for f in kind.fields]
        kinds = [k for f in fields if f.encode_name == name for k in _single(f.type)]
    return " or ".join(repr(value) for kind in kinds for value in _values(kind))


def _values(kind: Type) -> list[Json]:
    if isinstance(kind, EnumType):
        return sorted(member.value for member in kind.cls)
    return [*kind.values] if isinstance(kind, LiteralType) else []


def _single(kind: Type) -> list[Type]:
    """Open unions and lists: return what one value may be."""
    if isinstance(kind, UnionType):
        return [one for inner in kind.types for one in _single(inner)]
    if isinstance(kind, ListType | VarTupleType):
        return _single(kind.item_type)
    return [kind]


def channel(*names: str | None) -> ChannelName:
    """Check the first channel name that was given; ``main`` when none was.

    Raises:
        Unprocessable: it is no name.
    """
    text = next((name for name in names if name is not None), MAIN)
    if not is_name(text):
        raise Unprocessable(
            f"`channel`: expected 1 to 64 letters, digits, '_', '.' or '-', beginning with a "
            f"letter or digit, got {text[:80]!r}"
        )
    return ChannelName(text)
