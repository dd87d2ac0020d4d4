"""`penstock topic`: the topics of any Kafka, ours included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock_platform.cli.config_file import pairs
from penstock_platform.cli.kafka import check_topic_errors, connected, log_options, run
from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.root import UnknownName
from penstock_platform.cli.topic_configs import add_partitions, read_configs, topic_configs
from penstock_platform.cli.topic_tail import tail_topic

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection


@click.group(name="topic")
def command() -> None:
    """List, describe, create, change, watch and delete topics."""


@command.command("list")
@click.option("--internal", is_flag=True, help="Internal topics too.")
@log_options
@output_option
def list_topics(internal: bool, log: LogConnection, output: str) -> None:
    """Topics with their partitions and how many records they hold."""
    topics = [topic for topic in run(_topics(log)) if internal or not topic["internal"]]
    if output == "json":
        print_json(topics)
    elif topics:
        print_table(
            ["TOPIC", "PARTITIONS", "RECORDS"], [[t["name"], len(t["partitions"]), t["records"]] for t in topics]
        )
    else:
        click.echo("No topics yet. Create one: penstock topic create NAME", err=True)


async def _topics(log: LogConnection, only: str | None = None) -> list[dict[str, Any]]:
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient

    from penstock_workers.client.offset_range import offset_range

    async with connected(AIOKafkaAdminClient, log) as admin:
        described = [topic for topic in await admin.describe_topics() if only in (None, topic["topic"])]
    topics = sorted(described, key=lambda topic: topic["topic"])
    if not topics:
        return []
    places = [TopicPartition(t["topic"], p["partition"]) for t in topics for p in t["partitions"]]
    async with connected(AIOKafkaConsumer, log) as consumer:
        starts, ends = await offset_range(consumer, places)
    return [
        {
            "name": topic["topic"],
            "internal": topic["is_internal"] or topic["topic"].startswith("connect-"),
            "records": sum(ends[place] - starts[place] for place in places if place.topic == topic["topic"]),
            "partitions": [
                {
                    "partition": partition["partition"],
                    "leader": partition["leader"],
                    "replicas": partition["replicas"],
                    "in_sync": partition["isr"],
                    "start_offset": starts[TopicPartition(topic["topic"], partition["partition"])],
                    "end_offset": ends[TopicPartition(topic["topic"], partition["partition"])],
                }
                for partition in sorted(topic["partitions"], key=lambda partition: int(partition["partition"]))
            ],
        }
        for topic in topics
    ]


@command.command("describe")
@click.argument("name")
@log_options
@output_option
def describe_topic(name: str, log: LogConnection, output: str) -> None:
    """Partitions of one topic: leader, replicas, offsets. And which of its configurations are not at their default."""
    found = run(_topics(log, only=name))
    if not found:
        raise UnknownName(
            "there is no such topic", code="unknown-topic", where=name, hint="penstock topic list --internal"
        )
    configs = [config for config in run(read_configs(name, log)) if config["source"] != "default"]
    if output == "json":
        print_json(found[0] | {"configs": {config["name"]: config["value"] for config in configs}})
        return
    columns = ("partition", "leader", "replicas", "in_sync", "start_offset", "end_offset")
    rows = [
        [",".join(map(str, p[c])) if isinstance(p[c], list) else p[c] for c in columns] for p in found[0]["partitions"]
    ]
    print_table([column.replace("_", " ").upper() for column in columns], rows)
    for config in configs:
        click.echo(f"{config['name']}={config['value']}  ({config['source']})")


@command.command("create")
@click.argument("name")
@click.option("--partitions", default=1, show_default=True, type=click.IntRange(1), help="Number of partitions.")
@click.option("--replication-factor", default=1, show_default=True, type=click.IntRange(1), help="Copies of each.")
@click.option("-c", "--config", "configs", multiple=True, metavar="KEY=VALUE", help="A topic configuration.")
@log_options
def create_topic(
    name: str, partitions: int, replication_factor: int, configs: tuple[str, ...], log: LogConnection
) -> None:
    """Create topic NAME."""
    values = pairs(configs, option="--config")
    check_topic_errors(name, run(_create(name, partitions, replication_factor, values, log)).topic_errors)
    click.echo(f"{name}: created with {partitions} partition{'s' * (partitions > 1)}", err=True)


async def _create(name: str, partitions: int, factor: int, configs: dict[str, str], log: LogConnection) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async with connected(AIOKafkaAdminClient, log) as admin:
        return await admin.create_topics([NewTopic(name, partitions, factor, topic_configs=configs)])


@command.command("delete")
@click.argument("names", nargs=-1, required=True)
@click.confirmation_option("--yes", prompt="The records of these topics will be gone. Delete?")
@log_options
def delete_topics(names: tuple[str, ...], log: LogConnection) -> None:
    """Delete topics and all their records."""
    for name in names:
        check_topic_errors(name, run(_delete(name, log)).topic_error_codes)
        click.echo(f"{name}: deleted", err=True)


async def _delete(name: str, log: LogConnection) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient

    async with connected(AIOKafkaAdminClient, log) as admin:
        return await admin.delete_topics([name])


for subcommand in (topic_configs, tail_topic, add_partitions):
    command.add_command(subcommand)
