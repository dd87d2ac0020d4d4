"""The topics that groups of these tests read."""

import re
from dataclasses import dataclass, field
from uuid import UUID, uuid5

NAMESPACE = UUID(int=848)


@dataclass
class SomeTopics:
    """`penstock_log.group.topics.Topics` from a table of partition counts."""

    counts: dict[str, int] = field(default_factory=lambda: {"lines": 4})

    def topic_id(self, name: str) -> UUID | None:
        return uuid5(NAMESPACE, name) if name in self.counts else None

    def topic_name(self, topic_id: UUID) -> str | None:
        return next((name for name in self.counts if self.topic_id(name) == topic_id), None)

    def partition_count(self, topic: str) -> int:
        return self.counts.get(topic, 0)

    def matching(self, pattern: str) -> frozenset[str]:
        return frozenset(name for name in self.counts if re.fullmatch(pattern, name))
