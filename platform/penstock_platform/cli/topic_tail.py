"""`penstock topic tail`: the last records of a topic, and those to come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from penstock_platform.cli.consume_command import partitions_of, print_record
from penstock_platform.cli.kafka import connected, log_options, run

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection


@click.command("tail")
@click.argument("name")
@click.option("-n", "--count", default=10, show_default=True, type=click.IntRange(0), help="Begin with the last N.")
@click.option("--exit", "at_end", is_flag=True, help="Stop after them instead of waiting for more.")
@click.option(
    "-o", "--output", type=click.Choice(["value", "json"]), default="value", show_default=True, help="Format."
)
@log_options
def tail_topic(name: str, count: int, at_end: bool, output: str, log: LogConnection) -> None:
    """Print the last records of topic NAME by their time, then new ones as they come."""
    run(_tail(name, count, at_end, output == "json", log))


async def _tail(name: str, count: int, at_end: bool, as_json: bool, log: LogConnection) -> None:
    from aiokafka import AIOKafkaConsumer

    places = await partitions_of(name, log)
    async with connected(AIOKafkaConsumer, log, isolation_level="read_committed") as consumer:
        consumer.assign(places)
        _print(sorted(await _last(consumer, places, count), key=lambda record: record.timestamp)[-count:], as_json)
        while not at_end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                _print(records, as_json)


async def _last(consumer: Any, places: list[Any], count: int) -> list[Any]:
    """The records at the last `count` offsets of each partition. Markers and compacted records leave gaps in these."""
    from penstock_workers.client.offset_range import offset_range

    starts, ends = await offset_range(consumer, places)
    for place in places:
        consumer.seek(place, max(starts[place], ends[place] - count))
    found: list[Any] = []
    while not all([await consumer.position(place) >= ends[place] for place in places]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += records
    return found


def _print(records: list[Any], as_json: bool) -> None:
    for record in records:
        print_record(record, as_json)
    sys.stdout.flush()
