"""What every handler works with: the worker and the catalog of plugins."""

from __future__ import annotations

from aiohttp import web

from penstock import PenstockError
from penstock_platform.plugins.catalog import Catalog
from penstock_workers.worker import Worker

WORKER = web.AppKey("worker", Worker)
CATALOG = web.AppKey("catalog", Catalog)


class Starting(PenstockError):
    """The worker has not read its topics yet: whatever it said of its connectors would be wrong. REST answers 503."""

    code = "starting"


def worker_of(request: web.Request) -> Worker:
    """The worker, once it has started: REST listens before, so that a long start can be watched."""
    worker = request.app[WORKER]
    if not worker.is_started:
        raise Starting("the worker is still starting up", where="worker", hint="GET /health tells when it is ready")
    return worker
