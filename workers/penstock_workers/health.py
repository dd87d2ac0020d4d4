"""Whether a connector does what is asked of it, and with it the whole platform: one word and the reasons. Pure.

The states of Kafka Connect tell what was last done to a connector and to each task; a person, an alert or a load
balancer wants to know whether it works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from penstock_workers.status import ConnectorStatus, State, TaskStatus


class Health(StrEnum):
    HEALTHY = "healthy"
    """All runs, or rests as asked."""
    DEGRADED = "degraded"
    """Not all does, or not for long, and it is being seen to: a task starts, starts again, or is stuck."""
    UNHEALTHY = "unhealthy"
    """Something has failed."""


@dataclass(frozen=True, slots=True)
class ConnectorHealth:
    name: str
    health: Health
    reasons: Sequence[str]
    """One for each task that does not work, by number; empty where it is healthy."""


def connector_health(status: ConnectorStatus) -> ConnectorHealth:
    found = list(_findings(status))
    reasons = [reason for _, reason in found]
    return ConnectorHealth(status.name, worst(health for health, _ in found), reasons)


def worst(found: Iterable[Health]) -> Health:
    order = list(Health)
    return max(found, key=order.index, default=Health.HEALTHY)


def _findings(status: ConnectorStatus) -> Iterator[tuple[Health, str]]:
    connector = status.connector
    if connector.state is State.FAILED:
        yield Health.UNHEALTHY, f"the connector is FAILED: {_first_line(connector.trace)}"
    elif connector.state is State.RUNNING and not status.tasks:
        yield Health.DEGRADED, "it has no tasks yet"
    elif connector.state is State.RUNNING:
        for task in status.tasks:
            yield from _of_task(task)


def _of_task(task: TaskStatus) -> Iterator[tuple[Health, str]]:
    status = task.status
    why = f": {_first_line(status.trace)}" if status.trace else ""
    if status.state is State.FAILED:
        yield Health.UNHEALTHY, f"task {task.id} is FAILED{why}"
    elif status.is_stuck:
        yield Health.DEGRADED, f"task {task.id} is stuck: it has input, and nothing moves"
    elif status.state is not State.RUNNING:
        yield Health.DEGRADED, f"task {task.id} is {status.state}{why}"


def _first_line(trace: str) -> str:
    return trace.partition("\n")[0]
