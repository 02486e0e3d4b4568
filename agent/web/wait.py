"""What every long connection needs: to end when one of its tasks ends, or its client has gone."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from agent.core.json import Json

T = TypeVar("T")

SEND_SECONDS = 10.0
"""A client that takes nothing for this long is dropped."""


async def first_of(*work: Coroutine[Json, Json, object]) -> None:
    """Run all; when the first one ends, cancel the others. Its error is raised as it is."""
    failures: list[Exception] = []

    async def run(each: Coroutine[Json, Json, object]) -> None:
        try:
            await each
        except Exception as error:  # noqa: BLE001 - a group that fails while it is cancelled cancels its task anew
            failures.append(error)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(each)) for each in work]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    if failures:
        raise failures[0]


async def attended(receive: Receive, work: Coroutine[Json, Json, T]) -> T:
    """Do ``work`` for a client whose request was read; cancel it when the client goes.

    Raises:
        ClientDisconnect: it went, and ``work`` has come to rest.
    """

    async def watch(working: "asyncio.Task[T]") -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        working.cancel()

    try:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            watching = group.create_task(watch(working))
            await asyncio.wait({working})
            watching.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    if working.cancelled():
        raise ClientDisconnect
    return working.result()


def drop(scope: Scope) -> None:
    """Cut the connection without waiting for what it did not read.

    A plain close would first flush the buffer to a peer that never reads, and keep the connection
    for as long as it likes. ``server.Connection`` puts the way to cut it into the state.
    """
    abort = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()
