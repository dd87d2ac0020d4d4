"""The port of the API. It is taken before all else: to other workers an open port is a process that lives."""

from __future__ import annotations

import errno
import socket

from penstock import PenstockError

BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Take the port, 0 for any that is free: connections wait from now on to be served. Raises PenstockError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> PenstockError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        message = "another process listens on the port of the REST API"
        return PenstockError(message, code="port-in-use", where=where, hint="choose another with --rest-port")
    hint = "rest.host.name must be an address of this machine" if isinstance(error, socket.gaierror) else ""
    return PenstockError(
        "the REST API cannot listen",
        code="cannot-listen",
        where=where,
        hint=hint or "choose rest.host.name and rest.port",
    )
