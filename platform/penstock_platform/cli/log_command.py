"""`penstock log`: a node of the log in this process, and its files as text."""

from __future__ import annotations

from pathlib import Path

import click

from penstock import BadConfiguration


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
) -> int:
    """Run a node of the log until SIGTERM or Ctrl-C."""
    if context.invoked_subcommand is not None:
        return 0
    from penstock_log.__main__ import run_node
    from penstock_log.config import NodeConfig
    from penstock_platform.cli.config_file import as_strings, pairs, read_config
    from penstock_platform.cli.logging import configure_logging

    configs = as_strings(read_config(config_file)) if config_file else {}
    configs |= pairs(settings, secrets={"ssl.key.password"})
    configure_logging()
    return run_node(
        NodeConfig(data_dir, host, port, node_id, advertised_host, users_file, metrics_port, settings=configs)
    )


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
