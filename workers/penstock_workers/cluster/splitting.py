"""Has sources divide their work among tasks: the leader asks, each in a process of its own, and keeps the answers.

A source that hangs or fails holds up no other; it is asked again after a pause, and meanwhile goes on with the tasks
that it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from penstock import PenstockError
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.store.configs import task_records
from penstock_workers.store.records import TableRecord

log = structlog.get_logger()

RETRY_SECONDS = 10.0


class Splitting:
    def __init__(
        self, divide: Callable[[DesiredConnector], Awaitable[Sequence[StringMap]]], on_answer: Callable[[], None]
    ) -> None:
        self._divide = divide
        self._on_answer = on_answer
        self._asking: dict[str, tuple[str, asyncio.Task[None]]] = {}
        """By connector: the division that is asked for, and by whom."""
        self._answers: dict[str, tuple[str, Sequence[StringMap]]] = {}
        self.errors: dict[str, str] = {}
        """By connector: why it could not be asked."""

    def ask(self, desired: Mapping[str, DesiredConnector]) -> None:
        """Of these, those that have to be asked; nothing more of all others."""
        wanted = {name: each for name, each in desired.items() if each.needs_split}
        for name, (division, asking) in list(self._asking.items()):
            if name not in wanted or wanted[name].division != division:
                asking.cancel()
                del self._asking[name]
                self.errors.pop(name, None)
        self._answers = {name: answer for name, answer in self._answers.items() if name in wanted}
        for name, connector in wanted.items():
            if name not in self._asking and self._answers.get(name, ("",))[0] != connector.division:
                asking = asyncio.create_task(self._ask(connector), name=f"divide the work of {name}")
                self._asking[name] = (connector.division, asking)

    async def stop(self) -> None:
        asking = [each for _, each in self._asking.values()]
        self.ask({})
        await asyncio.gather(*asking, return_exceptions=True)

    def records(self, desired: Mapping[str, DesiredConnector]) -> list[TableRecord]:
        """Of the config topic: the tasks by the answers that there are."""
        found: list[TableRecord] = []
        for name, (division, parts) in self._answers.items():
            connector = desired.get(name)
            if connector is not None and connector.needs_split and connector.division == division:
                found += task_records(name, connector.divided(parts))
        return found

    async def _ask(self, connector: DesiredConnector) -> None:
        while True:
            try:
                parts = await self._divide(connector)
                break
            except PenstockError as error:
                self.errors[connector.name] = str(error)
                log.error("work could not be divided", connector=connector.name, **error.to_dict())
                self._on_answer()
                await asyncio.sleep(RETRY_SECONDS)
        self.errors.pop(connector.name, None)
        self._answers[connector.name] = (connector.division, parts)
        self._on_answer()
