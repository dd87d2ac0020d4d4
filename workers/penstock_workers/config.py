"""The worker's own configuration, and the options that every connector has."""

from __future__ import annotations

from penstock import Config, option

CONNECTOR_NAME_PATTERN = r"^[^\x00-\x1f/]+$"

# Values are bytes from connector to log in both: a string is its UTF-8 text.
CONVERTERS = (
    "org.apache.kafka.connect.storage.StringConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter",
)


EXACTLY_ONCE = "exactly-once"
AT_LEAST_ONCE = "at-least-once"


class WorkerConfig(Config):
    """A worker: where the log is, what its cluster is called, where REST listens."""

    bootstrap_servers: str = option(
        "Where the log is: host:port pairs, comma-separated.", default="127.0.0.1:9092", importance="high", group="Log"
    )
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
    rest_host_name: str = option("Address on which REST listens.", default="127.0.0.1", group="REST")
    rest_port: int = option("Port on which REST listens.", default=8083, minimum=0, maximum=65535, group="REST")
    rest_advertised_host_name: str | None = option(
        "Name by which others reach this worker's REST. Default: rest.host.name.", default=None, group="REST"
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
    write_timeout_seconds: float = option(
        "How long a change may wait for the log before it is refused.", default=30.0, minimum=0.1, group="Log"
    )

    @property
    def worker_id(self) -> str:
        """How statuses name this worker."""
        return f"{self.rest_advertised_host_name or self.rest_host_name}:{self.rest_port}"


class CommonConnectorConfig(Config):
    """What may be set for any connector, beside the connector's own options."""

    name: str = option("Name of the connector.", pattern=CONNECTOR_NAME_PATTERN, group="Common")
    connector_class: str = option(
        "Connector class, as GET /connector-plugins names it; the class's name alone will do.", group="Common"
    )
    tasks_max: int = option(
        "Largest number of tasks: a sink has as many, members of one consumer group; a source has one.",
        default=1,
        minimum=1,
        importance="high",
        group="Common",
    )
    key_converter: str = option(
        "How keys become bytes.", default=CONVERTERS[1], choices=CONVERTERS, importance="low", group="Common"
    )
    value_converter: str = option(
        "How values become bytes.", default=CONVERTERS[1], choices=CONVERTERS, importance="low", group="Common"
    )
    delivery: str = option(
        "Sources: exactly-once writes records and positions in one transaction; at-least-once needs none, and a crash"
        " brings some records again.",
        default=EXACTLY_ONCE,
        choices=(EXACTLY_ONCE, AT_LEAST_ONCE),
        group="Common",
    )
    exactly_once_support: str = option(
        "Kafka Connect's word, accepted so that its configurations pass: see delivery.",
        default="requested",
        choices=("requested", "required"),
        importance="low",
        group="Common",
    )
