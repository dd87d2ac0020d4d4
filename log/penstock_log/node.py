"""Node: one member of the cluster, put together from storage, controller, APIs and server."""

import asyncio
import fcntl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

import structlog

from penstock_log.api.acls import AclsApi
from penstock_log.api.cluster import ClusterApi
from penstock_log.api.configs import ConfigsApi
from penstock_log.api.consumer_groups import ConsumerGroupsApi
from penstock_log.api.fetch import FetchApi
from penstock_log.api.group_admin import GroupAdminApi
from penstock_log.api.group_offsets import GroupOffsetsApi
from penstock_log.api.groups import GroupsApi
from penstock_log.api.leadership import LeadershipApi
from penstock_log.api.log_dirs import LogDirsApi
from penstock_log.api.offsets import OffsetsApi
from penstock_log.api.produce import ProduceApi
from penstock_log.api.producers import ProducersApi
from penstock_log.api.quorum import QuorumApi
from penstock_log.api.quotas import QuotasApi
from penstock_log.api.registry import Registry
from penstock_log.api.sasl import SaslApi
from penstock_log.api.scram_users import ScramUsersApi
from penstock_log.api.topic_partitions import TopicPartitionsApi
from penstock_log.api.topics import TopicsApi
from penstock_log.api.transaction_admin import TransactionAdminApi
from penstock_log.api.transactions import TransactionsApi
from penstock_log.api.versions import VersionsApi
from penstock_log.config import NodeConfig
from penstock_log.controller.broker_configs import broker_config, check_broker_configs
from penstock_log.controller.broker_settings import BrokerSettings
from penstock_log.controller.controller import Controller
from penstock_log.controller.events import Endpoint
from penstock_log.controller.metadata_log import MetadataLog
from penstock_log.controller.producer_ids import ProducerIds
from penstock_log.group.service import GroupService
from penstock_log.housekeeping import Housekeeping
from penstock_log.metrics.traffic import Traffic
from penstock_log.replicas import Replicas
from penstock_log.security.scram import ScramMechanism
from penstock_log.security.users import first_credentials
from penstock_log.server.dispatch import Dispatcher
from penstock_log.server.listening import bind_listeners
from penstock_log.server.server import Server
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.scrubbing import Scrubber
from penstock_log.transaction.service import TransactionService

log = structlog.get_logger()


class DataDirectoryInUse(Exception):
    """Another process serves the data directory: two writers would destroy it."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def steady_clock() -> Callable[[], int]:
    """Milliseconds since 1970 that go on evenly, whatever is done to the machine's clock: sessions end by it."""
    behind_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + behind_ns) // 1_000_000


