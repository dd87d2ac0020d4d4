"""One call for all who ask at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from penstock_workers.cancelling import end

T = TypeVar("T")


class Shared(Generic[T]):
    """Answers with what `call` answers, never twice at a time. Who asks while a call is under way shares the next one
    with all others who do: it begins after they asked, so what it finds is new enough for them."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def ask(self) -> T:
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._under_way))
        return await asyncio.shield(self._next)  # others may go on waiting

    async def stop(self) -> None:
        await end(*(task for task in (self._next, self._under_way) if task is not None))

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait({before})
        self._under_way, self._next = self._next, None
        return await self._call()
