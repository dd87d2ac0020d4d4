"""`penstock consume`: the records of a topic on stdout."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from penstock_platform.cli.kafka import connected, log_options, run
from penstock_platform.cli.root import UnknownName

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection

TOPIC_PATIENCE_SECONDS, TOPIC_INTERVAL_SECONDS = 3.0, 0.2


@click.command(name="consume")
@click.argument("topic")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after so many records.")
@click.option("--from", "start", type=click.Choice(["beginning", "end"]), default="beginning", show_default=True)
@click.option("--exit", "at_end", is_flag=True, help="Stop at the end instead of waiting for more.")
@click.option(
    "-o", "--output", type=click.Choice(["value", "json"]), default="value", show_default=True, help="Format."
)
@log_options
def command(topic: str, count: int | None, start: str, at_end: bool, output: str, log: LogConnection) -> None:
    """Print the records of TOPIC, joining no group and committing nothing."""
    run(_consume(topic, count, start, at_end, output == "json", log))


async def _consume(topic: str, count: int | None, start: str, at_end: bool, as_json: bool, log: LogConnection) -> None:
    from aiokafka import AIOKafkaConsumer

    places = await _partitions_soon(topic, log)
    async with connected(
        AIOKafkaConsumer,
        log,
        isolation_level="read_committed",
        auto_offset_reset="earliest" if start == "beginning" else "latest",
    ) as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while count is None or count > 0:
            if at_end and all([await consumer.position(place) >= ends[place] for place in places]):
                return
            for records in (await consumer.getmany(timeout_ms=200, max_records=count)).values():
                for record in records:
                    print_record(record, as_json)
                count = None if count is None else count - len(records)
            sys.stdout.flush()


async def _partitions_soon(topic: str, log: LogConnection) -> list[Any]:
    """The connector that makes the topic may just be starting: wait a little before calling it unknown."""
    give_up_at = time.monotonic() + TOPIC_PATIENCE_SECONDS  # no timeout: aiokafka swallows what cancels its closing
    while True:
        try:
            return await partitions_of(topic, log)
        except UnknownName:
            if time.monotonic() >= give_up_at:
                raise
            await asyncio.sleep(TOPIC_INTERVAL_SECONDS)


async def partitions_of(topic: str, log: LogConnection) -> list[Any]:
    """As aiokafka's TopicPartitions. Asked of an admin client, since a consumer's question would create the topic."""
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient

    async with connected(AIOKafkaAdminClient, log) as admin:
        described = [each for each in await admin.describe_topics() if each["topic"] == topic]
    if not described:
        raise UnknownName("there is no such topic", code="unknown-topic", where=topic, hint="penstock topic list")
    return [TopicPartition(topic, partition["partition"]) for partition in described[0]["partitions"]]


def print_record(record: Any, as_json: bool) -> None:
    """One line on stdout: the value as it is, or all of the record as JSON."""
    if not as_json:
        sys.stdout.buffer.write((record.value or b"") + b"\n")
        return
    described = {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _decoded(record.key),
        "value": _decoded(record.value),
        "headers": {key: _decoded(value) for key, value in record.headers},
    }
    sys.stdout.buffer.write(json.dumps(described, ensure_ascii=False).encode() + b"\n")


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
