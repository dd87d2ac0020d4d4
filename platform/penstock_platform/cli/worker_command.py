"""`penstock worker`: a worker and its REST API in this process, on any Kafka."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import structlog

from penstock_platform.cli import workers_commands
from penstock_workers.cancelling import end

if TYPE_CHECKING:  # imported when it is time: the command line shows its help without it
    from penstock_workers.worker import Worker
    from penstock_workers.worker_options import WorkerOptions

log = structlog.get_logger()

FLAGS = {
    "bootstrap_servers": "bootstrap.servers",
    "group": "group.id",
    "rest_host": "rest.host.name",
    "rest_port": "rest.port",
    "worker_id": "worker.id",
}


@click.group(name="worker", invoke_without_command=True)
@click.option("--bootstrap-servers", help="Where the log is. [default: 127.0.0.1:9092]")
@click.option("--group", help="Name of the worker cluster. [default: connect-cluster]")
@click.option("--rest-host", help="Address on which REST listens. [default: 127.0.0.1]")
@click.option("--rest-port", type=int, help="Port on which REST listens; 0 takes a free one. [default: 8083]")
@click.option("--worker-id", help="Name of this worker for life. [default: host and port of REST]")
@click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML, JSON or .properties file.",
)
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One option; overrides the file.")
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.pass_context
def command(
    context: click.Context, /, config_file: Path | None, settings: tuple[str, ...], log_json: bool, **flags: Any
) -> None:
    """Run a worker until SIGTERM or Ctrl-C.

    SIGTERM drains it: the other workers of its cluster take over its tasks, then it leaves. Ctrl-C stops it where it
    is: started again within restart.timeout.ms, it keeps its tasks.

    All options of a worker: docs/reference/worker.md.
    """
    if context.invoked_subcommand is not None:
        return
    from penstock_platform.cli.config_file import pairs, read_config
    from penstock_platform.cli.logging import configure_logging
    from penstock_workers.config import WorkerConfig
    from penstock_workers.worker_options import read_worker_options

    raw = read_config(config_file) if config_file else {}
    raw |= {FLAGS[flag]: value for flag, value in flags.items() if value is not None}
    secrets = {key for key, schema in WorkerConfig.json_schema()["properties"].items() if schema.get("writeOnly")}
    raw |= pairs(settings, secrets=secrets)
    configure_logging(as_json=log_json)
    options = read_worker_options(raw)
    for reason, keys in options.without_effect.items():
        log.warning("options without effect", options=sorted(keys), instead=reason)
    asyncio.run(_serve(options))


command.add_command(workers_commands.list_workers)
command.add_command(workers_commands.drain_worker)


async def _serve(options: WorkerOptions) -> None:
    from penstock_platform.plugins.discovery import discover
    from penstock_platform.rest.listening import listen

    config = options.config
    listening = listen(config.rest_host_name, config.rest_port)
    discovering = asyncio.create_task(discover())
    await asyncio.sleep(0)  # its process starts while this one imports
    try:
        from penstock_platform.rest.server import serve
        from penstock_workers.worker import Worker
    except BaseException:  # of a broken installation
        await asyncio.wait({discovering})  # cancelled while its process starts, it would never end
        raise

    config = replace(config, rest_port=listening.getsockname()[1])
    stopping, draining = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopping.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, draining.set)
    catalog = await discovering
    for problem in catalog.problems:
        log.warning("plugin cannot be used", **problem.to_dict())
    catalog.configure(options.converters, options.providers)
    worker = Worker(config, catalog.plugins, catalog.converters, catalog.config_providers)
    server = await serve(worker, catalog, listening)
    try:
        await _until(_run(worker), stopping, draining, worker.leaving)
    finally:
        await worker.stop(drain=not stopping.is_set())
        await server.stop()  # last: to other workers its port says whether this process is there


async def _run(worker: Worker) -> None:
    await worker.start()
    await worker.lost()


async def _until(running: Coroutine[Any, Any, None], *signals: asyncio.Event) -> None:
    """Await it, but give it up at the first of these."""
    run = asyncio.ensure_future(running)
    waiting = [asyncio.ensure_future(event.wait()) for event in signals]
    await asyncio.wait({run, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    await end(*waiting)
    if run.done():
        run.result()
    else:
        await end(run)
