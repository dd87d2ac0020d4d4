"""`GET /metrics` for Prometheus, on a port of its own."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from penstock_log.errors import ErrorCode, LogError
from penstock_log.metrics.families import NodeNumbers, collect


class MetricsServer:
    """`await start()`, then `await stop()`."""

    def __init__(self, node: NodeNumbers) -> None:
        self._node = node
        application = web.Application()
        application.router.add_get("/metrics", self._answer)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, host: str, port: int) -> int:
        """The port that it listens on, which matters where 0 was asked for. LogError where it cannot."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise LogError(
                ErrorCode.invalid_config,
                f"cannot serve metrics on {host}:{port}: {error.strerror}. Another port: --metrics-port",
            ) from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        text = await asyncio.to_thread(_text, collect(self._node))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def _text(families: list[Metric]) -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collected(families))
    return generate_latest(registry)


class _Collected(Collector):
    """What was collected before, handed to prometheus_client in its own way."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
