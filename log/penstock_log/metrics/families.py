"""A node's numbers as Prometheus' metric families, by the names of Kafka's JMX exporter.

`collect` runs on the event loop and only reads; turning thousands of series into text is for another thread.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from kio.schema.index import api_key_map
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from penstock_log.controller.events import PartitionAssignment
from penstock_log.controller.state import ClusterState
from penstock_log.metrics.durations import Durations
from penstock_log.metrics.traffic import TopicTraffic, Traffic
from penstock_log.partition.partition import Partition
from penstock_log.storage.scrubbing import Scrubber

__all__ = ["NodeNumbers", "collect"]

_QUANTILES: Final = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)
_FETCH: Final = 1
_TRAFFIC: Final[dict[str, tuple[str, Callable[[TopicTraffic], int]]]] = {
    "messagesin": ("Records produced.", lambda topic: topic.messages_in),
    "bytesin": ("Bytes of record batches produced.", lambda topic: topic.bytes_in),
    "bytesout": ("Bytes of record batches fetched.", lambda topic: topic.bytes_out),
    "totalproducerequests": ("Produces to a partition.", lambda topic: topic.produces),
    "failedproducerequests": ("Produces to a partition that were refused.", lambda topic: topic.failed_produces),
    "totalfetchrequests": ("Fetches of a partition.", lambda topic: topic.fetches),
    "failedfetchrequests": ("Fetches of a partition that were refused.", lambda topic: topic.failed_fetches),
}
_LOGS: Final[dict[str, tuple[str, Callable[[Partition], int]]]] = {
    "size": ("Bytes on disk.", lambda partition: partition.size_bytes),
    "logstartoffset": ("The first offset that can be read.", lambda partition: partition.log_start_offset),
    "logendoffset": ("The next offset to be written.", lambda partition: partition.log_end_offset),
}


class NodeNumbers(NamedTuple):
    """Where the numbers of one node are found."""

    node_id: int
    state: ClusterState
    partitions: Callable[[], list[Partition]]
    traffic: Traffic
    request_times: Mapping[int, Durations]
    """By API key."""
    flush_times: Durations
    scrubber: Scrubber
    connection_count: Callable[[], int]


def collect(node: NodeNumbers) -> list[Metric]:
    """All families as of now."""
    partitions = node.partitions()
    return [
        *_traffic(node.traffic),
        *_requests(node.request_times),
        *_logs(partitions),
        *_replicas(node, partitions),
        *_controller(node.state),
        _summary("kafka_log_logflushstats_logflushrateandtimems", "Time of a flush to disk.", [({}, node.flush_times)]),
        *_scrubbing(node.scrubber),
        _gauge("kafka_server_socketservermetrics_connection_count", "Open connections.", node.connection_count()),
    ]


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    """Each topic's, and without a label that of all topics, deleted ones too."""
    total = traffic.total()
    for name, (documentation, value) in _TRAFFIC.items():
        family = CounterMetricFamily(f"kafka_server_brokertopicmetrics_{name}", documentation, labels=["topic"])
        for topic, counted in traffic.items():
            family.add_metric([topic], value(counted))
        family.add_sample(f"{family.name}_total", {}, value(total))
        yield family


def _requests(request_times: Mapping[int, Durations]) -> Iterator[Metric]:
    named = [({"request": name}, times) for key, times in request_times.items() for name in _request_names(key)]
    family = CounterMetricFamily("kafka_network_requestmetrics_requests", "Requests answered.", labels=["request"])
    for labels, times in named:
        family.add_metric(list(labels.values()), times.count)
    yield family
    documentation = "From a request's arrival to its answer, waiting for records or flushes included."
    yield _summary("kafka_network_requestmetrics_totaltimems", documentation, named)


def _request_names(api_key: int) -> list[str]:
    """As Kafka names the API. Fetches of consumers, which are all that there are here, count under two names there."""
    name = "".join(word.capitalize() for word in api_key_map[api_key].split("_"))
    return [name, "FetchConsumer"] if api_key == _FETCH else [name]


def _logs(partitions: Iterable[Partition]) -> Iterator[Metric]:
    for name, (documentation, value) in _LOGS.items():
        family = GaugeMetricFamily(f"kafka_log_log_{name}", documentation, labels=["topic", "partition"])
        for partition in partitions:
            family.add_metric([partition.topic, str(partition.index)], value(partition))
        yield family


def _replicas(node: NodeNumbers, partitions: list[Partition]) -> Iterator[Metric]:
    prefix = "kafka_server_replicamanager"
    led = [assignment for assignment in _assignments(node.state) if assignment.leader == node.node_id]
    lagging = sum(len(assignment.in_sync_replicas) < len(assignment.replicas) for assignment in led)
    held = sum(node.node_id in assignment.replicas for assignment in _assignments(node.state))
    yield _gauge(f"{prefix}_partitioncount", "Partitions that the node serves.", len(partitions))
    yield _gauge(f"{prefix}_leadercount", "Partitions that the node leads.", len(led))
    yield _gauge(f"{prefix}_underreplicatedpartitions", "Led partitions with replicas that are not in sync.", lagging)
    yield _gauge(f"{prefix}_offlinereplicacount", "Partitions that could not be opened.", held - len(partitions))


def _controller(state: ClusterState) -> Iterator[Metric]:
    prefix = "kafka_controller_kafkacontroller"
    partition_count = sum(1 for _ in _assignments(state))
    yield _gauge(f"{prefix}_activecontrollercount", "1 where this node is the controller.", 1)
    yield _gauge(f"{prefix}_activebrokercount", "Registered brokers.", len(state.brokers))
    yield _gauge(f"{prefix}_globaltopiccount", "Topics of the cluster.", len(state.topics))
    yield _gauge(f"{prefix}_globalpartitioncount", "Partitions of the cluster.", partition_count)
    leaderless = sum(assignment.leader < 0 for assignment in _assignments(state))
    yield _gauge(f"{prefix}_offlinepartitionscount", "Partitions that nobody leads.", leaderless)


def _scrubbing(scrubber: Scrubber) -> Iterator[Metric]:
    """Under names of our own: Kafka has nothing like it."""
    prefix, checked, damaged = "penstock_log_scrub", scrubber.checked_bytes, scrubber.damaged_batches
    yield CounterMetricFamily(f"{prefix}_checked_bytes", "Bytes of sealed segments that were read again.", checked)
    yield CounterMetricFamily(f"{prefix}_damaged_batches", "Damaged batches found; the log names them.", damaged)


def _assignments(state: ClusterState) -> Iterator[PartitionAssignment]:
    return (assignment for topic in state.topics.values() for assignment in topic.partitions)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value)


def _summary(name: str, documentation: str, measured: Iterable[tuple[dict[str, str], Durations]]) -> Metric:
    """In milliseconds, as Kafka's are. prometheus_client's own summary family has no quantiles."""
    family = Metric(name, documentation, "summary")
    now = time.monotonic()
    for labels, durations in measured:
        for quantile, seconds in zip(_QUANTILES, durations.quantiles(_QUANTILES, now), strict=True):
            family.add_sample(name, labels | {"quantile": str(quantile)}, seconds * 1000)
        family.add_sample(f"{name}_count", labels, durations.count)
        family.add_sample(f"{name}_sum", labels, durations.total_seconds * 1000)
    return family
