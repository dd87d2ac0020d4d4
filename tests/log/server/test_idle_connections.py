"""A connection that is silent for connections.max.idle.ms is closed; one that asks, or waits for an answer, is not."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import LogNode

if TYPE_CHECKING:
    from tests.log.conftest import RawClient

FETCH, METADATA, API_VERSIONS = 1, 3, 18
MAX_IDLE_MS = 2000
"""Longer than a busy machine keeps a process that has something to ask from asking it."""
FETCH_WAIT_MS = MAX_IDLE_MS * 3 // 2


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LogNode]:
    node = LogNode(tmp_path / "data", "--set", f"connections.max.idle.ms={MAX_IDLE_MS}")
    node.start()
    yield node
    assert node.stop() == 0


def fetch_body(topic: bytes) -> bytes:
    """Fetch 4 of the first partition, which waits until there is a byte in it or the time is over."""
    limits = struct.pack(">iiiib", -1, FETCH_WAIT_MS, 1, 1 << 20, 0)
    return limits + struct.pack(f">ih{len(topic)}siiqi", 1, len(topic), topic, 1, 0, 0, 1 << 20)


def test_silent_connections_are_closed_and_those_that_ask_are_not(
    node: LogNode, connect: "Callable[[LogNode], RawClient]"
) -> None:
    with connect(node) as silent, connect(node) as busy:
        silent.socket.settimeout(0.05)
        asked = 0
        while not silent.is_closed_by_the_node():
            asked += 1
            busy.send(API_VERSIONS, 0, asked)
            assert busy.receive()[0] == asked
        assert asked > 1


def test_a_connection_that_waits_for_its_answer_is_not_idle(
    node: LogNode, connect: "Callable[[LogNode], RawClient]"
) -> None:
    with connect(node) as waiting:
        waiting.send(METADATA, 1, 1, struct.pack(">ih5s", 1, 5, b"empty"))
        waiting.receive()
        waiting.send(FETCH, 4, 2, fetch_body(b"empty"))
        correlation_id, answer = waiting.receive()
        assert (correlation_id, answer.endswith(bytes(4))) == (2, True)
        assert waiting.is_closed_by_the_node()
