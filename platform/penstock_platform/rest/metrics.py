"""`/metrics` for Prometheus, and `/penstock/metrics`, the live numbers of the tasks as JSON for the command line."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from penstock_platform.rest.answers import json_response, task_id
from penstock_platform.rest.context import worker_of
from penstock_platform.rest.metric_families import Metrics, families
from penstock_platform.rest.other_workers import OTHERS
from penstock_workers.cluster.info import ClusterInfo
from penstock_workers.status import ConnectorStatus

PROCESS = ProcessCollector(registry=None)


async def show(request: web.Request) -> web.Response:
    """Of all tasks of the cluster."""
    worker = worker_of(request)
    here = [
        task_id(task) | {"worker_id": worker.id} | dataclasses.asdict(numbers)
        for task, numbers in worker.metrics().items()
    ]
    answers = await request.app[OTHERS].ask(request)
    tasks = here + [task for answer in answers.found.values() for task in answer["tasks"]]
    return json_response({"tasks": tasks, "unanswered": answers.unanswered})


async def prometheus(request: web.Request) -> web.Response:
    """Read on the event loop, so that it is of one moment, and put into words by a thread: of a thousand connectors
    that takes a quarter of a second."""
    worker = worker_of(request)
    statuses = [worker.status(name) for name in worker.connectors()]
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    text = await asyncio.to_thread(_text, statuses, worker.metrics(), worker.members(), encode)
    return web.Response(body=text, headers={"Content-Type": content_type})


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _text(
    statuses: Sequence[ConnectorStatus],
    metrics: Metrics,
    cluster: ClusterInfo,
    encode: Callable[[CollectorRegistry], bytes],
) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(families(statuses, metrics, cluster)))
    registry.register(PROCESS)
    return encode(registry)
