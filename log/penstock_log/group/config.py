"""What a node's configuration says of groups, by Kafka's names with underscores for dots."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConfig:
    """Kafka's defaults, but for the delay: consumers start at once, and members that come later cost a rebalance."""

    group_consumer_heartbeat_interval_ms: int = 5_000
    group_consumer_session_timeout_ms: int = 45_000
    group_initial_rebalance_delay_ms: int = 0
    group_min_session_timeout_ms: int = 6_000
    group_max_session_timeout_ms: int = 1_800_000
    offset_metadata_max_bytes: int = 4096
    offsets_retention_check_interval_ms: int = 600_000
    offsets_retention_minutes: int = 10_080
    offsets_topic_num_partitions: int = 50

    @classmethod
    def from_strings(cls, configs: Mapping[str, str]) -> Self:
        """From a node's configs, of which other parts of the node know the others."""
        keys = {field.name.replace("_", "."): field.name for field in fields(cls)}
        return cls(**{name: int(configs[key]) for key, name in keys.items() if key in configs})

    @property
    def offsets_retention_ms(self) -> int:
        return self.offsets_retention_minutes * 60_000
