"""`penstock topic configs` and `penstock topic add-partitions`: a topic looked at, and changed after its creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from penstock_platform.cli.config_file import pairs
from penstock_platform.cli.kafka import check_topic_errors, connected, log_options, run
from penstock_platform.cli.output import output_option, print_json, print_table

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection


@click.command("configs")
@click.argument("name")
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set this configuration.")
@click.option("--unset", multiple=True, metavar="KEY", help="Let this one go back to its default.")
@click.option("--all", "everything", is_flag=True, help="Those at their default too.")
@log_options
@output_option
def topic_configs(
    name: str, settings: tuple[str, ...], unset: tuple[str, ...], everything: bool, log: LogConnection, output: str
) -> None:
    """The configurations of topic NAME, after those given are changed."""
    values = pairs(settings)
    configs = run(read_configs(name, log, values, unset))
    if not everything:
        configs = [config for config in configs if config["source"] != "default"]
    if output == "json":
        print_json(configs)
    elif configs:
        print_table(["CONFIG", "VALUE", "SOURCE"], [list(config.values()) for config in configs])
    else:
        click.echo(f"{name}: every configuration is at its default; --all lists them", err=True)


async def read_configs(
    name: str, log: LogConnection, values: Mapping[str, str] = {}, unset: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """All configurations of the topic, after those given are changed."""
    from aiokafka.admin import AIOKafkaAdminClient

    from penstock_platform.cli.configs import change_topic_configs, read_topic_configs

    async with connected(AIOKafkaAdminClient, log) as admin:
        if values or unset:
            await change_topic_configs(admin, name, values, unset)
        return await read_topic_configs(admin, name)


@click.command("add-partitions")
@click.argument("name")
@click.argument("total", type=click.IntRange(1))
@log_options
def add_partitions(name: str, total: int, log: LogConnection) -> None:
    """Grow topic NAME to TOTAL partitions.

    Records with a key go to another partition from then on than their like did before.
    """
    check_topic_errors(name, run(_grow(name, total, log)).topic_errors)
    click.echo(f"{name}: has {total} partitions", err=True)


async def _grow(name: str, total: int, log: LogConnection) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

    async with connected(AIOKafkaAdminClient, log) as admin:
        return await admin.create_partitions({name: NewPartitions(total)})
