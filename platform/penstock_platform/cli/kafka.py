"""What the commands that talk to the log directly share: how they reach it, and how its errors are named."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from penstock import PenstockError
from penstock_platform.cli.root import UnknownName

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection

T = TypeVar("T")


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say how the log is reached; the command gets what they say as `log`."""

    @click.option(
        "--bootstrap-servers",
        envvar="PENSTOCK_BOOTSTRAP_SERVERS",
        help="host:port of one or more nodes of the log, comma-separated. [default: 127.0.0.1:9092]",
    )
    @click.option(
        "--command-config",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="PENSTOCK_COMMAND_CONFIG",
        help="File that says how to connect, as a client.properties of Kafka's does: security.protocol and so on.",
    )
    @functools.wraps(command)
    def with_log(bootstrap_servers: str | None, command_config: Path | None, **arguments: Any) -> Any:
        return command(log=_log_connection(bootstrap_servers, command_config), **arguments)

    return with_log


def _log_connection(bootstrap_servers: str | None, command_config: Path | None) -> LogConnection:
    from penstock_platform.cli.config_file import read_config
    from penstock_workers.log_connection import LogConnection

    options = read_config(command_config) if command_config else {}
    if bootstrap_servers is not None:
        options["bootstrap.servers"] = bootstrap_servers
    return LogConnection.of(options)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; an error of the Kafka client becomes one of ours."""
    from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it would log what we raise
    try:
        return asyncio.run(coroutine)
    except UnknownTopicOrPartitionError as error:
        raise UnknownName(str(error), code="unknown-topic", hint="penstock topic list") from error
    except KafkaError as error:
        raise PenstockError(str(error) or type(error).__name__, code="log-refused") from error


@contextlib.asynccontextmanager
async def connected(client_class: Callable[..., Any], log: LogConnection, **options: Any) -> AsyncIterator[Any]:
    """An aiokafka producer, consumer or admin client with these options: started, and closed in the end."""
    from aiokafka.errors import KafkaConnectionError

    client = client_class(**log.aiokafka_options(), **options)
    close = getattr(client, "stop", None) or client.close
    try:
        await client.start()
    except KafkaConnectionError as error:
        await close()
        reason = await _why_unreachable(log)
        raise reason from reason.__cause__ or error
    try:
        yield client
    finally:
        await close()


async def _why_unreachable(log: LogConnection) -> PenstockError:
    from penstock import ConnectionLost
    from penstock_workers.client.unreachable import why_unreachable

    reason = await why_unreachable(log)
    if not isinstance(reason, ConnectionLost):
        return reason
    return PenstockError(
        f"no node of the log answers: {reason.problem.message}",
        code="no-server",
        where=log.bootstrap_servers,
        hint=f"{reason.problem.hint}; `penstock up` starts one, --bootstrap-servers names another",
    )


def check_topic_errors(name: str, errors: list[tuple[Any, ...]]) -> None:
    """Raise what the log answered for this topic, unless that is success."""
    from aiokafka.errors import UnknownTopicOrPartitionError, for_code

    for _, code, *message in errors:
        if code:
            kind = for_code(code)
            words = str(message[0] if message and message[0] else kind.description)
            if kind is UnknownTopicOrPartitionError:
                raise UnknownName(words, code="unknown-topic", where=name, hint="penstock topic list")
            raise PenstockError(words, code="log-refused", where=name)
