"""`penstock produce`: lines from stdin become records."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

import click

from penstock_platform.cli.kafka import connected, log_options, run

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection

LINES_IN_FLIGHT = 10_000


@click.command(name="produce")
@click.argument("topic")
@click.option("-k", "--key-separator", help="Split each line at the first of these: key before, value behind.")
@log_options
def command(topic: str, key_separator: str | None, log: LogConnection) -> None:
    """Write each line of stdin to TOPIC as one record."""
    count = run(_produce(topic, key_separator.encode() if key_separator else None, log))
    click.echo(f"{count} records in {topic}", err=True)


async def _produce(topic: str, separator: bytes | None, log: LogConnection) -> int:
    import asyncio

    from aiokafka import AIOKafkaProducer

    count = 0
    async with connected(AIOKafkaProducer, log, enable_idempotence=True, linger_ms=5) as producer:
        while lines := await asyncio.to_thread(lambda: list(islice(sys.stdin.buffer, LINES_IN_FLIGHT))):
            sent = []
            for line in lines:
                key, value = _split(line.rstrip(b"\r\n"), separator)
                sent.append(await producer.send(topic, value, key))
            await asyncio.gather(*sent)
            count += len(sent)
    return count


def _split(line: bytes, separator: bytes | None) -> tuple[bytes | None, bytes]:
    if separator is None or separator not in line:
        return None, line
    key, _, value = line.partition(separator)
    return key, value
