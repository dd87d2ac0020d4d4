"""Converters: how a column of values becomes a column of bytes in the log, and values again.

A converter works on columns, as batches do, and knows nothing of topics, offsets or the errors of single records: where
a column cannot be converted it raises whatever it likes, and the platform converts its records one at a time to find
those that are at fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from penstock.records import Schema


class Column(NamedTuple):
    values: Sequence[Any]
    schemas: Sequence[Schema | None] | None = None
    """For each value its schema, None where it has none; None where no value has one."""


class Converter(ABC):
    """Pure: the same input gives the same output, and nothing else happens."""

    @abstractmethod
    def to_bytes(self, column: Column) -> Sequence[bytes | None]:
        """As many as there are values. None stands for null."""

    @abstractmethod
    def from_bytes(self, column: Sequence[bytes | None]) -> Column:
        """As many as there are in `column`."""
