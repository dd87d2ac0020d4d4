"""What the log can be told, and what it answers to: configurations, and the APIs of the Kafka protocol."""

from __future__ import annotations

import asyncio
import logging
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path

import structlog
from kio.schema.index import api_key_map

from penstock_log.config import NodeConfig
from penstock_log.controller.broker_configs import BROKER_CONFIGS
from penstock_log.controller.config_spec import LONG_MAX, ConfigSpec
from penstock_log.controller.topic_configs import TOPIC_CONFIGS
from penstock_log.node import Node
from writers.markdown import table

API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, 0, -1)
"""Size, API key, version, correlation id, and no client id."""


def topic_configs() -> str:
    return (
        "# Configurations of a topic of the bundled log\n\n"
        "By Kafka's names, with Kafka's defaults but for `flush.messages`. Set them when a topic is created "
        "(`penstock topic create NAME --config KEY=VALUE`), or later with any Kafka client's AlterConfigs.\n\n"
        + _table(TOPIC_CONFIGS.values())
    )


def broker_configs() -> str:
    return (
        "# Configurations of a node of the bundled log\n\n"
        "By the names that Kafka's brokers give them. Read when the node starts: `penstock log --set KEY=VALUE`.\n\n"
        + _table(BROKER_CONFIGS.values())
    )


def _table(specs: Iterable[ConfigSpec]) -> str:
    rows = [[f"`{spec.name}`", spec.type.name.lower(), _default(spec), _description(spec)] for spec in specs]
    return table(["configuration", "type", "default", "description"], rows)


def _default(spec: ConfigSpec) -> str:
    text = "the largest long" if spec.default == str(LONG_MAX) else f"`{spec.default}`"
    return text if spec.default else "empty"


def _description(spec: ConfigSpec) -> str:
    return spec.documentation + (f" One of {', '.join(f'`{each}`' for each in spec.choices)}." if spec.choices else "")


def api_versions() -> str:
    """Asked of a running node, as any client asks it."""
    rows = [
        [str(key), api_key_map[key].replace("_", " ").title().replace(" ", ""), str(first), str(last)]
        for key, first, last in asyncio.run(_advertised())
    ]
    return (
        "# APIs of the Kafka protocol that the bundled log serves\n\n"
        "What a node answers to ApiVersions. A client takes the highest version that both sides know.\n\n"
        + table(["key", "API", "from version", "to version"], rows)
    )


async def _advertised() -> list[tuple[int, int, int]]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as directory:
        node = Node(NodeConfig(Path(directory), port=0))
        await node.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", node.endpoints[0].port)
            writer.write(API_VERSIONS_REQUEST)
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            answer = await reader.readexactly(size)
            writer.close()
        finally:
            await node.stop()
    _, error_code, count = struct.unpack_from(">ihi", answer)
    assert error_code == 0
    return [struct.unpack_from(">hhh", answer, 10 + 6 * index) for index in range(count)]
