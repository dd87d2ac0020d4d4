"""What a node's configuration says of transactions, by Kafka's names with underscores for dots; Kafka's defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionConfig:
    transaction_max_timeout_ms: int = 900_000
    transaction_state_log_num_partitions: int = 50
    transactional_id_expiration_ms: int = 604_800_000

    @classmethod
    def from_strings(cls, configs: Mapping[str, str]) -> Self:
        """From a node's configs, of which other parts of the node know the others."""
        keys = {field.name.replace("_", "."): field.name for field in fields(cls)}
        return cls(**{name: int(configs[key]) for key, name in keys.items() if key in configs})
