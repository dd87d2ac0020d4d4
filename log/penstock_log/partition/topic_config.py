"""The topic configurations that storage and partition act on, typed from the strings of Kafka's admin calls."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.compaction.planning import CompactionConfig
from penstock_log.storage.partition_log import SegmentLimits

__all__ = ["TopicConfig"]

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_FOREVER_MS: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """Kafka's topic configurations: a field's name is the key with underscores for dots. Defaults are Kafka's own, but
    for `flush.messages`: 1 (the default here) means that a record is visible and acknowledged once it is fsynced."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * _DAY_MS
    index_interval_bytes: int = 4096
    retention_ms: int = 7 * _DAY_MS
    retention_bytes: int = -1
    max_message_bytes: int = 1_048_588
    message_timestamp_type: str = "CreateTime"
    message_timestamp_after_max_ms: int = _HOUR_MS
    message_timestamp_before_max_ms: int = _FOREVER_MS
    cleanup_policy: str = "delete"
    min_insync_replicas: int = 1
    compression_type: str = "producer"
    flush_messages: int = 1
    flush_ms: int = _FOREVER_MS
    delete_retention_ms: int = _DAY_MS
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = _FOREVER_MS

    @classmethod
    def from_strings(cls, configs: Mapping[str, str]) -> Self:
        """Typed from a topic's configs; keys that storage does not act on are passed over."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            key = field.name.replace("_", ".")
            if key in configs:
                values[field.name] = _typed(key, configs[key], field.type)
        return cls(**values)

    @property
    def segment_limits(self) -> SegmentLimits:
        """The active segment is never compacted, so max.compaction.lag.ms limits its age too."""
        segment_ms = min(self.segment_ms, self.max_compaction_lag_ms) if self.is_compacted else self.segment_ms
        return SegmentLimits(self.segment_bytes, segment_ms, self.index_interval_bytes)

    @property
    def compaction(self) -> CompactionConfig:
        return CompactionConfig(
            self.min_cleanable_dirty_ratio,
            self.min_compaction_lag_ms,
            self.max_compaction_lag_ms,
            self.delete_retention_ms,
        )

    @property
    def stamps_append_time(self) -> bool:
        return self.message_timestamp_type == "LogAppendTime"

    @property
    def is_compacted(self) -> bool:
        return "compact" in self.cleanup_policy

    @property
    def is_deleted_by_retention(self) -> bool:
        return "delete" in self.cleanup_policy

    @property
    def has_flush_time(self) -> bool:
        return self.flush_ms < _FOREVER_MS

    @property
    def waits_for_flush(self) -> bool:
        return self.flush_messages == 1


def _typed(key: str, value: str, wanted: Any) -> int | float | str:
    if wanted is str:
        return value
    try:
        return int(value) if wanted is int else float(value)
    except ValueError:
        raise LogError(ErrorCode.invalid_config, f"{key} is {value!r}; it takes a number") from None
