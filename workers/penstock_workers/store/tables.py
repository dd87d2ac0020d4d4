"""The four internal topics of a worker cluster, opened together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from penstock_workers.cancelling import TimeLimit
from penstock_workers.client.unreachable import why_unreachable
from penstock_workers.config import WorkerConfig
from penstock_workers.errors import LogRefusesConnection, LogUnavailable
from penstock_workers.logger_levels import PREFIX as LOGGER_LEVEL
from penstock_workers.logger_levels import LoggerLevels
from penstock_workers.offsets.history import PREFIX as OFFSET_HISTORY
from penstock_workers.offsets.history import OffsetHistory
from penstock_workers.store.active_topics import PREFIX as ACTIVE_TOPIC
from penstock_workers.store.active_topics import ActiveTopics
from penstock_workers.store.assignments import KEY as ASSIGNMENT
from penstock_workers.store.assignments import AssignmentTable
from penstock_workers.store.configs import ConfigTable, RestartRequest
from penstock_workers.store.installed_plugins import PREFIX as PLUGINS
from penstock_workers.store.installed_plugins import InstalledPlugins
from penstock_workers.store.internal_topics import InternalTopic, check_topic, create_topic, mend_topic
from penstock_workers.store.offsets import OffsetTable
from penstock_workers.store.records import TableRecord, by_key
from penstock_workers.store.split_requests import PREFIX as SPLIT_REQUEST
from penstock_workers.store.split_requests import SplitRequests
from penstock_workers.store.statuses import StatusTable
from penstock_workers.store.stops import PREFIX as STOPS
from penstock_workers.store.stops import StopTable
from penstock_workers.store.topic_log import TopicLog
from penstock_workers.upkeep import Upkeep

log = structlog.get_logger()

START_TIMEOUT_SECONDS = 60.0
"""How long a worker waits for a log that is not there yet: both may have been started by the same command."""
RETRY_SECONDS = 0.1
OFFSET_PARTITIONS = 25
STATUS_PARTITIONS = 5
"""Kafka Connect's numbers, for topics that it may one day share."""


