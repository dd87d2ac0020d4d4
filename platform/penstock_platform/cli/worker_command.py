"""`penstock worker`: a worker and its REST API in this process, on any Kafka."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Set
from pathlib import Path
from typing import Any

import click
import structlog

from penstock import BadConfiguration

log = structlog.get_logger()

FLAGS = {
    "bootstrap_servers": "bootstrap.servers",
    "group": "group.id",
    "rest_host": "rest.host.name",
    "rest_port": "rest.port",
}


@click.command(name="worker")
@click.option("--bootstrap-servers", help="Where the log is. [default: 127.0.0.1:9092]")
@click.option("--group", help="Name of the worker cluster. [default: connect-cluster]")
@click.option("--rest-host", help="Address on which REST listens. [default: 127.0.0.1]")
@click.option("--rest-port", type=int, help="Port on which REST listens; 0 takes a free one. [default: 8083]")
@click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML, JSON or .properties file.",
)
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One option; overrides the file.")
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
def command(config_file: Path | None, settings: tuple[str, ...], log_json: bool, **flags: Any) -> None:
    """Run a worker until SIGTERM or Ctrl-C.

    All options of a worker: docs/reference/worker.md.
    """
    from penstock_platform.cli.config_file import read_config
    from penstock_platform.cli.logging import configure_logging
    from penstock_workers.config import WorkerConfig

    raw = read_config(config_file) if config_file else {}
    raw |= {FLAGS[flag]: value for flag, value in flags.items() if value is not None}
    secrets = {key for key, schema in WorkerConfig.json_schema()["properties"].items() if schema.get("writeOnly")}
    raw |= dict(_pair(setting, secrets) for setting in settings)
    configure_logging(as_json=log_json)
    asyncio.run(_serve(WorkerConfig.parse(raw)))


def _pair(setting: str, secrets: Set[str]) -> tuple[str, str]:
    key, separator, value = setting.partition("=")
    if not separator:
        raise BadConfiguration("is not KEY=VALUE", where=f"--set {setting}")
    if key in secrets:
        raise BadConfiguration(
            "is a secret, and everybody on this machine can read a process's command line",
            where=f"--set {key}",
            hint="put it into the file that --config names",
        )
    return key, value


async def _serve(config: Any) -> None:
    from penstock_platform.plugins.discovery import discover

    discovering = asyncio.create_task(discover())
    await asyncio.sleep(0)  # its process starts while this one imports
    from penstock_platform.rest.server import serve
    from penstock_workers.worker import Worker

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    catalog = await discovering
    for problem in catalog.problems:
        log.warning("plugin cannot be used", **problem.to_dict())
    worker = Worker(config, catalog.plugins)
    server = await serve(worker, catalog, config.rest_host_name, config.rest_port)
    try:
        await _unless(stopping, worker.start())
        await stopping.wait()
    finally:
        await server.stop()
        await worker.stop()


async def _unless(stopping: asyncio.Event, starting: Any) -> None:
    """Await the start, but give it up when we are to stop."""
    start, stop = asyncio.ensure_future(starting), asyncio.create_task(stopping.wait())
    await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not start.done():
        start.cancel()
    else:
        start.result()
