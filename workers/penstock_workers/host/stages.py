"""Where a record can fail, in Kafka Connect's words, and what is said of it there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from penstock import Batch, Part
from penstock.errors import root_cause
from penstock_workers.converters.keys import name_key


class Stage(StrEnum):
    KEY_CONVERTER = "KEY_CONVERTER"
    VALUE_CONVERTER = "VALUE_CONVERTER"
    HEADER_CONVERTER = "HEADER_CONVERTER"
    TASK_PUT = "TASK_PUT"
    """The sink's own `write`."""
    KAFKA_PRODUCE = "KAFKA_PRODUCE"
    """The log refuses it."""

    @property
    def code(self) -> str:
        """Of the error that fails the task."""
        return "write-failed" if self is Stage.TASK_PUT else f"{self.lower().replace('_', '-')}-failed"

    @property
    def complaint(self) -> str:
        return _COMPLAINTS[self]


_COMPLAINTS = {
    Stage.KEY_CONVERTER: "the key cannot be converted",
    Stage.VALUE_CONVERTER: "the value cannot be converted",
    Stage.HEADER_CONVERTER: "a header cannot be converted",
    Stage.TASK_PUT: "the sink cannot write it",
    Stage.KAFKA_PRODUCE: "the log does not take it",
}

_PARTS: dict[Stage, Part] = {Stage.KEY_CONVERTER: "key", Stage.VALUE_CONVERTER: "value"}


@dataclass(frozen=True, slots=True, eq=False)
class RecordFailure:
    """One record that cannot go on, and why."""

    stage: Stage
    batch: Batch
    """As it came: bytes from the log, or what the source yielded."""
    index: int
    error: Exception
    by: str
    """The class that failed."""

    @property
    def unread(self) -> tuple[bytes | None, str]:
        """The bytes from the log that a converter could not read, None where it was something else, and the option that
        names the converter."""
        part = _PARTS.get(self.stage)
        if part is None or self.batch.offsets is None:
            return None, ""
        column = self.batch.keys if part == "key" else self.batch.values
        data = column[self.index] if column is not None else None
        return data if isinstance(data, bytes) else None, name_key(part)

    @property
    def cause(self) -> BaseException:
        """The innermost one."""
        return root_cause(self.error)
