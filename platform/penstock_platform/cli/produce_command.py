"""`penstock produce`: lines from stdin become records."""

from __future__ import annotations

import sys
from itertools import islice

import click

from penstock_platform.cli.kafka import bootstrap_option, connected, run

LINES_IN_FLIGHT = 10_000


@click.command(name="produce")
@click.argument("topic")
@click.option("-k", "--key-separator", help="Split each line at the first of these: key before, value behind.")
@bootstrap_option
def command(topic: str, key_separator: str | None, bootstrap_servers: str) -> None:
    """Write each line of stdin to TOPIC as one record."""
    count = run(_produce(topic, key_separator.encode() if key_separator else None, bootstrap_servers))
    click.echo(f"{count} records in {topic}", err=True)


async def _produce(topic: str, separator: bytes | None, bootstrap_servers: str) -> int:
    import asyncio

    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True, linger_ms=5)
    count = 0
    async with connected(producer, bootstrap_servers):
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
