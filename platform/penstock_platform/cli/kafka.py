"""What the commands that talk to the log directly share: the option, and one place where its errors are named."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import click

from penstock import PenstockError

DEFAULT_BOOTSTRAP_SERVERS = "127.0.0.1:9092"

T = TypeVar("T")


def bootstrap_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--bootstrap-servers",
        default=DEFAULT_BOOTSTRAP_SERVERS,
        show_default=True,
        envvar="PENSTOCK_BOOTSTRAP_SERVERS",
        help="host:port of one or more nodes of the log, comma-separated.",
    )(command)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; an error of the Kafka client becomes one of ours."""
    from aiokafka.errors import KafkaError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it would log what we raise
    try:
        return asyncio.run(coroutine)
    except KafkaError as error:
        raise PenstockError(str(error) or type(error).__name__, code="log-refused") from error


@contextlib.asynccontextmanager
async def connected(client: Any, bootstrap_servers: str) -> AsyncIterator[Any]:
    """An aiokafka client, producer, consumer or admin client: started, and closed in the end."""
    from aiokafka.errors import KafkaConnectionError

    close = getattr(client, "stop", None) or client.close
    try:
        await client.start()
    except KafkaConnectionError as error:
        await close()
        raise PenstockError(
            "no node of the log answers",
            code="no-server",
            where=bootstrap_servers,
            hint="start one with `penstock up`, or name another with --bootstrap-servers",
        ) from error
    try:
        yield client
    finally:
        await close()


def check_topic_errors(name: str, errors: list[tuple[Any, ...]]) -> None:
    """Raise what the log answered for this topic, unless that is success."""
    from aiokafka.errors import for_code

    for _, code, *message in errors:
        if code:
            kind = for_code(code)
            raise PenstockError(
                str(message[0] if message and message[0] else kind.description), code="log-refused", where=name
            )
