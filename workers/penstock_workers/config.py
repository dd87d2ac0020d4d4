"""The worker's own configuration."""

from __future__ import annotations

from dataclasses import fields

from penstock import option
from penstock_workers.log_connection import LogConnection

TOPIC_OPTIONS = ("config.storage.topic", "offset.storage.topic", "status.storage.topic", "cluster.storage.topic")


class WorkerConfig(LogConnection):
    """A worker: where the log is, what its cluster is called, where REST listens."""

    group_id: str = option(
        "Name of the worker cluster: workers of one cluster share it.", default="connect-cluster", group="Worker"
    )
    config_storage_topic: str = option(
        "Topic of the connectors' configurations.", default="connect-configs", group="Internal topics"
    )
    offset_storage_topic: str = option(
        "Topic of the sources' positions.", default="connect-offsets", group="Internal topics"
    )
    status_storage_topic: str = option(
        "Topic of the statuses of connectors and tasks.", default="connect-status", group="Internal topics"
    )
    cluster_storage_topic: str = option(
        "Topic of what Kafka Connect has no place for: which worker has which tasks, offsets of the past.",
        default="connect-cluster",
        group="Internal topics",
    )
    worker_id: str | None = option(
        "Name of this worker in its cluster, for life. One that is back under it in time keeps its tasks: in two"
        " seconds after a crash, in restart.timeout.ms after Ctrl-C. Default: advertised host and port of REST.",
        default=None,
        group="Worker",
    )
    restart_timeout_ms: int = option(
        "How long the others keep the tasks of this worker for it after Ctrl-C, before they take them over.",
        default=60_000,
        minimum=0,
        group="Worker",
    )
    session_timeout_ms: int = option(
        "After this time without a heartbeat a worker counts as dead; after half of it its tasks write no more. Below"
        " group.min.session.timeout.ms of the log (6000 by default) it cannot join.",
        default=10_000,
        minimum=100,
        group="Worker",
    )
    heartbeat_interval_ms: int = option(
        "Between two heartbeats, by which a worker also learns that others come and go.",
        default=500,
        minimum=10,
        group="Worker",
    )
    drain_timeout_seconds: float = option(
        "How long a worker that is to stop waits for the others to take over its tasks.",
        default=30.0,
        minimum=0.0,
        group="Worker",
    )
    rest_host_name: str = option("Address on which REST listens.", default="127.0.0.1", group="REST")
    rest_port: int = option("Port on which REST listens.", default=8083, minimum=0, maximum=65535, group="REST")
    rest_advertised_host_name: str | None = option(
        "Name by which others reach this worker's REST. Default: rest.host.name.", default=None, group="REST"
    )
    rest_advertised_port: int | None = option(
        "Port by which others reach it. Default: rest.port.", default=None, minimum=1, maximum=65535, group="REST"
    )
    task_call_timeout_seconds: float = option(
        "How long one call into connector code may take before its process is killed.",
        default=60.0,
        minimum=0.1,
        group="Tasks",
    )
    task_shutdown_graceful_timeout_seconds: float = option(
        "How long a task may take to deliver what it has and stop.", default=10.0, minimum=0.0, group="Tasks"
    )
    topic_creation_enable: bool = option(
        "Whether sources make the topics that they need as their topic.creation options say.",
        default=True,
        group="Tasks",
    )
    write_timeout_seconds: float = option(
        "How long a change may wait for the log before it is refused.", default=30.0, minimum=0.1, group="Log"
    )

    @property
    def log(self) -> LogConnection:
        """What of this concerns the connection to the log, and nothing else: task hosts are told it."""
        return LogConnection(**{field.name: getattr(self, field.name) for field in fields(LogConnection)})

    @property
    def internal_topics(self) -> tuple[str, ...]:
        """In the order of TOPIC_OPTIONS."""
        return (
            self.config_storage_topic,
            self.offset_storage_topic,
            self.status_storage_topic,
            self.cluster_storage_topic,
        )

    @property
    def id(self) -> str:
        """How the cluster and its statuses name this worker."""
        return self.worker_id or self._rest_address

    @property
    def url(self) -> str:
        """Where others reach its REST API."""
        return f"http://{self._rest_address}"

    def transactional_id(self, connector: str, task: int) -> str:
        """Of a source's task. As Kafka Connect names it, so that neither can write beside the other where a connector
        moves over."""
        return f"{self.group_id}-{connector}-{task}"

    @property
    def _rest_address(self) -> str:
        host = self.rest_advertised_host_name or self.rest_host_name
        return f"{f'[{host}]' if ':' in host else host}:{self.rest_advertised_port or self.rest_port}"
