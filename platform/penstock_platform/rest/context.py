"""What every handler works with: the worker and the catalog of plugins."""

from __future__ import annotations

from aiohttp import web

from penstock_platform.plugins.catalog import Catalog
from penstock_workers.worker import Worker

WORKER = web.AppKey("worker", Worker)
CATALOG = web.AppKey("catalog", Catalog)
