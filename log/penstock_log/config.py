"""What a node is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock_log.errors import ErrorCode, LogError
from penstock_log.security.listeners import Listener, SecurityProtocol, parse_listeners


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """`settings` are Kafka's broker configurations by name, as strings (`controller/broker_configs.py` lists them)."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 9092
    """0 takes a free port."""
    node_id: int = 0
    advertised_host: str | None = None
    """The host that clients are told to connect to, where it is not `host` (which may be 0.0.0.0)."""
    users_file: Path | None = None
    """See `security/users.py`."""
    metrics_port: int | None = None
    """Where Prometheus finds /metrics, on `host`; 0 takes a free port. None: nowhere."""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """As the setting `listeners` says, or one on `host` and `port`."""
        return parse_listeners(self.settings.get("listeners", "")) or (
            Listener(SecurityProtocol.PLAINTEXT, self.host, self.port),
        )

    def client_host(self, listening_host: str) -> str:
        """The host that clients are told, in every Metadata answer. LogError where they could not connect to it."""
        host = self.advertised_host or listening_host
        if host in ("0.0.0.0", "::"):
            raise LogError(
                ErrorCode.invalid_config,
                f"clients cannot connect to {host}: say with --advertised-host by which name they reach this machine",
            )
        return host
