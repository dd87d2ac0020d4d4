"""The workers of the cluster: who there is, who leads, who has which task; a worker that is asked to leave."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from penstock import PenstockError
from penstock_platform.rest.answers import json_response, task_id
from penstock_platform.rest.context import worker_of
from penstock_workers.cluster.info import AwayWorker, WorkerInfo


class UnknownWorker(PenstockError):
    """No worker of this id is a member of the cluster. REST answers 404."""

    code = "unknown-worker"


class AnotherWorker(PenstockError):
    """A worker is drained by itself: ask its own REST API. REST answers 409."""

    code = "another-worker"


async def list_all(request: web.Request) -> web.Response:
    cluster = worker_of(request).members()
    return json_response(
        {
            "leader": cluster.leader,
            "epoch": cluster.epoch,
            "workers": [_worker(each) for each in cluster.workers],
            "away": [_away(each) for each in cluster.away],
        }
    )


async def drain(request: web.Request) -> web.Response:
    """Answers at once; the worker's process ends when others have taken over its tasks."""
    worker, asked = worker_of(request), request.match_info["worker"]
    if asked != worker.id:
        found = {each.worker_id: each for each in worker.members().workers}
        if asked not in found:
            hint = "GET /penstock/workers lists the members of the cluster"
            raise UnknownWorker(f"Worker {asked} not found", where=asked, hint=hint)
        url = f"{found[asked].url}{request.path}"
        raise AnotherWorker("this is another worker of the cluster", where=asked, hint=f"PUT {url}")
    worker.drain()
    return web.Response(status=202)


def _worker(info: WorkerInfo) -> dict[str, Any]:
    return {
        "worker_id": info.worker_id,
        "url": info.url,
        "is_leader": info.is_leader,
        "is_draining": info.is_draining,
        "tasks": [task_id(task) for task in info.tasks],
        "stopping": [task_id(task) for task in info.stopping],
    }


def _away(info: AwayWorker) -> dict[str, Any]:
    return {"worker_id": info.worker_id, "tasks": [task_id(task) for task in info.tasks]}
