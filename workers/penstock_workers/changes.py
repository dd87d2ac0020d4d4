"""Changes of what is wanted, as REST and the command line ask for them: events in `connect-configs`.

Each returns once its records are in the log and applied here, and raises LogUnavailable after `write.timeout.seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from penstock_workers.config import WorkerConfig
from penstock_workers.desired import StringMap, find_plugin, plan_tasks, splits
from penstock_workers.errors import ConnectorExists, LogUnavailable, UnknownTask
from penstock_workers.plans import Plans, replanned
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import TargetState
from penstock_workers.store.configs import (
    RestartRequest,
    claimed,
    connector_records,
    deletion_records,
    restart_record,
    target_state_record,
)
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables
from penstock_workers.topic_tracking import TopicTracking


class Changes:
    """All of them but `create` and `put_config` raise UnknownConnector. The caller has validated the configuration."""

    def __init__(
        self,
        config: WorkerConfig,
        tables: Tables,
        plans: Plans,
        plugins: Sequence[PluginInfo],
        topics: TopicTracking,
    ) -> None:
        self._config = config
        self._tables = tables
        self._plans = plans
        self._plugins = plugins
        self._topics = topics
        self._changing = asyncio.Lock()

    async def create(self, name: str, config: StringMap, initial_state: TargetState = TargetState.RUNNING) -> None:
        """Raises ConnectorExists."""
        claim = uuid4().hex
        async with self._change():
            if name in self._tables.configs.configs:
                raise ConnectorExists(name)
            await self._write(claimed(self._planned(name, config, initial_state), claim))
            if self._tables.configs.has_lost(claim):
                await self._write(self._plans.written_again(name))
                raise ConnectorExists(name)

    async def put_config(self, name: str, config: StringMap) -> bool:
        """Create or replace; True where it was created."""
        async with self._change():
            created = name not in self._tables.configs.configs
            state = TargetState.RUNNING if created else self._tables.configs.target_state(name)
            await self._write(self._planned(name, config, state))
        return created

    async def change_config(self, name: str, change: Callable[[StringMap], StringMap]) -> None:
        """Replace a configuration by what `change` makes of it, which it has validated."""
        async with self._change():
            config = change(self._plans.one(name).config)
            await self._write(self._planned(name, config, self._tables.configs.target_state(name)))

    async def delete(self, name: str) -> None:
        """Positions are kept: a connector created again under this name goes on where it was."""
        async with self._change():
            self._plans.one(name)
            await self._write(deletion_records(name))
        await self._topics.forget(name)

    async def set_target_state(self, name: str, state: TargetState) -> None:
        async with self._change():
            connector = self._plans.one(name)
            await self._write([target_state_record(name, state), *replanned(replace(connector, target_state=state))])

    async def restart(self, request: RestartRequest) -> None:
        """Without tasks nothing restarts: connector code runs in tasks only."""
        self._plans.one(request.connector)
        await self._write([restart_record(request)])

    async def restart_task(self, name: str, task: int) -> None:
        """Raises UnknownTask."""
        count = len(self._plans.one(name).tasks)
        if not 0 <= task < count:
            raise UnknownTask(name, task, count)
        await self._write([restart_record(RestartRequest(name, False, False, task))])

    def _planned(self, name: str, config: StringMap, state: TargetState) -> Iterator[TableRecord]:
        """In one batch, so that nobody sees the configuration without its tasks."""
        config = {**config, "name": name}
        plugin = find_plugin(config, self._plugins)
        tasks: Sequence[StringMap] = plan_tasks(config, plugin, state)
        if tasks and plugin and splits(config, plugin):  # until the leader has had them divided anew
            tasks = self._tables.configs.tasks(name)
        return connector_records(name, config, state, tasks)

    async def _write(self, records: Iterator[TableRecord] | Sequence[TableRecord]) -> None:
        await self._tables.config_log.write(list(records))

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """One change at a time, so that what it looked at still holds when it is written.

        The deadline covers the wait for others too."""
        try:
            async with asyncio.timeout(self._config.write_timeout_seconds), self._changing:
                yield
        except TimeoutError as error:
            raise LogUnavailable(
                f"nothing could be changed within {self._config.write_timeout_seconds:g} s",
                where=self._config.bootstrap_servers,
                hint="see that the log is up, then look whether the change was made, and repeat it if not",
            ) from error
