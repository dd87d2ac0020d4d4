"""Wishes of this worker's tasks to have their source's work divided anew, on their way into the log."""

from __future__ import annotations

from uuid import uuid4

from penstock_workers.plans import Plans
from penstock_workers.store.split_requests import split_request_record
from penstock_workers.store.tables import Tables


class SplitWishes:
    def __init__(self, tables: Tables, plans: Plans) -> None:
        self._tables = tables
        self._plans = plans
        self._wishes: set[str] = set()

    def add(self, connector: str) -> None:
        """Where it is to be divided anyway, the wish is granted by that."""
        if connector in self._plans.desired() and not self._plans.one(connector).needs_split:
            self._wishes.add(connector)

    async def write(self) -> None:
        """Those that wait. Raises LogUnavailable; they go on waiting then."""
        while self._wishes:
            connector = next(iter(self._wishes))
            await self._tables.cluster_log.write([split_request_record(connector, uuid4().hex[:8])])
            self._wishes.discard(connector)
