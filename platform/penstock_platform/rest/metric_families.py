"""What the worker knows, as Prometheus' metric families: the same truth as REST's statuses. Pure.

States and health are of the whole cluster, the same on each of its workers; numbers are of the tasks that run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from penstock_workers.cluster.info import ClusterInfo
from penstock_workers.health import connector_health
from penstock_workers.host.latency import buckets
from penstock_workers.status import ConnectorStatus, TaskId, TaskMetrics

Metrics = Mapping[TaskId, TaskMetrics]

COUNTERS = {
    "task_restarts": ("Times that a task was started again.", "restarts"),
    "task_retries": ("Calls into a connector that were made again after a passing error.", "retries"),
    "task_records_failed": ("Records that could not be converted, written or stored.", "records_failed"),
    "task_records_skipped": ("Of those: the task went on without them.", "records_skipped"),
    "task_dead_letters": ("Of those: written to the dead-letter topic.", "dead_letters"),
}
MOVED = {
    "source": ("source_{}", "{} that a source brought, acknowledged by the log."),
    "sink": ("sink_{}", "{} that a sink has written."),
}


def families(statuses: Sequence[ConnectorStatus], metrics: Metrics, cluster: ClusterInfo) -> list[Metric]:
    types = {status.name: status.type for status in statuses}
    return [
        *_cluster(cluster),
        *_states(statuses),
        *_counters(metrics),
        *_moved(metrics, types),
        *_gauges(statuses, metrics),
        *_latency(metrics),
    ]


def _cluster(cluster: ClusterInfo) -> Iterator[Metric]:
    """As this worker knows it: where workers disagree for longer than a moment, something is wrong."""
    yield GaugeMetricFamily(
        "penstock_cluster_workers", "Workers in the cluster, as this one knows it.", value=len(cluster.workers)
    )
    text = "Epoch of the last assignment of tasks that this worker has read."
    yield GaugeMetricFamily("penstock_cluster_assignment_epoch", text, value=cluster.epoch)
    leads = _gauge("cluster_leader", "1 for the worker that leads.", "worker_id")
    for worker in cluster.workers:
        leads.add_metric([worker.worker_id], worker.is_leader)
    yield leads


def _states(statuses: Sequence[ConnectorStatus]) -> Iterator[Metric]:
    """One series for each connector and task, with its present state as a label."""
    connectors = _gauge("connector_state", "1 for the state that a connector is in.", "connector", "state")
    tasks = _gauge("task_state", "1 for the state that a task is in.", "connector", "task", "state", "worker_id")
    health = _gauge(
        "connector_health", "1 for what the connector is: healthy, degraded, unhealthy.", "connector", "health"
    )
    for status in statuses:
        connectors.add_metric([status.name, status.connector.state], 1)
        health.add_metric([status.name, connector_health(status).health], 1)
        for task in status.tasks:
            tasks.add_metric([status.name, str(task.id), task.status.state, task.status.worker_id], 1)
    yield from (connectors, tasks, health)


def _counters(metrics: Metrics) -> Iterator[Metric]:
    for name, (documentation, field) in COUNTERS.items():
        yield _of_tasks(CounterMetricFamily, name, documentation, metrics, field)


def _moved(metrics: Metrics, types: Mapping[str, str]) -> Iterator[Metric]:
    for kind, (name, documentation) in MOVED.items():
        some = {task: numbers for task, numbers in metrics.items() if types.get(task.connector) == kind}
        for what in ("records", "bytes"):
            text = documentation.format(what.capitalize())
            yield _of_tasks(CounterMetricFamily, name.format(what), text, some, f"{what}_total")


def _gauges(statuses: Sequence[ConnectorStatus], metrics: Metrics) -> Iterator[Metric]:
    lagging = {task: numbers for task, numbers in metrics.items() if numbers.records_lag is not None}
    yield _of_tasks(
        GaugeMetricFamily, "sink_records_lag", "Records that a sink has yet to write.", lagging, "records_lag"
    )
    text = "Records between connector and log: neither acknowledged nor committed yet."
    yield _of_tasks(GaugeMetricFamily, "task_records_in_flight", text, metrics, "records_in_flight")
    text = "When records last moved, in seconds since 1970; 0: not yet."
    yield _of_tasks(GaugeMetricFamily, "task_last_progress_timestamp_seconds", text, metrics, "last_progress_seconds")
    stuck = _gauge("task_stuck", "1 where a task has input and nothing moves.", "connector", "task")
    for status in statuses:
        for task in status.tasks:
            if TaskId(status.name, task.id) in metrics:
                stuck.add_metric([status.name, str(task.id)], task.status.is_stuck)
    yield stuck


def _latency(metrics: Metrics) -> Iterator[Metric]:
    text = "Age of records, by their own timestamps, when a source's were in the log or a sink had written them."
    family = HistogramMetricFamily("penstock_latency_seconds", text, labels=["connector", "task"])
    for task, numbers in metrics.items():
        if numbers.latency_counts:
            found = buckets(numbers.latency_counts)
            family.add_metric([task.connector, str(task.task)], found, numbers.latency_seconds_total)
    yield family


def _of_tasks(
    kind: type[CounterMetricFamily | GaugeMetricFamily], name: str, documentation: str, metrics: Metrics, field: str
) -> Metric:
    family = kind(f"penstock_{name}", documentation, labels=["connector", "task"])
    for task, numbers in metrics.items():
        family.add_metric([task.connector, str(task.task)], getattr(numbers, field))
    return family


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"penstock_{name}", documentation, labels=labels)