class Tables:
    """The tables, and the logs behind them. Writing goes through the logs; the tables are for reading."""

    def __init__(
        self,
        config: WorkerConfig,
        on_config_change: Callable[[RestartRequest | None], None],
        on_change: Callable[[], None],
    ) -> None:
        """`on_config_change` follows each record of the config topic, the first reading included; `on_change` each
        else that concerns tasks."""
        self.configs = ConfigTable()
        self.offsets = OffsetTable()
        self.statuses = StatusTable()
        self.assignments = AssignmentTable()
        self.stops = StopTable()
        self.plugins = InstalledPlugins()
        self.split_requests = SplitRequests()
        self.offset_history = OffsetHistory()
        self.active_topics = ActiveTopics()
        self.logger_levels = LoggerLevels()
        self._is_read = False
        self._config = config
        self._on_config_change = on_config_change
        self._on_change = on_change
        self.config_log = self._topic_log(
            config.config_storage_topic,
            by_key({LOGGER_LEVEL: self._apply_logger_level, "": self._apply_config}),
            self._configs_lost,
        )
        self.offset_log = self._topic_log(config.offset_storage_topic, self.offsets.apply)
        self.status_log = self._topic_log(
            config.status_storage_topic, by_key({ACTIVE_TOPIC: self.active_topics.apply, "": self._apply_status})
        )
        in_cluster = {
            ASSIGNMENT: self._apply_assignment,
            STOPS: self._apply_stops,
            PLUGINS: self._apply_plugins,
            OFFSET_HISTORY: self.offset_history.apply,
            SPLIT_REQUEST: self._apply_split_request,
        }
        self.cluster_log = self._topic_log(config.cluster_storage_topic, by_key(in_cluster))
        self._logs = (self.config_log, self.offset_log, self.status_log, self.cluster_log)
        self._mending = Upkeep("mend internal topics", self._mend)

    async def start(self) -> str:
        """Create what is missing, read everything; answers the id of the Kafka cluster.

        Raises UnsuitableTopic, or LogUnavailable when the log does not answer for a minute.
        """
        cluster_id, partitions = await self._wait_for_log()
        await asyncio.gather(*(log.start(count) for log, count in zip(self._logs, partitions, strict=True)))
        self._is_read = True
        self._mending.start()
        return cluster_id

    async def stop(self) -> None:
        await self._mending.stop()
        await asyncio.gather(*(log.stop() for log in self._logs))

    def _topic_log(
        self, topic: str, apply: Callable[[TableRecord], None], on_loss: Callable[[], None] = lambda: None
    ) -> TopicLog:
        def lost() -> None:
            on_loss()
            self._mending.soon()

        timeout_seconds = self._config.write_timeout_seconds
        return TopicLog(
            self._config.log,
            topic,
            apply,
            timeout_seconds=timeout_seconds,
            on_loss=lost,
            on_absence=lambda: self._mending.soon(),
        )

    def _configs_lost(self) -> None:
        """This worker still has them: the leader writes them once more, as it does after a contest."""
        self.configs.claims.write_once_more(self.configs.configs)
        self._on_config_change(None)

    async def _mend(self) -> None:
        try:
            async with TimeLimit(self._config.write_timeout_seconds), self._admin() as admin:
                for topic, each in zip(self._topics(), self._logs, strict=True):
                    await mend_topic(admin, topic, each.partitions)
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable("internal topics could not be mended", where=self._config.bootstrap_servers) from error

    def _apply_logger_level(self, record: TableRecord) -> None:
        """It holds for those who hear it: a worker that starts later has its own levels, as in Kafka Connect."""
        if self._is_read:
            self.logger_levels.apply(record)

    def _apply_config(self, record: TableRecord) -> None:
        self._on_config_change(self.configs.apply(record))

    def _apply_split_request(self, record: TableRecord) -> None:
        self.split_requests.apply(record)
        self._on_config_change(None)

    def _apply_status(self, record: TableRecord) -> None:
        self.statuses.apply(record)
        self._on_change()

    def _apply_assignment(self, record: TableRecord) -> None:
        self.assignments.apply(record)
        self._on_change()

    def _apply_stops(self, record: TableRecord) -> None:
        self.stops.apply(record)
        self._on_change()

    def _apply_plugins(self, record: TableRecord) -> None:
        self.plugins.apply(record)
        self._on_config_change(None)

    async def _wait_for_log(self) -> tuple[str, list[int]]:
        last_error: KafkaError | None = None
        try:
            async with TimeLimit(START_TIMEOUT_SECONDS):
                while True:
                    try:
                        return await self._ensure_topics()
                    except KafkaError as error:
                        if last_error is None:
                            log.info("waiting for the log", servers=self._config.bootstrap_servers, why=repr(error))
                        last_error = error
                        await self._unless_refused()
                        await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable(
                f"the log did not answer within {START_TIMEOUT_SECONDS:g} s",
                where=self._config.bootstrap_servers,
                hint="start it, or set bootstrap.servers to where it is",
            ) from last_error or error

    async def _unless_refused(self) -> None:
        """To wait longer does not help against a wrong password."""
        reason = await why_unreachable(self._config.log)
        if isinstance(reason, LogRefusesConnection):
            raise reason from reason.__cause__

    async def _ensure_topics(self) -> tuple[str, list[int]]:
        async with self._admin() as admin:
            cluster = await admin.describe_cluster()
            for topic in self._topics():
                await create_topic(admin, topic)
            return cluster["cluster_id"] or "unknown", [await check_topic(admin, topic) for topic in self._topics()]

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._config.log.aiokafka_options(), client_id="penstock-worker")
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    def _topics(self) -> list[InternalTopic]:
        config = self._config
        return [
            InternalTopic(config.config_storage_topic, "config.storage.topic", 1, single=True),
            InternalTopic(config.offset_storage_topic, "offset.storage.topic", OFFSET_PARTITIONS),
            InternalTopic(config.status_storage_topic, "status.storage.topic", STATUS_PARTITIONS),
            InternalTopic(config.cluster_storage_topic, "cluster.storage.topic", 1, single=True),
        ]
