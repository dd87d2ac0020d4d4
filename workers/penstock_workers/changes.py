"""Changes of what is wanted, as REST and the command line ask for them: events in `connect-configs`.

Each returns once its records are in the log and applied here, and raises LogUnavailable after `write.timeout.seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias
from uuid import uuid4

from penstock_workers.cancelling import TimeLimit
from penstock_workers.config import WorkerConfig
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.errors import ConnectorExists, LogUnavailable, UnknownConnector, UnknownTask
from penstock_workers.plans import Plans
from penstock_workers.status import TargetState
from penstock_workers.store.config_claims import claimed
from penstock_workers.store.configs import RestartRequest, connector_records, deletion_records, restart_record
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables
from penstock_workers.topic_tracking import TopicTracking

ConfigChange: TypeAlias = Callable[[StringMap], StringMap]
"""From a configuration to the one that is to replace it, validated. Asked again where another change came first."""


class Changes:
    """All of them but `create` and `put_config` raise UnknownConnector. The caller has validated configurations."""

    def __init__(self, config: WorkerConfig, tables: Tables, plans: Plans, topics: TopicTracking) -> None:
        self._config = config
        self._tables = tables
        self._plans = plans
        self._topics = topics
        self._changing = asyncio.Lock()

    async def create(self, name: str, config: StringMap, initial_state: TargetState = TargetState.RUNNING) -> None:
        """Raises ConnectorExists."""

        def created(before: DesiredConnector | None) -> Iterator[TableRecord]:
            if before is not None:
                raise ConnectorExists(name)
            return self._planned(name, config, initial_state)

        await self._change(name, created)

    async def put_config(self, name: str, change: ConfigChange) -> bool:
        """Create it, or replace its configuration; True where it was created. `change` is given what there is,
        nothing where there is no such connector."""

        def put(before: DesiredConnector | None) -> Iterator[TableRecord]:
            if before is None:
                return self._planned(name, change({}), TargetState.RUNNING)
            return self._planned(name, change(before.config), before.target_state)

        return await self._change(name, put) is None

    async def change_config(self, name: str, change: ConfigChange) -> None:
        await self._change_existing(name, lambda before: (change(before.config), before.target_state))

    async def set_target_state(self, name: str, state: TargetState) -> None:
        await self._change_existing(name, lambda before: (before.config, state))

    async def delete(self, name: str) -> None:
        """Positions are kept: a connector created again under this name goes on where it was."""

        def deleted(before: DesiredConnector | None) -> Iterator[TableRecord]:
            if before is None:
                raise UnknownConnector(name)
            return deletion_records(name)

        await self._change(name, deleted)
        await self._topics.forget(name)

    async def restart(self, request: RestartRequest) -> None:
        """Without tasks nothing restarts: connector code runs in tasks only. Raises UnknownTask."""
        count = len(self._plans.one(request.connector).tasks)
        if request.task is not None and not 0 <= request.task < count:
            raise UnknownTask(request.connector, request.task, count)
        await self._tables.config_log.write([restart_record(request)])

    async def _change_existing(
        self, name: str, change: Callable[[DesiredConnector], tuple[StringMap, TargetState]]
    ) -> None:
        def changed(before: DesiredConnector | None) -> Iterator[TableRecord]:
            if before is None:
                raise UnknownConnector(name)
            return self._planned(name, *change(before))

        await self._change(name, changed)

    def _planned(self, name: str, config: StringMap, state: TargetState) -> Iterator[TableRecord]:
        """In one batch, so that nobody sees the configuration without its tasks."""
        config = {**config, "name": name}
        return connector_records(name, config, state, self._plans.tasks_of(name, config, state))

    async def _change(
        self, name: str, change: Callable[[DesiredConnector | None], Iterator[TableRecord]]
    ) -> DesiredConnector | None:
        """Write what `change` makes of the connector as it is here, and again of what it has become where another's
        change came first. One at a time, so that those of one worker never come in each other's way.

        Answers what there was before. The deadline covers the wait for others too."""
        claims = self._tables.configs.claims
        try:
            async with TimeLimit(self._config.write_timeout_seconds), self._changing:
                while True:
                    claim, based_on = uuid4().hex, claims.version(name)
                    before = self._plans.desired().get(name)
                    records = change(before)
                    await self._tables.config_log.write(list(claimed(records, claim, [based_on])))
                    if not claims.has_lost(claim):
                        return before
        except TimeoutError as error:
            raise LogUnavailable(
                f"the log did not confirm the change within {self._config.write_timeout_seconds:g} s: it is made as a"
                " whole when the log goes on, or not at all",
                where=self._config.bootstrap_servers,
                hint="see that the log is up, then look whether the change was made, and repeat it if not",
            ) from error
