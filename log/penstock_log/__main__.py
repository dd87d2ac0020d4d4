"""`python -m penstock_log`: run one node until SIGTERM or SIGINT.

The first line on stdout is JSON with the addresses, once clients can connect; logs go to stderr.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from penstock_log.config import NodeConfig
from penstock_log.errors import LogError
from penstock_log.node import DataDirectoryInUse, Node


def main() -> int:
    config = _parse_arguments()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # The default formatter prints local variables: what clients send, and pages of it.
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return run_node(config)


def run_node(config: NodeConfig) -> int:
    """Serve until SIGTERM or SIGINT, in this process. Answers its exit code: 2 where starting again will not help."""
    try:
        serve(config)
    except (DataDirectoryInUse, LogError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(
            f"cannot serve on {', '.join(map(str, config.listeners))} from {config.data_dir}: {error}."
            " Another address or directory: --port, --host, --data-dir\n"
        )
        return 2
    return 0


def serve(config: NodeConfig) -> None:
    """Likewise, for a caller with words of its own: raises DataDirectoryInUse, LogError, and OSError."""
    _run(_serve(config))


def _parse_arguments() -> NodeConfig:
    parser = argparse.ArgumentParser(prog="python -m penstock_log", description="Run a node of the Penstock log.")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9092, help="0 takes a free port (default: %(default)s)")
    parser.add_argument("--node-id", type=int, default=0)
    parser.add_argument("--advertised-host", help="the host that clients are told to connect to (default: --host)")
    parser.add_argument("--users", type=Path, help="file of NAME=PASSWORD lines: users to be added where missing")
    parser.add_argument(
        "--metrics-port", type=int, help="serve /metrics for Prometheus on this port (default: nowhere)"
    )
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a broker configuration of Kafka's"
    )
    arguments = parser.parse_args()
    settings = dict(setting.partition("=")[::2] for setting in arguments.set)
    return NodeConfig(
        arguments.data_dir,
        arguments.host,
        arguments.port,
        arguments.node_id,
        arguments.advertised_host,
        arguments.users,
        arguments.metrics_port,
        settings,
    )


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        asyncio.run(main)
    else:
        uvloop.run(main)


async def _serve(config: NodeConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    node = Node(config)
    await node.start()
    listeners = ",".join(f"{each.listener}://{each.host}:{each.port}" for each in node.endpoints)
    addresses = {"bootstrap.servers": node.bootstrap_servers, "listeners": listeners}
    if node.metrics_url is not None:
        addresses["metrics"] = node.metrics_url
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await node.stop()


if __name__ == "__main__":
    sys.exit(main())
