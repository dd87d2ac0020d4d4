"""`penstock log`: a node of the log in this process, and its files as text."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock import BadConfiguration, PenstockError

if TYPE_CHECKING:
    from penstock_log.config import NodeConfig


@click.group(name="log", invoke_without_command=True)
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), default=Path(".penstock/log"), show_default=True
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9092, show_default=True, help="Port for the Kafka protocol; 0 takes a free one.")
@click.option("--advertised-host", help="The host that clients are told to connect to. Default: --host.")
@click.option("--node-id", default=0, show_default=True, help="Number of this node in the cluster.")
@click.option(
    "--users",
    "users_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of NAME=PASSWORD lines: users to create where they do not exist.",
)
@click.option("--metrics-port", type=int, help="Serve /metrics for Prometheus on this port. Default: nowhere.")
@click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML, JSON or .properties file of broker configurations, as a server.properties of Kafka's has them.",
)
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A broker configuration of Kafka's.")
@click.pass_context
def command(
    context: click.Context,
    data_dir: Path,
    host: str,
    port: int,
    advertised_host: str | None,
    node_id: int,
    users_file: Path | None,
    metrics_port: int | None,
    config_file: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Run a node of the log until SIGTERM or Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from penstock_log.config import NodeConfig
    from penstock_platform.cli.config_file import as_strings, pairs, read_config
    from penstock_platform.cli.logging import configure_logging

    configs = as_strings(read_config(config_file)) if config_file else {}
    configs |= pairs(settings, secrets={"ssl.key.password"})
    configure_logging()
    _serve(NodeConfig(data_dir, host, port, node_id, advertised_host, users_file, metrics_port, settings=configs))


def _serve(config: NodeConfig) -> None:
    from penstock_log.__main__ import serve
    from penstock_log.errors import LogError
    from penstock_log.node import DataDirectoryInUse

    where = ", ".join(map(str, config.listeners))
    try:
        serve(config)
    except DataDirectoryInUse as error:
        hint = "stop the node that runs on it, or name another --data-dir"
        raise PenstockError(str(error), code="data-dir-in-use", where=str(config.data_dir), hint=hint) from error
    except LogError as error:
        raise BadConfiguration(error.message, where=where) from error
    except OSError as error:
        code = "port-in-use" if error.errno == errno.EADDRINUSE else "cannot-listen"
        hint = "another address or directory: --port, --host, --data-dir"
        raise PenstockError(f"the log cannot serve: {error}", code=code, where=where, hint=hint) from error


@command.command("dump")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--records/--no-records", default=True, show_default=True, help="The records in each batch, too.")
def dump_segments(path: Path, records: bool) -> None:
    """Print what a segment file holds, or all those in a directory, and check it.

    A node may be running on it. The records of internal topics are decoded.
    """
    from penstock_log.dump import dump

    try:
        for line in dump(path, with_records=records):
            click.echo(line)
    except FileNotFoundError as error:
        raise BadConfiguration(str(error), where=str(path)) from None
