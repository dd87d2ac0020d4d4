"""What a node is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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
    settings: Mapping[str, str] = field(default_factory=dict)
