"""What a node does with frames that are not requests, and with connections that misbehave: seen from outside."""

import random
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.conftest import LogNode
    from tests.log.conftest import RawClient

    Connect = Callable[[LogNode], RawClient]

API_VERSIONS, METADATA, FETCH, LIST_OFFSETS, HEARTBEAT, DESCRIBE_GROUPS = 18, 3, 1, 2, 12, 15
DEADLINE_SECONDS = 60


def assert_soon(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def assert_serves(node: "LogNode", connect: "Connect") -> None:
    with connect(node) as client:
        client.send(API_VERSIONS, 0, 77)
        assert client.receive()[0] == 77


MALFORMED = {
    "oversized": (struct.pack(">i", 2_000_000_000), "larger than allowed"),
    "negative size": (b"\xff\xff\xff\xff", "larger than allowed"),
    "http": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "larger than allowed"),
    "empty": (struct.pack(">i", 0), "too short for a request header"),
    "header cut": (struct.pack(">i", 3) + b"\0\0\0", "too short for a request header"),
    "client id too long": (struct.pack(">ihhih", 10, METADATA, 1, 1, 500), "does not fit the frame"),
    "unknown api": (struct.pack(">ihhih", 10, 12345, 1, 1, -1), "no API has the key 12345"),
    "unknown version": (struct.pack(">ihhih", 10, METADATA, 99, 1, -1), "version 99 of API 3 is not served"),
    "old produce": (struct.pack(">ihhih", 10, 0, 2, 1, -1), "version 2 of API 0 is not served"),
    "body cut": (struct.pack(">ihhihi", 14, METADATA, 1, 1, -1, 5), "request refused"),
    "produce cut": (struct.pack(">ihhihh", 12, 0, 8, 1, -1, -1), "do not fit the frame"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_frame_closes_its_connection_with_a_log_line_and_disturbs_no_other(
    log_node: "LogNode", connect: "Connect", kind: str
) -> None:
    frame, reason = MALFORMED[kind]
    with connect(log_node) as other, connect(log_node) as client:
        client.socket.sendall(frame)
        assert client.is_closed_by_the_node()
        assert_soon(
            lambda: any(client.address in line and reason in line for line in log_node.log_lines().splitlines()),
            f"no log line names {client.address} and says: {reason}",
        )
        other.send(API_VERSIONS, 0, 1)
        assert other.receive()[0] == 1


def test_a_frame_that_is_never_finished_disturbs_nobody(log_node: "LogNode", connect: "Connect") -> None:
    with connect(log_node) as client:
        client.socket.sendall(struct.pack(">ihh", 50_000_000, 0, 9) + bytes(100_000))
        assert_serves(log_node, connect)


def test_mutated_requests_leave_the_node_as_it_was(log_node: "LogNode", connect: "Connect") -> None:
    rng = random.Random(4)
    request = struct.pack(">hhih", METADATA, 1, 1, 3) + b"raw" + struct.pack(">ih", 1, 5) + b"fuzz1"
    for _ in range(300):
        mutated = bytearray(request)
        for _ in range(rng.randrange(1, 5)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        with connect(log_node) as client:
            client.socket.sendall(struct.pack(">i", len(mutated)) + mutated)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.is_closed_by_the_node()
    assert_serves(log_node, connect)


@pytest.mark.parametrize("version", [5, 99])
def test_an_api_versions_request_of_the_future_is_answered_in_version_0(
    log_node: "LogNode", connect: "Connect", version: int
) -> None:
    with connect(log_node) as client:
        client.send(API_VERSIONS, version, 5, b"\x00unknown fields")
        correlation_id, body = client.receive()
        error_code, count = struct.unpack_from(">hi", body)
        listed = {key: (low, high) for key, low, high in struct.iter_unpack(">hhh", body[6:])}
        assert (correlation_id, error_code, len(listed)) == (5, 35, count)
        assert listed[API_VERSIONS] == (0, 4)
        client.send(API_VERSIONS, 0, 6)
        assert client.receive()[0] == 6


def test_many_requests_at_once_are_answered_in_order(log_node: "LogNode", connect: "Connect") -> None:
    with connect(log_node) as client:
        for correlation_id in range(500):
            client.send(METADATA if correlation_id % 3 else API_VERSIONS, 0, correlation_id, b"\0\0\0\0")
        assert [client.receive()[0] for _ in range(500)] == list(range(500))


def test_a_request_that_arrives_byte_by_byte_is_answered(log_node: "LogNode", connect: "Connect") -> None:
    with connect(log_node) as client:
        for byte in struct.pack(">ihhih", 10, API_VERSIONS, 0, 9, -1):
            client.socket.sendall(bytes((byte,)))
        assert client.receive()[0] == 9


def test_a_long_poll_holds_up_its_own_connection_only(log_node: "LogNode", connect: "Connect") -> None:
    waits_for_a_minute = struct.pack(">iiiibi", -1, 60_000, 1, 1_000_000, 0, 1)
    unknown_to_nobody = struct.pack(">h", 4) + b"poll" + struct.pack(">iiqi", 1, 0, 0, 1_000_000)
    with connect(log_node) as waiting:
        waiting.send(METADATA, 4, 1, struct.pack(">ih", 1, 4) + b"poll" + b"\x01")
        waiting.receive()
        waiting.send(FETCH, 4, 2, waits_for_a_minute + unknown_to_nobody)
        waiting.send(API_VERSIONS, 0, 3)
        assert_serves(log_node, connect)
        waiting.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.receive()


def test_a_client_that_does_not_read_its_answers_is_not_read_from_without_end(
    log_node: "LogNode", connect: "Connect"
) -> None:
    with connect(log_node) as client:
        client.socket.settimeout(1)
        request = struct.pack(">ihhih", 10, API_VERSIONS, 0, 1, -1) * 10_000
        with pytest.raises(TimeoutError):
            client.socket.sendall(request * 1000)  # 140 MB of requests, whose answers would take 3 GB
        assert_serves(log_node, connect)


def test_what_a_handler_cannot_make_sense_of_closes_the_connection_with_a_reason_and_no_traceback(
    own_log_node: "LogNode", connect: "Connect"
) -> None:
    no_such_level = struct.pack(">iiiibi", -1, 0, 1, 1_000_000, 7, 0)
    no_array = struct.pack(">ibi", -1, 0, -1)
    for api_key, version, body, reason in (
        (FETCH, 4, no_such_level, "there is no isolation level 7"),
        (LIST_OFFSETS, 2, no_array, "array of -1 items"),
    ):
        with connect(own_log_node) as client:
            client.send(api_key, version, 1, body)
            assert client.is_closed_by_the_node()
            assert reason in own_log_node.log_lines()
    assert "Traceback" not in own_log_node.log_lines()


def test_a_length_without_the_bytes_takes_no_memory(own_log_node: "LogNode", connect: "Connect") -> None:
    process = psutil.Process(own_log_node.process.pid)
    before = process.memory_info().rss
    clients = [connect(own_log_node) for _ in range(10)]
    for client in clients:
        client.socket.sendall(struct.pack(">ihh", 100_000_000, 0, 9) + bytes(20_000))
    assert_serves(own_log_node, connect)
    assert process.memory_info().rss - before < 100_000_000
    for client in clients:
        client.socket.close()


def test_a_large_request_arrives_whole_through_growing_buffers(log_node: "LogNode", connect: "Connect") -> None:
    groups = [b"g" * 30_000] * 300
    body = struct.pack(">i", len(groups)) + b"".join(struct.pack(">h", len(group)) + group for group in groups)
    with connect(log_node) as client:
        client.send(DESCRIBE_GROUPS, 0, 1, body)
        client.send(API_VERSIONS, 0, 2)
        correlation_id, answer = client.receive()
        assert (correlation_id, struct.unpack_from(">i", answer)) == (1, (300,))
        assert client.receive()[0] == 2


def test_connections_that_are_reset_before_they_are_accepted_do_not_disturb_a_shutdown(
    own_log_node: "LogNode",
) -> None:
    host, _, port = own_log_node.bootstrap_servers.rpartition(":")
    own_log_node.process.send_signal(signal.SIGSTOP)  # so that the resets come before the node looks
    for _ in range(200):
        client = socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    own_log_node.process.send_signal(signal.SIGTERM)
    own_log_node.process.send_signal(signal.SIGCONT)
    assert own_log_node.process.wait(DEADLINE_SECONDS) == 0, own_log_node.log_lines()
    assert "Traceback" not in own_log_node.log_lines()
