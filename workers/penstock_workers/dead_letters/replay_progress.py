"""Which dead letters of one partition have been put back: all up to an offset, and some beyond. Pure.

It is what a consumer group commits: the offset, and the others in the metadata beside it. So it moves in the same
transaction as the records that are put back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from penstock import PenstockError

LONGEST_METADATA = 4000
"""Kafka takes 4096 bytes, offset.metadata.max.bytes."""


class TooManyReplayed(PenstockError):
    """Too many dead letters were put back one by one, beyond those that were not. REST answers 409."""

    code = "too-many-replayed"


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    next_offset: int = 0
    """All before it are done."""
    beyond: frozenset[int] = frozenset()
    """Those at or behind `next_offset` that are done too."""

    @classmethod
    def parse(cls, offset: int, metadata: str) -> ReplayProgress:
        beyond = frozenset(int(each) for each in metadata.split(",") if each.isdecimal())
        return cls(max(0, offset), beyond)

    @property
    def metadata(self) -> str:
        text = ",".join(map(str, sorted(self.beyond)))
        if len(text) > LONGEST_METADATA:
            raise TooManyReplayed(
                f"{len(self.beyond)} dead letters behind offset {self.next_offset} have been replayed one by one",
                hint="replay all, or those from that offset on",
            )
        return text

    def covers(self, offset: int) -> bool:
        return offset < self.next_offset or offset in self.beyond

    def up_to(self, offset: int) -> ReplayProgress:
        """All before it are done now."""
        return self._advanced(max(offset, self.next_offset), self.beyond)

    def with_(self, offsets: Collection[int]) -> ReplayProgress:
        """These are done now, and no others."""
        return self._advanced(self.next_offset, self.beyond | frozenset(offsets))

    @staticmethod
    def _advanced(next_offset: int, beyond: frozenset[int]) -> ReplayProgress:
        while next_offset in beyond:
            next_offset += 1
        return ReplayProgress(next_offset, frozenset(offset for offset in beyond if offset > next_offset))
