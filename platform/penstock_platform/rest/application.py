"""The routes of the API, in one table, and the aiohttp application made of them."""

from __future__ import annotations

from aiohttp import web

from penstock_platform.plugins.catalog import Catalog
from penstock_platform.rest import (
    connector_config,
    connector_errors,
    connector_logs,
    connector_offsets,
    connector_plugins,
    connector_state,
    connector_topics,
    connectors,
    dead_letters,
    health,
    loggers,
    metrics,
    root,
    tasks,
    workers,
)
from penstock_platform.rest.context import CATALOG, WORKER
from penstock_platform.rest.errors import REQUEST_TIMEOUT_SECONDS, TIMEOUT_SECONDS, Handler, errors
from penstock_platform.rest.other_workers import other_workers
from penstock_platform.rest.reading_on import reading_on
from penstock_workers.worker import Worker

BODY_LIMIT_BYTES = 1 << 20  # what the log takes as one record by default

# Nothing below /ui: that is the place of the web interface.
ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/", root.show),
    ("GET", "/health", root.health),
    ("GET", "/openapi.json", root.openapi),
    ("GET", "/connectors", connectors.list_all),
    ("POST", "/connectors", connectors.create),
    ("GET", "/connectors/{connector}", connectors.show),
    ("DELETE", "/connectors/{connector}", connectors.delete),
    ("GET", "/connectors/{connector}/config", connector_config.show),
    ("PUT", "/connectors/{connector}/config", connector_config.put),
    ("PATCH", "/connectors/{connector}/config", connector_config.patch),
    ("GET", "/connectors/{connector}/status", connector_state.show),
    ("GET", "/connectors/{connector}/health", health.show_one),
    ("GET", "/connectors/{connector}/logs", connector_logs.show),
    ("GET", "/connectors/{connector}/errors", connector_errors.show),
    ("PUT", "/connectors/{connector}/pause", connector_state.pause),
    ("PUT", "/connectors/{connector}/resume", connector_state.resume),
    ("PUT", "/connectors/{connector}/stop", connector_state.stop),
    ("POST", "/connectors/{connector}/restart", connector_state.restart),
    ("GET", "/connectors/{connector}/topics", connector_topics.show),
    ("PUT", "/connectors/{connector}/topics/reset", connector_topics.reset),
    ("GET", "/connectors/{connector}/offsets", connector_offsets.show),
    ("PATCH", "/connectors/{connector}/offsets", connector_offsets.alter),
    ("DELETE", "/connectors/{connector}/offsets", connector_offsets.reset),
    ("POST", "/connectors/{connector}/offsets/reset", connector_offsets.reset_to),
    ("GET", "/connectors/{connector}/offsets/history", connector_offsets.history),
    ("POST", "/connectors/{connector}/offsets/undo", connector_offsets.undo),
    ("GET", "/connectors/{connector}/dead-letters", dead_letters.list_latest),
    ("GET", "/connectors/{connector}/dead-letters/{partition}/{offset}", dead_letters.show),
    ("POST", "/connectors/{connector}/dead-letters/replay", dead_letters.replay),
    ("GET", "/connectors/{connector}/tasks", tasks.list_all),
    ("GET", "/connectors/{connector}/tasks/{task}/status", tasks.status),
    ("POST", "/connectors/{connector}/tasks/{task}/restart", tasks.restart),
    ("GET", "/connector-plugins", connector_plugins.list_all),
    ("GET", "/connector-plugins/{plugin}/config", connector_plugins.show_config),
    ("PUT", "/connector-plugins/{plugin}/config/validate", connector_plugins.validate),
    ("GET", "/admin/loggers", loggers.list_all),
    ("GET", "/admin/loggers/{logger}", loggers.show),
    ("PUT", "/admin/loggers/{logger}", loggers.put),
    ("GET", "/metrics", metrics.prometheus),
    ("GET", "/penstock/health", health.show),
    ("GET", "/penstock/metrics", metrics.show),
    ("GET", "/penstock/workers", workers.list_all),
    ("PUT", "/penstock/workers/{worker}/drain", workers.drain),
]


def application(
    worker: Worker, catalog: Catalog, request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
) -> web.Application:
    app = web.Application(middlewares=[errors, reading_on], client_max_size=BODY_LIMIT_BYTES)
    app[WORKER] = worker
    app[CATALOG] = catalog
    app[TIMEOUT_SECONDS] = request_timeout_seconds
    app.cleanup_ctx.append(other_workers)
    allowed: dict[str, list[str]] = {}
    for method, path, handler in ROUTES:
        methods = [method, "HEAD"] if method == "GET" else [method]
        for each in methods:
            app.router.add_route(each, _pattern(path), handler)
        allowed.setdefault(path, ["OPTIONS"]).extend(methods)
    for path, methods in allowed.items():
        app.router.add_route("OPTIONS", _pattern(path), _telling(methods))
    return app


def _telling(methods: list[str]) -> Handler:
    """What OPTIONS answers. Nothing about other origins: pages of theirs are not to call a worker."""

    async def options(request: web.Request) -> web.Response:
        return web.Response(headers={"Allow": ",".join(sorted(methods))})

    return options


def _pattern(path: str) -> str:
    """aiohttp's pattern: names may hold any character but a slash, which is percent-encoded in them, and a slash at
    the end makes no difference."""
    if path == "/":
        return path
    return path.replace("}", ":[^/]+}") + "{slash:/?}"
