"""`penstock up`: everything in one process tree."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="up")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".penstock"),
    show_default=True,
    help="All that is kept lies here.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address on which everything listens.")
@click.option("--kafka-port", default=9092, show_default=True, type=click.IntRange(1, 65535), help="Port of the log.")
@click.option(
    "--rest-port", default=8083, show_default=True, type=click.IntRange(1, 65535), help="Port of the REST API."
)
@click.option(
    "--demo", is_flag=True, help="With a demonstration: growing, rotating logs, tailed into topics and written out."
)
def command(data_dir: Path, host: str, kafka_port: int, rest_port: int, demo: bool) -> None:
    """Run the log, a worker and its REST API until Ctrl-C; go on where they were when started again."""
    from penstock_platform.up.platform import Settings
    from penstock_platform.up.run import run

    run(Settings(data_dir, host, kafka_port, rest_port, demo))
