"""Ports for processes that must keep theirs: over a restart, or because a client is told of it before they listen."""

import os
import random
import socket
from itertools import islice

FIRST, LAST = 12_000, 27_999
"""Below those that systems give to connections. A client that calls again and again while a server is away could be
else given that server's own port, and keep it from coming back."""
_SHARES = 16
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
"""Of the processes of one run none is given a port that another has, even while nothing listens on it."""
_CHANCE = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """One that nothing listens on, and that this process has not been given before."""
    for port in islice(iter(lambda: _CHANCE.randrange(FIRST + _SHARE, LAST, _SHARES), None), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise OSError(f"no port from {FIRST} to {LAST} is free")
