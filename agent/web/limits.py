"""What a body may be: its media type, its size, its depth. Checked before anything is decoded.

Every check here costs at most a few passes over the bytes, whatever the bytes are.
"""

import asyncio
import re
from collections.abc import Iterable
from itertools import accumulate

from starlette.types import Message, Receive

from agent.core.errors import AgentError, BadInput, TooLarge, UnsupportedMedia

MIB = 1 << 20
DEPTH = 64
BODY_SECONDS = 30.0

JSON_MEDIA = ("application/json",)

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, closed or cut off; possessive, and never fails once it began, so it is linear."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level in, one level out, as signed bytes."""
_BLOCK = 1 << 14
_NOT_NUMBERS = (b"NaN", b"Infinity")


class TooSlow(AgentError):  # noqa: N818
    """A body did not arrive in time."""

    status = 408
    slug = "too_slow"


class ClientGone(Exception):  # noqa: N818
    """The client left before its request was complete; there is nobody to answer."""


def check_media(header: Iterable[str], encoding: Iterable[str], allowed: tuple[str, ...]) -> None:
    """Refuse a body of another media type than ``allowed``, or a compressed one.

    Raises:
        UnsupportedMedia: with the way to send it right.
    """
    values = list(header)
    media, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if media.strip().lower() not in allowed or charset not in ("", "charset=utf-8"):
        came = ", ".join(values) or "no Content-Type"
        how = f"-H 'content-type: {allowed[0]}' --data-binary @FILE"
        how = "--json '{…}'" if allowed == JSON_MEDIA else how
        raise UnsupportedMedia(
            f"a body must be {' or '.join(allowed)} in UTF-8, got {came!r}; "
            f"with curl, send it with `curl {how}`"
        )
    if any(value.strip().lower() != "identity" for value in encoding):
        raise UnsupportedMedia("a compressed body is not taken; send it without Content-Encoding")


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a whole body, counting while it streams.

    Raises:
        TooLarge: more than ``limit`` bytes.
        TooSlow: it took too long.
        ClientGone: the client left.
    """
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                check_size(size, limit)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise TooSlow(f"the body did not arrive within {BODY_SECONDS:g} s") from error
    return b"".join(parts)


def check_size(size: int, limit: int) -> None:
    """Refuse more than ``limit`` bytes.

    Raises:
        TooLarge: naming the limit.
    """
    if size > limit:
        raise TooLarge(f"a body may have up to {limit} bytes here, got at least {size}")


def check_json(body: bytes) -> None:
    """Refuse what a JSON decoder must not even see: deep nesting, NaN, broken UTF-8.

    Raises:
        BadInput: saying which.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"the body is not UTF-8: byte {error.start} is wrong") from error
    suspicious = any(word in body for word in _NOT_NUMBERS)
    if not suspicious and body.count(b"[") + body.count(b"{") <= DEPTH:
        return
    bare = _STRINGS.sub(b"", body)
    for word in _NOT_NUMBERS:
        if word in bare:
            raise BadInput(f"{word.decode()} is not JSON; send null or a finite number")
    _check_depth(bare)


def _check_depth(bare: bytes) -> None:
    """Follow the level from bracket to bracket, in blocks, so that the deepest bodies end first."""
    steps = memoryview(bare.translate(_STEPS, _NOT_BRACKETS)).cast("b")
    level = 0
    for start in range(0, len(steps), _BLOCK):
        levels = list(accumulate(steps[start : start + _BLOCK], initial=level))
        level = levels[-1]
        if max(levels) > DEPTH:
            raise BadInput(f"the JSON is nested deeper than {DEPTH} levels")


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives ``body`` once and then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