class Node:
    """`await start()`, serve until `await stop()`. Several may run in one process."""

    def __init__(self, config: NodeConfig) -> None:
        check_broker_configs(config.settings)
        self._config = config
        self._controller: Controller
        self._settings: BrokerSettings
        self._replicas: Replicas
        self._groups: GroupService
        self._producer_ids: ProducerIds
        self._transactions: TransactionService
        self._to_close = AsyncExitStack()
        self._flusher = Flusher()
        self._scrubber = Scrubber()
        self._traffic = Traffic()
        self.endpoints: Sequence[Endpoint] = ()
        """Where clients reach it."""
        self.metrics_url: str | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Of its first listener."""
        return f"{self.endpoints[0].host}:{self.endpoints[0].port}"

    async def start(self) -> None:
        """Return when clients can connect. A start that fails leaves nothing open."""
        async with AsyncExitStack() as to_close:
            await self._open(to_close)
            self._groups.start()
            to_close.push_async_callback(self._groups.stop)
            self._transactions.start()
            to_close.push_async_callback(self._transactions.stop)
            await self._listen(to_close)
            housekeeping = asyncio.create_task(
                Housekeeping(self._replicas, self._config.settings, self._scrubber, now_ms).run()
            )
            to_close.push_async_callback(_end, housekeeping)
            self._to_close = to_close.pop_all()

    async def stop(self) -> None:
        """Answer no more, flush everything, leave the clean-shutdown checkpoints."""
        await self._to_close.aclose()
        log.info("log node stopped", bootstrap_servers=self.bootstrap_servers)

    async def _open(self, to_close: AsyncExitStack) -> None:
        """Everything on disk. What is opened first is closed last."""
        config = self._config
        config.data_dir.mkdir(parents=True, exist_ok=True)
        to_close.enter_context(_lock(config.data_dir))
        files, flusher = OpenFiles(), self._flusher
        to_close.callback(files.close_all)
        to_close.callback(flusher.close)
        self._controller = Controller(MetadataLog(config.data_dir, files, flusher, now_ms), config.settings)
        to_close.callback(self._controller.close)
        state = self._controller.state
        self._settings = BrokerSettings(state, config.node_id, config.settings)
        self._replicas = Replicas(config.node_id, config.data_dir, state, self._settings, files, flusher)
        to_close.callback(self._replicas.close)
        await self._replicas.open_all()
        to_close.push_async_callback(self._controller.settle)
        self._controller.subscribe(self._replicas.on_event)
        self._controller.subscribe(self._traffic.on_event)
        clock = steady_clock()
        self._groups = GroupService(self._controller, self._replicas, config.settings, clock)
        self._producer_ids = ProducerIds(self._controller, config.node_id)
        self._transactions = TransactionService(
            self._controller, self._replicas, self._groups, config.settings, self._producer_ids.next, clock
        )

    async def _listen(self, to_close: AsyncExitStack) -> None:
        config = self._config
        registry = self._register_apis()
        versions = VersionsApi(registry)
        registry.add(versions.routes())
        max_request_bytes = int(broker_config(config.settings, "socket.request.max.bytes"))
        max_idle_seconds = int(broker_config(config.settings, "connections.max.idle.ms")) / 1000
        dispatcher = Dispatcher(registry, versions, max_request_bytes)
        server = Server(max_idle_seconds)
        to_close.push_async_callback(server.stop)
        await self._add_first_users()
        self.endpoints = await bind_listeners(server, config, dispatcher, self._controller.state.scram_credentials)
        await self._controller.register_broker(config.node_id, self.endpoints)
        await server.start_serving()
        if config.metrics_port is not None:
            await self._serve_metrics(config.metrics_port, dispatcher, server, to_close)
        log.info("log node listens", bootstrap_servers=self.bootstrap_servers, data_dir=str(config.data_dir))

    async def _add_first_users(self) -> None:
        if self._config.users_file is None:
            return
        existing = frozenset(self._controller.state.scram_credentials)
        for mechanism in ScramMechanism:
            credentials = first_credentials(self._config.users_file, mechanism, existing)
            await self._controller.alter_credentials(credentials)

    async def _serve_metrics(self, port: int, dispatcher: Dispatcher, server: Server, to_close: AsyncExitStack) -> None:
        # Imported where it is wanted: an HTTP server is a quarter of the memory of a node.
        from penstock_log.metrics.families import NodeNumbers
        from penstock_log.metrics.server import MetricsServer

        config = self._config
        numbers = NodeNumbers(
            config.node_id,
            self._controller.state,
            self._replicas.all,
            self._traffic,
            dispatcher.request_times,
            self._flusher.flush_times,
            self._scrubber,
            server.connection_count,
        )
        metrics = MetricsServer(numbers)
        bound_port = await metrics.start(config.host, port)
        to_close.push_async_callback(metrics.stop)
        self.metrics_url = f"http://{config.client_host(config.host)}:{bound_port}/metrics"
        log.info("metrics are served", url=self.metrics_url)

    def _register_apis(self) -> Registry:
        config, controller, replicas = self._config, self._controller, self._replicas
        auto_create = broker_config(config.settings, "auto.create.topics.enable").lower() == "true"
        registry = Registry()
        registry.add(ClusterApi(controller, config.node_id, auto_create).routes())
        registry.add(ProduceApi(replicas, self._transactions.coordinator, self._traffic, now_ms).routes())
        registry.add(FetchApi(replicas, controller.state, self._traffic).routes())
        registry.add(OffsetsApi(replicas).routes())
        registry.add(TopicsApi(controller, self._settings).routes())
        registry.add(ConfigsApi(controller, config.node_id, self._settings).routes())
        registry.add(ProducersApi(self._producer_ids, self._transactions.coordinator).routes())
        groups, transactions = self._groups, self._transactions
        registry.add(GroupsApi(groups, transactions.transactions).routes())
        registry.add(GroupOffsetsApi(groups.coordinator, groups.offsets, controller.state, now_ms).routes())
        registry.add(ConsumerGroupsApi(groups, controller.state).routes())
        registry.add(GroupAdminApi(groups.coordinator, groups.offsets).routes())
        registry.add(TransactionsApi(transactions, groups, controller.state, now_ms).routes())
        registry.add(TransactionAdminApi(transactions.transactions, replicas, now_ms).routes())
        registry.add(LogDirsApi(replicas, config.data_dir).routes())
        registry.add(TopicPartitionsApi(controller.state).routes())
        registry.add(LeadershipApi(controller.state).routes())
        registry.add(QuorumApi(controller, config.node_id, now_ms).routes())
        registry.add(AclsApi().routes())
        registry.add(QuotasApi().routes())
        registry.add(SaslApi().routes())
        registry.add(ScramUsersApi(controller).routes())
        return registry


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it and wait until it has let go of what it was at."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _lock(data_dir: Path) -> IO[bytes]:
    file = (data_dir / ".lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataDirectoryInUse(
            f"another process serves the data directory {data_dir}: stop it, or choose another with --data-dir"
        ) from None
    return file
