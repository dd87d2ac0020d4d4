"""The listeners of a node, as the broker configuration `listeners` writes them: SASL_SSL://0.0.0.0:9093,PLAINTEXT://…"""

from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from penstock_log.errors import ErrorCode, LogError

__all__ = ["Listener", "SecurityProtocol", "parse_listeners"]


class SecurityProtocol(StrEnum):
    """How the connections of a listener are secured. It names the listener too."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypts(self) -> bool:
        return self.endswith("SSL")

    @property
    def asks_for_login(self) -> bool:
        return self.startswith("SASL")


class Listener(NamedTuple):
    """An address on which a node listens; port 0 stands for any that is free."""

    protocol: SecurityProtocol
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}:{self.port}"


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """LogError INVALID_CONFIG where they cannot be understood, or two of them have one protocol."""
    listeners = tuple(_parse(part.strip()) for part in text.split(",") if part.strip())
    if len({listener.protocol for listener in listeners}) < len(listeners):
        raise LogError(ErrorCode.invalid_config, f"each listener must have another security protocol: {text}")
    return listeners


def _parse(text: str) -> Listener:
    name, _, rest = text.partition("://")
    try:
        address = urlsplit(f"//{rest}")
        protocol, port = SecurityProtocol(name.upper()), address.port
    except ValueError:
        port = None
    if port is None or address.path:
        raise LogError(
            ErrorCode.invalid_config,
            f"a listener is written PROTOCOL://HOST:PORT, with one of {', '.join(SecurityProtocol)}; not {text!r}",
        )
    return Listener(protocol, address.hostname or "0.0.0.0", port)
