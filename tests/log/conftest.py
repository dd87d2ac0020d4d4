"""A client of bare sockets, for what no real client would send."""

import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from tests.conftest import LogNode

TIMEOUT_SECONDS = 60


class RawClient:
    """A socket that sends and reads frames."""

    def __init__(self, bootstrap_servers: str) -> None:
        host, _, port = bootstrap_servers.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
        self.address = "{}:{}".format(*self.socket.getsockname())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, api_key: int, version: int, correlation_id: int, body: bytes = b"") -> None:
        request = struct.pack(">hhih", api_key, version, correlation_id, 3) + b"raw" + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)

    def receive(self) -> tuple[int, bytes]:
        """The next answer's correlation id, and what follows it."""
        size = struct.unpack(">i", self.read(4))[0]
        frame = self.read(size)
        return struct.unpack(">i", frame[:4])[0], frame[4:]

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            assert chunk, "the node closed the connection"
            data += chunk
        return data

    def is_closed_by_the_node(self) -> bool:
        """Waits for it; a timeout means no."""
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


@pytest.fixture
def connect() -> "Callable[[LogNode], RawClient]":
    """Opens a connection to a node."""
    return lambda node: RawClient(node.bootstrap_servers)
