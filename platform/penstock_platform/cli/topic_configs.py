"""`penstock topic configs` and `penstock topic add-partitions`: a topic looked at, and changed after its creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from penstock import BadConfiguration
from penstock_platform.cli.kafka import bootstrap_option, check_topic_errors, connected, run
from penstock_platform.cli.output import output_option, print_json, print_table


@click.command("configs")
@click.argument("name")
@click.option("-s", "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set this configuration.")
@click.option("--unset", multiple=True, metavar="KEY", help="Let this one go back to its default.")
@click.option("--all", "everything", is_flag=True, help="Those at their default too.")
@bootstrap_option
@output_option
def topic_configs(
    name: str, settings: tuple[str, ...], unset: tuple[str, ...], everything: bool, bootstrap_servers: str, output: str
) -> None:
    """The configurations of topic NAME, after those given are changed."""
    values = dict(pair(setting, option="--set") for setting in settings)
    configs = run(read_configs(name, bootstrap_servers, values, unset))
    if not everything:
        configs = [config for config in configs if config["source"] != "default"]
    if output == "json":
        print_json(configs)
    elif configs:
        print_table(["CONFIG", "VALUE", "SOURCE"], [list(config.values()) for config in configs])
    else:
        click.echo(f"{name}: every configuration is at its default; --all lists them", err=True)


async def read_configs(
    name: str, bootstrap_servers: str, values: Mapping[str, str] = {}, unset: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """All configurations of the topic, after those given are changed."""
    from aiokafka.admin import AIOKafkaAdminClient

    from penstock_platform.cli.configs import change_topic_configs, read_topic_configs

    async with connected(AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers), bootstrap_servers) as admin:
        if values or unset:
            await change_topic_configs(admin, name, values, unset)
        return await read_topic_configs(admin, name)


@click.command("add-partitions")
@click.argument("name")
@click.argument("total", type=click.IntRange(1))
@bootstrap_option
def add_partitions(name: str, total: int, bootstrap_servers: str) -> None:
    """Grow topic NAME to TOTAL partitions.

    Records with a key go to another partition from then on than their like did before.
    """
    check_topic_errors(name, run(_grow(name, total, bootstrap_servers)).topic_errors)
    click.echo(f"{name}: has {total} partitions", err=True)


async def _grow(name: str, total: int, bootstrap_servers: str) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

    async with connected(AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers), bootstrap_servers) as admin:
        return await admin.create_partitions({name: NewPartitions(total)})


def pair(text: str, option: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise BadConfiguration("is not KEY=VALUE", where=f"{option} {text}")
    return key, value
